"""Live free time: the cached offer of the system of record, minus the holds and claims that are read anew at every change signal.

So a hold that is taken or released costs no request upstream, and a visit booked here after the offer was read is found in our own
database. The offer itself is read again after a signal that it changed, and every five minutes.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from booking.change_signals import EVERY_CALENDAR
from booking.errors import UpstreamUnavailable
from booking.live.shared_reads import NEWCOMER, Reading
from booking.pacing import Lane
from booking.ports import Clock
from booking.scheduling.offer_windows import STALE, Offered
from booking.scheduling.search import Day, SlotSearch
from booking.slot_query import SlotQuery
from booking.work_context import waiting

# How old an offer may become without a signal that it changed: changes for which Healthie sends no webhook are rare.
RENEWED = timedelta(minutes=5)

# An offer that is overdue by more than this is not shown any more: the calendar cannot be read.
OVERDUE = timedelta(minutes=1)

# Seconds to wait for an offer, as long as an operation waits. Until then subscribers get no update about holds either.
PATIENCE = 20.0

log = structlog.get_logger(__name__)


class FreeTime:
    """The free slots of one query; a Source of shared reads."""

    def __init__(
        self,
        query: SlotQuery,
        *,
        search: SlotSearch,
        clock: Clock,
    ) -> None:
        self._query = query
        self._search = search
        self._clock = clock
        self._offered: Offered | None = None
        self._requested_at = clock.now()
        self._invalidated_at: datetime | None = None
        people = query.clinician_ids
        self._calendars = frozenset({EVERY_CALENDAR, *(f"calendar:{one}" for one in people)})
        self.topics = self._calendars | {f"clinician:{one}" for one in people}

    async def read(self, changed_topics: Collection[str]) -> Reading[tuple[Day, ...]]:
        """All days of the query with what is free on them now. Raises UpstreamUnavailable."""
        if self._calendars.intersection(changed_topics):
            self._invalidated_at = self._clock.now()
        self._offered = offered = await self._current(self._offered, newcomer=NEWCOMER in changed_topics)
        taken = await self._search.taken(self._query, since=offered.as_of)
        days = self._search.by_day(self._query, offered, taken)
        due_in = self._due(offered) - self._clock.now()
        return Reading(state=tuple(days), again=max(due_in.total_seconds(), 0))

    async def _current(self, offered: Offered | None, *, newcomer: bool) -> Offered:
        """The cached offer, or a new one where the cached one is too old; for a newcomer at most 15 seconds old."""
        if offered is None:
            return await self._request()
        due = min(self._due(offered), self._requested_at + STALE) if newcomer else self._due(offered)
        if self._clock.now() < due:
            return offered
        return await self._renewed(offered, lane=None if newcomer else Lane.RENEWAL)

    def _due(self, offered: Offered) -> datetime:
        """When to ask upstream again: never sooner than 15 seconds after the last request, whatever its outcome."""
        invalidated = self._invalidated_at is not None and self._invalidated_at >= offered.as_of
        wait = STALE if invalidated or offered.stale else RENEWED
        return max(offered.as_of + wait, self._requested_at + STALE)

    async def _renewed(self, offered: Offered, *, lane: Lane | None) -> Offered:
        """A new offer; where it cannot be read, the former one marked stale. Raises UpstreamUnavailable when that is too old."""
        try:
            return await self._request(lane=lane)
        except UpstreamUnavailable:
            if self._clock.now() - offered.as_of > RENEWED + OVERDUE:
                raise
            return Offered(slots=offered.slots, as_of=offered.as_of, stale=True)

    async def _request(self, *, lane: Lane | None = None) -> Offered:
        self._requested_at = self._clock.now()
        with waiting(lane=lane, seconds=PATIENCE):
            return await self._search.offered(self._query, after=self._invalidated_at)
