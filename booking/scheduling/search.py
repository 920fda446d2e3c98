"""Slot search: the offer of the system of record, minus what is held or claimed here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from booking.errors import InvalidInput
from booking.ports import Availability, Clock, HoldStore
from booking.scheduling.recent_slots import Offered, RecentSlots
from booking.slot_query import SlotQuery
from booking.slots import Busy, Interval, Slot, free_of
from booking.tasks import gather_or_cancel
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.zones import zone

# A calendar month: a longer range is a mistake or an attack, and costs one request upstream for every two days.
MAX_DAYS = 31

# No practice opens its calendar further ahead.
HORIZON = timedelta(days=731)


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day in the patient's time zone, and the free slots on it."""

    date: date
    slots: tuple[Slot, ...]
    as_of: datetime  # UTC; when the system of record was asked
    stale: bool  # a newer offer could not be read; holds and claims are subtracted all the same


class SlotSearch:
    """Finds free days and slots. A held or claimed interval is left out of `slots` whatever its visit type."""

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
        """Drop this process' fallbacks, since availability has changed upstream. Those of others last for seconds only."""
        self._recent.forget()

    async def slots(self, query: SlotQuery) -> list[Day]:
        """Every day first..last of the query with its free slots, without those inside the schedule notice.

        While the system of record cannot be read, an offer up to 15 seconds old is used, and marked stale. Raises InvalidInput on a
        range that is too long, over or too far ahead, before anything is sent; UpstreamUnavailable.
        """
        self.check_range(query.first, query.last, query.time_zone)
        offered, taken = await gather_or_cancel(self.offered(query), self.taken(query))
        return self.by_day(query, offered, taken)

    async def offered(self, query: SlotQuery) -> Offered:
        """The offer of the system of record, or a stale one of the last 15 seconds. Raises UpstreamUnavailable."""
        if not query.clinician_ids:
            return Offered(slots=(), as_of=self._clock.now())
        return await self._recent.slots(query)

    async def taken(self, query: SlotQuery) -> list[Busy]:
        """The held and claimed intervals within the query's span."""
        if not query.clinician_ids:
            return []
        return await self.busy(sorted(query.clinician_ids), query.span)

    def by_day(self, query: SlotQuery, offered: Offered, taken: Iterable[Busy]) -> list[Day]:
        """Every day of the query with the offered slots that are in the future, outside the schedule notice, and not taken."""
        now, time_zone = self._clock.now(), zone(query.time_zone)
        by_day: dict[date, list[Slot]] = {
            query.first + timedelta(days=n): [] for n in range((query.last - query.first).days + 1)
        }
        soonest = now + query.notice
        bookable = (slot for slot in offered.slots if slot.start > now and slot.start >= soonest)
        for slot in free_of(bookable, taken):
            day = slot.start.astimezone(time_zone).date()
            if day in by_day:  # upstream sometimes reads dates in another time zone
                by_day[day].append(slot)
        return [
            Day(date=day, slots=tuple(slots), as_of=offered.as_of, stale=offered.stale)
            for day, slots in by_day.items()
        ]

    async def days(self, query: SlotQuery) -> list[date]:
        """The days, from today on, with anything on offer in the calendar month that the query begins in. Ignores holds.

        Raises InvalidInput when the month is over or too far ahead, before anything is sent; UpstreamUnavailable.
        """
        self.check_month(query.first, query.time_zone)
        if not query.clinician_ids:
            return []
        today = self._clock.now().astimezone(zone(query.time_zone)).date()
        first = query.first.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        days = await self._recent.days(replace(query, first=first, last=last))
        return [day for day in days if day >= today]

    async def busy(self, clinician_ids: list[str], span: Interval) -> list[Busy]:
        """The held and claimed intervals of these clinicians that overlap the span."""
        held = await self._holds.busy(clinician_ids, span)
        async with self._units(Scope.READING) as unit:
            claimed = await unit.claims.busy(clinician_ids, span)
        return [*held, *claimed]

    async def offers(self, slot: Slot) -> bool:
        """Whether the system of record offers exactly this slot right now; never the fallback. Raises UpstreamUnavailable."""
        return slot in await self.offered_day(slot)

    async def offered_day(self, slot: Slot) -> Sequence[Slot]:
        """The present offer of the slot's day (UTC) for the same clinician, visit type, contact type and location."""
        return (await self._recent.slots_now(SlotQuery.like(slot))).slots

    def check_range(self, first: date, last: date, time_zone: str) -> None:
        """Raise InvalidInput on an unknown time zone, or unless the days first..last are a valid range."""
        today = self._clock.now().astimezone(zone(time_zone)).date()
        if last < first:
            raise InvalidInput(field="until", reason="The range ends before it starts.")
        if (last - first).days + 1 > MAX_DAYS:
            raise InvalidInput(field="until", reason=f"Ask for at most {MAX_DAYS} days at once.")
        if last < today:
            raise InvalidInput(field="from", reason="These days are over. Ask for today or later.")
        if last > today + HORIZON:
            raise InvalidInput(field="until", reason="Ask for days within the next two years.")

    def check_month(self, month: date, time_zone: str) -> None:
        """Raise InvalidInput on an unknown time zone, or a month that is over or too far ahead."""
        today = self._clock.now().astimezone(zone(time_zone)).date()
        if month.replace(day=1) < today.replace(day=1):
            raise InvalidInput(
                field="month", reason="This month is over. Ask for the current or a later one."
            )
        if month > today + HORIZON:
            raise InvalidInput(field="month", reason="Ask for a month within the next two years.")
