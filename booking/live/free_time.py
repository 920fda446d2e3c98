"""Free time as long as somebody watches it: what is offered is remembered, what is taken here is read at every poke.

A hold that appears costs no request upstream, and neither does one that goes. Of a visit that was booked here since the offer was
read, our own database tells. The offer itself is read anew when word came that it is another one, and every five minutes.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from booking.change_signals import EVERY_CALENDAR
from booking.errors import UpstreamUnavailable
from booking.live.change_poller import ChangeReader
from booking.live.shared_reads import NEWCOMER, Reading
from booking.pacing import Lane
from booking.ports import Clock
from booking.scheduling.recent_slots import STALE, Offered
from booking.scheduling.search import Day, SlotSearch
from booking.slot_query import SlotQuery
from booking.work_context import waiting

# So old an offer becomes when nobody says that it changed: changes that Healthie does not tell of are rare.
RENEWED = timedelta(minutes=5)

# Longer than this past its time an offer is not shown: the calendar cannot be read.
OVERDUE = timedelta(minutes=1)

# Seconds that an offer is waited for: as long as an operation waits. Until then nothing is told of what is held here either.
PATIENCE = 20.0

log = structlog.get_logger(__name__)


class FreeTime:
    """The free slots of one query; a source."""

    def __init__(
        self,
        query: SlotQuery,
        *,
        search: SlotSearch,
        changes: ChangeReader,
        clock: Clock,
    ) -> None:
        self._query = query
        self._search = search
        self._changes = changes
        self._clock = clock
        self._offered: Offered | None = None
        self._asked_at = clock.now()
        self._doubted_at: datetime | None = None
        people = query.clinician_ids
        self._calendars = frozenset({EVERY_CALENDAR, *(f"calendar:{one}" for one in people)})
        self.topics = self._calendars | {f"clinician:{one}" for one in people}

    async def read(self, changed_topics: Collection[str]) -> Reading[tuple[Day, ...]]:
        """The days with what is free on them now. Raises UpstreamUnavailable."""
        if self._calendars.intersection(changed_topics):
            self._doubted_at = self._clock.now()
        self._offered = offered = await self._present(self._offered, newcomer=NEWCOMER in changed_topics)
        # In this order: a hold goes when its claim or its visit is there, and a claim when its visit is.
        taken = await self._search.taken(self._query)
        booked = await self._changes.booked(
            sorted(self._query.clinician_ids), self._query.span, since=offered.as_of
        )
        days = self._search.by_day(self._query, offered, [*taken, *booked])
        again = self._due(offered) - self._clock.now()
        return Reading(state=tuple(days), again=max(again.total_seconds(), 0))

    async def _present(self, offered: Offered | None, *, newcomer: bool) -> Offered:
        """What is offered, as fresh as it must be."""
        if offered is None:
            return await self._ask()
        due = min(self._due(offered), self._asked_at + STALE) if newcomer else self._due(offered)
        if self._clock.now() < due:
            return offered
        return await self._renewed(offered, lane=None if newcomer else Lane.RENEWAL)

    def _due(self, offered: Offered) -> datetime:
        """When to ask upstream again: not before the last answer, whatever it was, is 15 seconds old."""
        doubted = self._doubted_at is not None and self._doubted_at >= offered.as_of
        wait = STALE if doubted or offered.stale else RENEWED
        return max(offered.as_of + wait, self._asked_at + STALE)

    async def _renewed(self, offered: Offered, *, lane: Lane | None) -> Offered:
        """What is offered now; else what was, marked. Raises UpstreamUnavailable when that is too old."""
        try:
            return await self._ask(lane=lane)
        except UpstreamUnavailable:
            if self._clock.now() - offered.as_of > RENEWED + OVERDUE:
                raise
            return Offered(slots=offered.slots, as_of=offered.as_of, stale=True)

    async def _ask(self, *, lane: Lane | None = None) -> Offered:
        self._asked_at = self._clock.now()
        with waiting(lane=lane, seconds=PATIENCE):
            return await self._search.offered(self._query)
