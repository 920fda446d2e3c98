"""Reads of free time from the system of record: identical concurrent queries are sent once (single flight).

The last answer of each query is kept as a fallback for an outage of the system of record: marked stale, at most 15 seconds old.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.errors import UpstreamUnavailable
from booking.ports import Availability, Clock
from booking.single_flight import SingleFlight
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery

# A slot may have been taken since in the practice's own calendar; taking a hold always reads it again.
STALE = timedelta(seconds=15)

# Answers are kept only while they can be used; more distinct queries than this in that time are an attack.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The offer that answers one query."""

    slots: SlotColumns
    as_of: datetime  # UTC, taken before the request was sent
    stale: bool = False  # a newer reading was needed and failed


class RecentSlots:
    """Availability with single flight and a short-lived fallback, for one process. Callers that share an answer share its age."""

    def __init__(self, *, availability: Availability, clock: Clock) -> None:
        self._availability = availability
        self._clock = clock
        self._last: OrderedDict[SlotQuery, Offered] = OrderedDict()  # oldest first
        self._slots: SingleFlight[SlotQuery, Offered] = SingleFlight()
        self._days: SingleFlight[SlotQuery, Sequence[date]] = SingleFlight()

    async def slots(self, query: SlotQuery) -> Offered:
        """The present offer; where it cannot be read, the last one if it is recent, as stale. Raises UpstreamUnavailable."""
        try:
            return await self.slots_now(query)
        except UpstreamUnavailable:
            last = self._last.get(query)
            if last is None or not self._is_recent(last):
                raise
            return Offered(slots=last.slots, as_of=last.as_of, stale=True)

    async def slots_now(self, query: SlotQuery) -> Offered:
        """The present offer, never the fallback. Raises UpstreamUnavailable."""
        return await self._slots(query, lambda: self._request(query))

    async def days(self, query: SlotQuery) -> Sequence[date]:
        """The days of the query on which anything is free, ascending; never the fallback. Raises UpstreamUnavailable."""
        return await self._days(query, lambda: self._availability.days(query))

    def forget(self) -> None:
        """Drop all fallbacks: availability has changed."""
        self._last.clear()

    async def _request(self, query: SlotQuery) -> Offered:
        as_of = self._clock.now()
        offered = Offered(slots=await self._availability.slots(query), as_of=as_of)
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
