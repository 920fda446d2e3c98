"""Looking for free time: what the system of record offers, less what is held or claimed here."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from booking.catalog.model import Catalog, ContactType, VisitType
from booking.errors import InvalidInput
from booking.ports import Availability, CatalogSource, Clock, HoldStore
from booking.scheduling.recent_slots import Offered, Question, RecentSlots
from booking.slots import Busy, Interval, Slot, free_of
from booking.unit_of_work import UnitOfWorkFactory
from booking.zones import zone

A = TypeVar("A")
B = TypeVar("B")

# A calendar month: a longer look is a mistake or an attack, and costs the upstream a request for every two days.
MAX_DAYS = 31

# No practice opens its calendar further ahead.
HORIZON = timedelta(days=731)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a patient looks for."""

    visit_type_id: str
    contact_type: ContactType | None = None  # None: the visit type's first
    location_id: str | None = None
    clinician_ids: tuple[str, ...] | None = None  # None: everybody who offers the visit
    state: str | None = None  # only clinicians licensed there
    time_zone: str = "UTC"  # IANA; days are counted in it


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day of the patient's calendar and what is free on it."""

    date: date
    slots: tuple[Slot, ...]
    as_of: datetime  # UTC; when the system of record was asked
    stale: bool  # it could not be asked anew; what is held and claimed here is left out all the same


