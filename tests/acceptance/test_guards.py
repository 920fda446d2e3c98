"""What happens while a call waits to be sent again stops it: nothing is charged or booked by a program that has not looked."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from integrations.database.engine import connect_database
from integrations.database.tables.operations import clinician_blocks
from tests.plugins.stack import Stack


async def block(stack: Stack, clinician_id: str) -> None:
    """What the program writes when a visit comes back under another clinician's name."""
    engine = connect_database(stack.settings.database_url)
    async with engine.begin() as connection:
        block = {
            "clinician_id": clinician_id,
            "reason": "provider_mismatch",
            "checkout_id": "chk_another",
            "blocked_at": datetime.now(UTC),
        }
        await connection.execute(insert(clinician_blocks), block)
    await engine.dispose()


@pytest.mark.parametrize(
    ("operation", "status"), [("Charge", "CANCELLED"), ("Book", "REFUNDED")], ids=["charge", "booking"]
)
async def test_a_clinician_who_is_blocked_while_a_call_waits_is_neither_charged_for_nor_booked(
    stack: Stack, operation: str, status: str
) -> None:
    slot = await stack.slot()
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        slot["id"], planId=stack.plan("First Visit")
    )
    await stack.fault("lost_request", operation)
    waiting = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert waiting["__typename"] == "CheckoutProcessing"
    await block(stack, slot["clinicianId"])
    await stack.work()
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == (status, "CLINICIAN_NOT_BOOKABLE")
    made = await stack.made()
    assert [charge["amount"] - charge["refunded"] for charge in made["charges"]] == [0] * (
        operation == "Book"
    )
    assert made["appointments"] == []
    assert (await stack.upstream()).count(operation) == 1
