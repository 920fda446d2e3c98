"""Free time, as Healthie computes it: one request per two days, identical questions asked once."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.catalog.model import ContactType
from booking.single_flight import SingleFlight
from booking.slots import Slot
from integrations.healthie.contact_types import healthie_name
from integrations.healthie.generated.client import Client
from integrations.healthie.keys import KeyStore
from integrations.upstream.errors import ContractBroken, reading

# Healthie means a query for a day at a time; long ones are slow and can time out. Two make a week four requests.
DAYS_PER_REQUEST = 2


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked; equal questions share their requests."""

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None
    clinician_ids: tuple[str, ...]  # sorted, each once
    first: date
    last: date
    time_zone: str


class HealthieAvailability:
    """The port Availability. Knows nothing of holds."""

    def __init__(self, *, client: Client, keys: KeyStore) -> None:
        self._client = client
        self._keys = keys
        self._slots: SingleFlight[Question, list[Slot]] = SingleFlight()
        self._days: SingleFlight[Question, list[date]] = SingleFlight()

    async def slots(
        self,
        *,
        visit_type_id: str,
        contact_type: ContactType,
        location_id: str | None,
        clinician_ids: Sequence[str],
        first: date,
        last: date,
        time_zone: str,
    ) -> Sequence[Slot]:
        """Slots that start on the days first..last in the time zone, by start then clinician. Raises UpstreamUnavailable."""
        question = Question(
            visit_type_id=visit_type_id,
            contact_type=contact_type,
            location_id=location_id,
            clinician_ids=self._bookable(clinician_ids),
            first=first,
            last=last,
            time_zone=time_zone,
        )
        if not question.clinician_ids:
            return []
        with reading():
            return await self._slots(question, lambda: self._read_slots(question))

    async def days(
        self,
        *,
        visit_type_id: str,
        contact_type: ContactType,
        location_id: str | None,
        clinician_ids: Sequence[str],
        month: date,
        time_zone: str,
    ) -> Sequence[date]:
        """The days of the month on which anything is free, ascending. Raises UpstreamUnavailable."""
        first = month.replace(day=1)
        question = Question(
            visit_type_id=visit_type_id,
            contact_type=contact_type,
            location_id=location_id,
            clinician_ids=self._bookable(clinician_ids),
            first=first,
            last=(first + timedelta(days=32)).replace(day=1) - timedelta(days=1),
            time_zone=time_zone,
        )
        if not question.clinician_ids:
            return []
        with reading():
            return await self._days(question, lambda: self._read_days(question))

    def _bookable(self, clinician_ids: Sequence[str]) -> tuple[str, ...]:
        """Those whose key is proved: nobody else is offered."""
        return tuple(sorted(self._keys.proved & set(clinician_ids)))

    async def _read_slots(self, question: Question) -> list[Slot]:
        windows = await self._read_windows(question)
        zone = ZoneInfo(question.time_zone)
        found = {
            (slot.start, slot.clinician_id): slot
            for window in windows
            for slot in window
            if question.first <= slot.start.astimezone(zone).date() <= question.last
        }
        return [found[key] for key in sorted(found)]

    async def _read_windows(self, question: Question) -> list[list[Slot]]:
        """Those of all windows; when one fails there is no answer, and the others would be asked for in vain."""
        try:
            async with asyncio.TaskGroup() as reads:
                windows = [
                    reads.create_task(self._read_window(question, first, last))
                    for first, last in _windows(question)
                ]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [window.result() for window in windows]

    async def _read_window(self, question: Question, first: date, last: date) -> list[Slot]:
        zone = ZoneInfo(question.time_zone)
        answer = await self._client.available_slots(
            provider_id=question.clinician_ids[0],
            provider_ids=list(question.clinician_ids),
            appt_type_id=question.visit_type_id,
            contact_type=healthie_name(question.contact_type),
            appt_loc_id=question.location_id,
            start_date=datetime.combine(first, time.min, zone),
            end_date=datetime.combine(last, time(23, 59, 59), zone),
            timezone=question.time_zone,
        )
        asked = set(question.clinician_ids)
        return [
            Slot(
                clinician_id=each.user_id,
                visit_type_id=question.visit_type_id,
                contact_type=question.contact_type,
                location_id=question.location_id,
                start=each.date,
                minutes=each.length,
            )
            for each in answer.available_slots_for_range or ()
            if each.user_id in asked and each.date and each.length and not each.is_fully_booked
        ]

    async def _read_days(self, question: Question) -> list[date]:
        answer = await self._client.available_days(
            provider_id=question.clinician_ids[0],
            provider_ids=list(question.clinician_ids),
            appt_type_id=question.visit_type_id,
            contact_type=healthie_name(question.contact_type),
            appt_loc_id=question.location_id,
            date_from_month=question.first.isoformat(),
            timezone=question.time_zone,
        )
        try:
            found = {date.fromisoformat(day[:10]) for day in answer.days_available_for_range or () if day}
        except ValueError:
            raise ContractBroken("AvailableDays", "undecodable_answer") from None
        return sorted(day for day in found if question.first <= day <= question.last)


def _windows(question: Question) -> Iterator[tuple[date, date]]:
    """The asked days in runs of at most DAYS_PER_REQUEST."""
    first = question.first
    while first <= question.last:
        last = min(first + timedelta(days=DAYS_PER_REQUEST - 1), question.last)
        yield first, last
        first = last + timedelta(days=1)
