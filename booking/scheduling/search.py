"""Looking for free time: what the system of record offers, less what is held or claimed here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from booking.errors import InvalidInput
from booking.ports import Availability, Clock, HoldStore
from booking.scheduling.recent_slots import Offered, RecentSlots
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval, Slot, free_of
from booking.tasks import gather_or_cancel
from booking.unit_of_work import UnitOfWorkFactory
from booking.zones import zone

# A calendar month: a longer look is a mistake or an attack, and costs the upstream a request for every two days.
MAX_DAYS = 31

# No practice opens its calendar further ahead.
HORIZON = timedelta(days=731)


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
        availability: Availability,
        holds: HoldStore,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._holds = holds
        self._units = units
        self._clock = clock
        self._recent = RecentSlots(availability=availability, clock=clock)

    def forget(self) -> None:
        """Availability has changed upstream: answer nothing that this process has read before. Others remember it for seconds only."""
        self._recent.forget()

    async def slots(self, query: SlotQuery) -> list[Day]:
        """Every day first..last of the query with its free slots, those that are too soon to be booked left out.

        While the system of record cannot be asked, what it said up to 15 seconds ago is answered, and marked. Raises InvalidInput on
        an absurd range, before anything is sent; UpstreamUnavailable.
        """
        self.check_range(query)
        offered, taken = await gather_or_cancel(self.offered(query), self.taken(query))
        return self.by_day(query, offered, taken)

    async def offered(self, query: SlotQuery) -> Offered:
        """What the system of record offers, or said a moment ago. Raises UpstreamUnavailable."""
        if not query.clinician_ids:
            return Offered(slots=(), as_of=self._clock.now())
        return await self._recent.slots(query)

    async def taken(self, query: SlotQuery) -> list[Busy]:
        """What is held or claimed of the time that is asked for."""
        if not query.clinician_ids:
            return []
        return await self.busy(sorted(query.clinician_ids), query.span)

    def by_day(self, query: SlotQuery, offered: Offered, taken: Iterable[Busy]) -> list[Day]:
        """Every day that is asked for, with what is offered, not past, not too soon to be booked, and not taken."""
        now, place = self._clock.now(), zone(query.time_zone)
        by_day: dict[date, list[Slot]] = {
            query.first + timedelta(days=n): [] for n in range((query.last - query.first).days + 1)
        }
        soonest = now + query.notice
        open_still = (slot for slot in offered.slots if slot.start > now and slot.start >= soonest)
        for slot in free_of(open_still, taken):
            day = slot.start.astimezone(place).date()
            if day in by_day:  # upstream reads dates in zones of its own at times
                by_day[day].append(slot)
        return [
            Day(date=day, slots=tuple(slots), as_of=offered.as_of, stale=offered.stale)
            for day, slots in by_day.items()
        ]

    async def days(self, query: SlotQuery) -> list[date]:
        """The days on which the practice has something free, of the whole month that the query begins in; holds are not looked at.

        Raises InvalidInput when the month is over or far off, before anything is sent; UpstreamUnavailable.
        """
        today = self._clock.now().astimezone(zone(query.time_zone)).date()
        first = query.first.replace(day=1)
        if first < today.replace(day=1):
            raise InvalidInput(
                field="month", reason="This month is over. Ask for the current or a later one."
            )
        if query.first > today + HORIZON:
            raise InvalidInput(field="month", reason="Ask for a month within the next two years.")
        if not query.clinician_ids:
            return []
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        days = await self._recent.days(replace(query, first=first, last=last))
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
        return (await self._recent.slots_now(SlotQuery.like(slot))).slots

    def check_range(self, query: SlotQuery) -> None:
        """Raise InvalidInput unless the days first..last may be asked for."""
        if query.last < query.first:
            raise InvalidInput(field="until", reason="The range ends before it starts.")
        if (query.last - query.first).days + 1 > MAX_DAYS:
            raise InvalidInput(field="until", reason=f"Ask for at most {MAX_DAYS} days at once.")
        today = self._clock.now().astimezone(zone(query.time_zone)).date()
        if query.last < today:
            raise InvalidInput(field="from", reason="These days are over. Ask for today or later.")
        if query.last > today + HORIZON:
            raise InvalidInput(field="until", reason="Ask for days within the next two years.")
