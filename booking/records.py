"""A signed-in patient's own records; nobody can ask for another's."""

from collections.abc import Sequence

from booking.models import Appointment, Card, Patient
from booking.ports import Cards, Patients
from booking.principals import Caller


class RecordsService:
    """Reads what belongs to the caller."""

    def __init__(self, *, patients: Patients, cards: Cards) -> None:
        self._patients = patients
        self._cards = cards

    async def profile(self, caller: Caller) -> Patient | None:
        """The caller's own record; None when nobody is signed in, or the record is gone."""
        patient_id = caller.principal.patient_id
        return await self._patients.profile(patient_id) if patient_id else None

    async def appointments(self, caller: Caller) -> Sequence[Appointment]:
        """The caller's visits, newest start first."""
        patient_id = caller.principal.patient_id
        return await self._patients.appointments(patient_id) if patient_id else ()

    async def cards(self, caller: Caller) -> Sequence[Card]:
        """The caller's cards on file."""
        patient_id = caller.principal.patient_id
        return await self._cards.on_file(patient_id) if patient_id else ()
