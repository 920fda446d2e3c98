"""Reading free time from the system of record: identical questions at the same time are asked once.

What was read a moment ago is kept for when the system of record cannot be read: marked, and 15 seconds old at most.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.errors import UpstreamUnavailable
from booking.ports import Availability, Clock
from booking.single_flight import SingleFlight
from booking.slot_query import SlotQuery
from booking.slots import Slot

# Somebody else may have taken a slot since, in the practice's own calendar; a hold asks for it anew.
STALE = timedelta(seconds=15)

# Questions are kept for as long as they can be answered from; more in that time than this are an attack.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What was answered."""

    slots: tuple[Slot, ...]
    as_of: datetime  # UTC, before it was asked
    stale: bool = False  # whether it was to be read anew, and could not be


class RecentSlots:
    """Availability with a short memory, of this process. Whoever asks the same meanwhile shares the answer, and its age."""

    def __init__(self, *, availability: Availability, clock: Clock) -> None:
        self._availability = availability
        self._clock = clock
        self._last: OrderedDict[SlotQuery, Offered] = OrderedDict()  # oldest first
        self._slots: SingleFlight[SlotQuery, Offered] = SingleFlight()
        self._days: SingleFlight[SlotQuery, Sequence[date]] = SingleFlight()

    async def slots(self, query: SlotQuery) -> Offered:
        """What is offered now; else what was a moment ago. Raises UpstreamUnavailable."""
        try:
            return await self.slots_now(query)
        except UpstreamUnavailable:
            last = self._last.get(query)
            if last is None or not self._is_recent(last):
                raise
            return Offered(slots=last.slots, as_of=last.as_of, stale=True)

    async def slots_now(self, query: SlotQuery) -> Offered:
        """What is offered now, never from memory. Raises UpstreamUnavailable."""
        return await self._slots(query, lambda: self._ask(query))

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days of the query on which anything is free, ascending; never from memory. Raises UpstreamUnavailable."""
        return await self._days(query, lambda: self._availability.days(query))

    def forget(self) -> None:
        """Availability has changed: answer nothing from memory."""
        self._last.clear()

    async def _ask(self, query: SlotQuery) -> Offered:
        as_of = self._clock.now()
        offered = Offered(slots=tuple(await self._availability.slots(query)), as_of=as_of)
        self._keep(query, offered)
        return offered

    def _keep(self, query: SlotQuery, offered: Offered) -> None:
        self._last[query] = offered
        self._last.move_to_end(query)
        while len(self._last) > MOST or not self._is_recent(next(iter(self._last.values()))):
            self._last.popitem(last=False)
            if not self._last:
                return

    def _is_recent(self, offered: Offered) -> bool:
        return timedelta(0) <= self._clock.now() - offered.as_of <= STALE
