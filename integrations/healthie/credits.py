"""HealthieCredits: what the ledger of package credits says about a visit. Reads only: an absolute number is never written."""

from collections.abc import Iterable
from itertools import pairwise

from booking.changes.model import RequestedChange
from integrations.healthie.acting import StaffClient
from integrations.healthie.answers import every
from integrations.healthie.generated.credit_changes import CreditChangesAppointmentTypeCreditChangesNodes
from integrations.upstream.errors import reading

Entry = CreditChangesAppointmentTypeCreditChangesNodes


class HealthieCredits:
    """The port Credits."""

    def __init__(self, *, staff: StaffClient) -> None:
        self._staff = staff

    async def given_back(self, change: RequestedChange) -> bool:
        """Whether the ledger shows that the visit's credit came back after it was taken. Raises UpstreamUnavailable."""
        client = await self._staff(change.visit_slot.clinician_id)
        with reading():
            entries = await every(
                lambda after: client.credit_changes(
                    user_id=change.patient_id,
                    appointment_type_id=change.visit_slot.visit_type_id,
                    after=after,
                ),
                lambda answer: answer.appointment_type_credit_changes,
            )
        return came_back(entries, change.visit_id)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The lines by their time, oldest first."""
    return sorted(entries, key=lambda each: (each.created_at, int(each.id) if each.id.isdigit() else 0))


def came_back(entries: Iterable[Entry], appointment_id: str) -> bool:
    """Whether the visit's last entry added a credit, after one that took one.

    Healthie documents neither the words of an event nor the order of the list: what an entry did is the difference to the quantity
    before it, by the time of the entries. The first entry of all has none before it and is taken for a change from zero.
    """
    ordered = in_order(entries)
    before = [0, *(each.credit_quantity for each in ordered)]
    steps = [
        later - earlier
        for (earlier, later), entry in zip(pairwise(before), ordered, strict=True)
        if entry.appointment is not None and entry.appointment.id == appointment_id
    ]
    return bool(steps) and steps[-1] > 0 and any(step < 0 for step in steps[:-1])
