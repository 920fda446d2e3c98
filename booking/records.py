"""Patients' records. Whose they may be is declared on the fields that read them: see `schema/permissions.py`."""

from collections.abc import Sequence

from booking.models import Appointment, Card, Patient
from booking.ports import Cards, Patients


class RecordsService:
    """Reads what the practice has on a patient."""

    def __init__(self, *, patients: Patients, cards: Cards) -> None:
        self._patients = patients
        self._cards = cards

    async def profile(self, patient_id: str) -> Patient | None:
        """Their record; None when there is none. Raises UpstreamUnavailable."""
        return await self._patients.profile(patient_id)

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        """Their visits, newest start first. Raises UpstreamUnavailable."""
        return await self._patients.appointments(patient_id)

    async def cards(self, patient_id: str) -> Sequence[Card]:
        """Their cards on file. Raises UpstreamUnavailable."""
        return await self._cards.on_file(patient_id)
