"""Slot search: the offer of the system of record, minus what is held or claimed here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from booking.change_signals import moved_calendars
from booking.errors import InvalidInput
from booking.ports import Availability, Clock, HoldStore
from booking.scheduling.free_slots import bookable_of, cut_into_days, free_of
from booking.scheduling.offer_store import OfferStore
from booking.scheduling.offer_windows import Offered, OfferWindows
from booking.scheduling.taken_time import RecordedTimeReader, Taken, TakenTime
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Busy, Slot
from booking.zones import zone

# A calendar month: a longer range is a mistake or an attack, and costs one request upstream for every two days.
MAX_DAYS = 31

# No practice opens its calendar further ahead.
HORIZON = timedelta(days=731)


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day in the patient's time zone, and the free slots on it."""

    date: date
    slots: SlotColumns
    as_of: datetime  # UTC; when the system of record was asked
    stale: bool  # a newer offer could not be read; holds and claims are subtracted all the same


class SlotSearch:
    """Finds free days and slots. A held or claimed interval is left out of `slots` whatever its visit type."""

    def __init__(
        self,
        *,
        availability: Availability,
        holds: HoldStore,
        recorded: RecordedTimeReader,
        clock: Clock,
        store: OfferStore | None = None,
    ) -> None:
        """`store`: shares offers with other processes; without it this process keeps its own."""
        self._taken = TakenTime(holds=holds, recorded=recorded)
        self._clock = clock
        self._windows = OfferWindows(availability=availability, clock=clock, store=store)

    def forget(self) -> None:
        """Read every offer again, since availability has changed upstream. Other processes are told by change signals."""
        self._windows.forget()

    def note_changes(self, topics: Collection[str]) -> None:
        """Read the offers again of which these topics of change signals say that they have changed."""
        moved = moved_calendars(topics)
        if moved is None or moved:
            self._windows.forget(moved)

    async def slots(self, query: SlotQuery) -> list[Day]:
        """Every day first..last of the query with its free slots, without those inside the schedule notice.

        The offer is at most ten seconds old; while the system of record cannot be read, at most 15, and marked stale. Holds, claims and
        bookings are those of now. Raises InvalidInput on a range that is too long, over or too far ahead, before anything is sent;
        UpstreamUnavailable.
        """
        self.check_range(query.first, query.last, query.time_zone)
        offered = await self.offered(query)
        # Afterwards: what is held while the calendar is waited for is not offered either.
        taken = await self.taken(query, since=offered.as_of)
        return self.by_day(query, offered, taken.everything)

    async def offered(self, query: SlotQuery, *, after: datetime | None = None) -> Offered:
        """The offer of the system of record, read after this time if one is given, or else a stale one. Raises UpstreamUnavailable."""
        if not query.clinician_ids:
            return Offered(slots=query.no_slots, as_of=self._clock.now())
        return await self._windows.offered(query, after=after)

    async def taken(self, query: SlotQuery, *, since: datetime) -> Taken:
        """What is taken within the query's span of an offer of this time (UTC): holds, claims, and visits booked here since."""
        if not query.clinician_ids:
            return Taken()
        return await self._taken.taken(query.clinician_ids, query.span, since=since)

    def by_day(self, query: SlotQuery, offered: Offered, taken: Iterable[Busy]) -> list[Day]:
        """Every day of the query with the offered slots that are in the future, outside the schedule notice, and not taken."""
        free = free_of(bookable_of(offered.slots, now=self._clock.now(), notice=query.notice), taken)
        days = cut_into_days(free, first=query.first, last=query.last, time_zone=query.time_zone)
        return [Day(date=day, slots=slots, as_of=offered.as_of, stale=offered.stale) for day, slots in days]

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
        days = await self._windows.days(replace(query, first=first, last=last))
        return [day for day in days if day >= today]

    async def offers(self, slot: Slot) -> bool:
        """Whether the system of record offers exactly this slot right now; never the fallback. Raises UpstreamUnavailable."""
        return slot in await self.offered_day(slot)

    async def offered_day(self, slot: Slot) -> SlotColumns:
        """The present offer of the slot's day (UTC) for the same clinician, visit type, contact type and location."""
        offered = (await self._windows.offered_now(SlotQuery.like(slot))).slots
        if slot not in offered:
            self._windows.deny(slot)
        return offered

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
