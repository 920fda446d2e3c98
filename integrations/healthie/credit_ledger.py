"""HealthieCreditLedger: a patient's credits for one visit type, from their number and from the ledger's lines. Reads only."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from booking.checkout.credits import CreditAccount
from integrations.healthie.acting import StaffClient
from integrations.healthie.answers import every
from integrations.healthie.credits import Entry, in_order
from integrations.healthie.generated.credits_left import CreditsLeftUserAppointmentTypeCredits
from integrations.upstream.errors import reading


class HealthieCreditLedger:
    """The port CreditLedger."""

    def __init__(self, *, staff: StaffClient) -> None:
        self._staff = staff

    async def account(
        self, patient_id: str, visit_type_id: str, *, clinician_id: str
    ) -> CreditAccount | None:
        """The patient's credits; None unless `use_client_credit_system` is on for the clinician. Raises UpstreamUnavailable."""
        client = await self._staff(clinician_id)
        with reading():
            answer = await client.credits_left(
                user_id=patient_id, appointment_type_id=visit_type_id, provider_id=clinician_id
            )
            settings = answer.appointment_setting
            if settings is None or settings.use_client_credit_system is not True:
                return None
            entries = await every(
                lambda after: client.credit_changes(
                    user_id=patient_id, appointment_type_id=visit_type_id, after=after
                ),
                lambda page: page.appointment_type_credit_changes,
            )
        rows = answer.user.appointment_type_credits if answer.user else []
        own = [row for row in rows if _is_of(row, patient_id, visit_type_id)]
        return CreditAccount(
            left=_total(own),
            uses=uses_of(entries),
            named=frozenset(each.appointment.id for each in entries if each.appointment is not None),
        )

    async def was_used(self, appointment_id: str, *, clinician_id: str) -> bool:
        """Whether `credit_was_used` says so. Raises UpstreamUnavailable."""
        client = await self._staff(clinician_id)
        with reading():
            answer = await client.booked_visit(id=appointment_id)
        return answer.appointment is not None and answer.appointment.credit_was_used is True


def uses_of(entries: Iterable[Entry]) -> dict[str, int]:
    """The visits whose credit is taken and not given back, with the number after the use.

    What a line did is the difference to the one before it, as in credits.py.
    """
    ordered = in_order(entries)
    numbers = [0, *(each.credit_quantity for each in ordered)]
    uses: dict[str, int] = {}
    for (earlier, later), entry in zip(pairwise(numbers), ordered, strict=True):
        if entry.appointment is None:
            continue
        if later < earlier:
            uses[entry.appointment.id] = later
        elif later > earlier:
            uses.pop(entry.appointment.id, None)
    return uses


def _is_of(row: CreditsLeftUserAppointmentTypeCredits, patient_id: str, visit_type_id: str) -> bool:
    """Whether a row is the patient's own for this type: a filter that Healthie does not apply would list others."""
    return row.appointment_type_id == visit_type_id and str(row.user_id) in {patient_id, "None"}


def _total(rows: Sequence[CreditsLeftUserAppointmentTypeCredits]) -> int:
    """The sum of the numbers, which are text; one that is no whole number is no credit."""
    return sum(_whole(row.quantity) for row in rows)


def _whole(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return 0