class SlotSearch:
    """Finds free days and slots; a held or claimed interval is absent whatever its visit type."""

    def __init__(
        self,
        *,
        catalog: CatalogSource,
        availability: Availability,
        holds: HoldStore,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._availability = availability
        self._holds = holds
        self._units = units
        self._clock = clock
        self._recent = RecentSlots(availability=availability, clock=clock)

    def forget(self) -> None:
        """Availability has changed upstream: answer nothing that this process has read before. Others remember it for seconds only."""
        self._recent.forget()

    async def slots(self, wanted: Wanted, *, first: date, last: date) -> list[Day]:
        """Every day first..last (inclusive, in the wanted zone) with its free slots, those that are too soon to be booked left out.

        While the system of record cannot be asked, what it said up to 15 seconds ago is answered, and marked. Raises InvalidInput on
        an unknown visit type, clinician or zone and on an absurd range, before anything is sent; UpstreamUnavailable.
        """
        question = await self.question(wanted, first=first, last=last)
        offered, taken = await _both(self.offered(question), self.taken(question))
        return self.by_day(question, offered, taken)

    async def question(self, wanted: Wanted, *, first: date, last: date) -> Question:
        """What is to be asked of the system of record. Raises InvalidInput."""
        self._check_range(first, last, zone(wanted.time_zone))
        catalog = await self._catalog.catalog()
        visit_type, contact, clinicians = self._resolve(catalog, wanted)
        return Question(
            visit_type_id=visit_type.id,
            contact_type=contact,
            location_id=wanted.location_id,
            clinician_ids=tuple(clinicians),
            first=first,
            last=last,
            time_zone=wanted.time_zone,
            notice=catalog.policy_for(visit_type).schedule_notice or timedelta(),
        )

    async def offered(self, question: Question) -> Offered:
        """What the system of record offers, or said a moment ago. Raises UpstreamUnavailable."""
        if not question.clinician_ids:
            return Offered(slots=(), as_of=self._clock.now())
        return await self._recent.slots(question)

    async def taken(self, question: Question) -> list[Busy]:
        """What is held or claimed of the time that is asked for."""
        if not question.clinician_ids:
            return []
        return await self.busy(list(question.clinician_ids), span_of(question))

    def by_day(self, question: Question, offered: Offered, taken: Iterable[Busy]) -> list[Day]:
        """Every day that is asked for, with what is offered, not past, not too soon to be booked, and not taken."""
        now, place = self._clock.now(), zone(question.time_zone)
        by_day: dict[date, list[Slot]] = {
            question.first + timedelta(days=n): [] for n in range((question.last - question.first).days + 1)
        }
        soonest = now + question.notice
        open_still = (slot for slot in offered.slots if slot.start > now and slot.start >= soonest)
        for slot in free_of(open_still, taken):
            day = slot.start.astimezone(place).date()
            if day in by_day:  # upstream reads dates in zones of its own at times
                by_day[day].append(slot)
        return [
            Day(date=day, slots=tuple(slots), as_of=offered.as_of, stale=offered.stale)
            for day, slots in by_day.items()
        ]

    async def days(self, wanted: Wanted, *, month: date) -> list[date]:
        """The days of the month (any date in it) on which the practice has something free; holds are not looked at."""
        place = zone(wanted.time_zone)
        today = self._clock.now().astimezone(place).date()
        if month.replace(day=1) < today.replace(day=1):
            raise InvalidInput(
                field="month", reason="This month is over. Ask for the current or a later one."
            )
        if month > today + HORIZON:
            raise InvalidInput(field="month", reason="Ask for a month within the next two years.")
        visit_type, contact, clinicians = self._resolve(await self._catalog.catalog(), wanted)
        if not clinicians:
            return []
        days = await self._availability.days(
            visit_type_id=visit_type.id,
            contact_type=contact,
            location_id=wanted.location_id,
            clinician_ids=clinicians,
            month=month.replace(day=1),
            time_zone=wanted.time_zone,
        )
        return [day for day in days if day >= today]

    async def busy(self, clinician_ids: list[str], span: Interval) -> list[Busy]:
        """What is held or claimed of these clinicians' time."""
        held = await self._holds.busy(clinician_ids, span)
        async with self._units() as unit:
            claimed = await unit.claims.busy(clinician_ids, span)
        return [*held, *claimed]

    async def offers(self, slot: Slot) -> bool:
        """Whether the system of record offers exactly this slot right now; never answered from memory."""
        return slot in await self.offered_day(slot)

    async def offered_day(self, slot: Slot) -> Sequence[Slot]:
        """What the system of record offers right now of the slot's day (UTC) like it: same clinician, visit type and way to meet."""
        return await self._availability.slots(
            visit_type_id=slot.visit_type_id,
            contact_type=slot.contact_type,
            location_id=slot.location_id,
            clinician_ids=[slot.clinician_id],
            first=slot.day,
            last=slot.day,
            time_zone="UTC",
        )

    def _check_range(self, first: date, last: date, place: ZoneInfo) -> None:
        if last < first:
            raise InvalidInput(field="until", reason="The range ends before it starts.")
        if (last - first).days + 1 > MAX_DAYS:
            raise InvalidInput(field="until", reason=f"Ask for at most {MAX_DAYS} days at once.")
        today = self._clock.now().astimezone(place).date()
        if last < today:
            raise InvalidInput(field="from", reason="These days are over. Ask for today or later.")
        if last > today + HORIZON:
            raise InvalidInput(field="until", reason="Ask for days within the next two years.")

    def _resolve(self, catalog: Catalog, wanted: Wanted) -> tuple[VisitType, ContactType, list[str]]:
        visit_type = catalog.visit_type(wanted.visit_type_id)
        if visit_type is None:
            raise InvalidInput(
                field="visitTypeId",
                reason="There is no such visit type. Take an id from the visitTypes query.",
            )
        contact = wanted.contact_type or visit_type.contact_types[0]
        check_contact(visit_type, contact, wanted.location_id, catalog)
        able = catalog.clinicians_for(visit_type_id=visit_type.id, state=wanted.state)
        if wanted.clinician_ids is None:
            return visit_type, contact, [person.id for person in able]
        unknown = [one for one in wanted.clinician_ids if catalog.clinician(one) is None]
        if unknown:
            raise InvalidInput(
                field="clinicianIds", reason="There is no such clinician. Take ids from the clinicians query."
            )
        return visit_type, contact, [person.id for person in able if person.id in wanted.clinician_ids]


def check_contact(
    visit_type: VisitType, contact: ContactType, location_id: str | None, catalog: Catalog
) -> None:
    """Whether the visit can take place this way and there; an in-person visit needs a location (upstream, since 2025-04-01)."""
    if contact not in visit_type.contact_types:
        channels = ", ".join(way.name for way in visit_type.contact_types)
        raise InvalidInput(field="contactType", reason=f"This visit takes place by: {channels}.")
    if contact is ContactType.IN_PERSON and location_id not in {place.id for place in catalog.locations}:
        raise InvalidInput(
            field="locationId", reason="An in-person visit needs one of the practice's locations."
        )
    if contact is not ContactType.IN_PERSON and location_id is not None:
        raise InvalidInput(field="locationId", reason="Only an in-person visit takes place at a location.")


def span_of(question: Question) -> Interval:
    """The days as an interval, a day wider on each side: a visit may cross midnight."""
    place = zone(question.time_zone)
    start = datetime.combine(question.first - timedelta(days=1), datetime.min.time(), place)
    end = datetime.combine(question.last + timedelta(days=2), datetime.min.time(), place)
    return Interval(start=start.astimezone(UTC), end=end.astimezone(UTC))


async def _both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """What both answer. None of them outlives this: a reading that is left alone keeps a connection that nobody waits for."""
    tasks = asyncio.create_task(first), asyncio.create_task(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
