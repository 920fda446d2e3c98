"""A seeded patient, and what the practice has as the number of their credits."""

from tests.acceptance.app import App
from tests.plugins.stack import Stack

VISIT = "Single Visit"

LEFT = "query Left($id: ID!) { user(id: $id) { appointment_type_credits { appointment_type_id quantity } } }"


def patient_of(stack: Stack) -> tuple[str, App]:
    patient_id = str(stack.practice["patients"][0]["id"])
    return patient_id, stack.patient(patient_id)


async def left(stack: Stack, patient_id: str, visit: str = VISIT) -> int:
    """What the practice has as the patient's number."""
    rows = (await stack.emulator.ask(LEFT, id=patient_id))["user"]["appointment_type_credits"]
    return sum(int(row["quantity"]) for row in rows if row["appointment_type_id"] == stack.visit(visit))
