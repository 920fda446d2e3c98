"""Patients' records. Who may read whose is declared on the GraphQL fields (`schema/permissions.py`), not here."""

from collections.abc import Sequence

from booking.models import Appointment, Card, Patient
from booking.ports import Cards, Patients


class RecordsService:
    """Reads a patient's profile, visits and cards from the system of record."""

    def __init__(self, *, patients: Patients, cards: Cards) -> None:
        self._patients = patients
        self._cards = cards

    async def profile(self, patient_id: str) -> Patient | None:
        """The patient's record; None when there is none. Raises UpstreamUnavailable."""
        return await self._patients.profile(patient_id)

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        """The patient's visits, latest start first. Raises UpstreamUnavailable."""
        return await self._patients.appointments(patient_id)

    async def cards(self, patient_id: str) -> Sequence[Card]:
        """The patient's cards on file. Raises UpstreamUnavailable."""
        return await self._cards.on_file(patient_id)
