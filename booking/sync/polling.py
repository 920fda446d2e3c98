"""Asking by ourselves for visits that changed without a word: those of a series send none, and any word can be lost."""

from datetime import datetime, timedelta

import structlog

from booking.ports import Clock
from booking.resources import ChangedVisits, ChangeHint, Kind, Resource
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# A change of a series is known within this; each round costs a request or two.
CHANGED_EVERY = timedelta(minutes=5)

# Rounds overlap by this: clocks differ, and a change is dated when it began and listed when it was committed.
OVERLAP = timedelta(minutes=2)

# The first round looks back so far: webhooks may have come before it, and what they showed may have changed without a word.
BEFORE_THE_FIRST = timedelta(days=1)

# Upstream dates changes by the second: what was seen so shortly after may not have been all of that second.
SAME_MOMENT = timedelta(seconds=5)

# A visit that was deleted is in no list: those that we know of are looked for, as far ahead as a change of them matters soon.
MISSING_EVERY = timedelta(hours=1)
MISSING_DAYS = 7

log = structlog.get_logger(__name__)


class VisitPoll:
    """Marks visits that changed or went; any number of workers may call it, one of them asks."""

    def __init__(self, *, units: UnitOfWorkFactory, visits: ChangedVisits, clock: Clock) -> None:
        self._units = units
        self._visits = visits
        self._clock = clock

    async def changed(self) -> int:
        """Mark what changed since the last round, if a round is due; answers how many. Raises UpstreamUnavailable."""
        now = self._clock.now()
        since = await self._turn("changed_visits", now, CHANGED_EVERY)
        if since is None:
            return 0
        found = await self._visits.changed(since - OVERLAP)
        async with self._units() as unit:
            news = [resource for resource, at in found if await _is_news(unit, resource, at)]
            await self._mark(unit, news, now)
            await unit.polls.seen("changed_visits", now)
            await unit.commit()
        return len(news)

    async def missing(self) -> int:
        """Mark what stood and is listed no longer, if a round is due; answers how many. Raises UpstreamUnavailable."""
        now = self._clock.now()
        if await self._turn("missing_visits", now, MISSING_EVERY) is None:
            return 0
        marked = 0
        for ahead in range(MISSING_DAYS):
            first = now + timedelta(days=ahead)
            marked += await self._look_for_missing(first, first + timedelta(days=1))
        return marked

    async def _look_for_missing(self, first: datetime, last: datetime) -> int:
        async with self._units() as unit:
            known = await unit.snapshots.standing_visits(first, last)
        if not known:
            return 0
        listed = await self._visits.standing(first, last)
        missing = [Resource(kind=Kind.VISIT, id=one) for one in known if one not in listed]
        async with self._units() as unit:
            await self._mark(unit, missing, self._clock.now())
            await unit.commit()
        return len(missing)

    async def _turn(self, name: str, now: datetime, every: timedelta) -> datetime | None:
        async with self._units() as unit:
            since = await unit.polls.claim(name, now=now, next_at=now + every, begins=now - BEFORE_THE_FIRST)
            await unit.commit()
        return since

    async def _mark(self, unit: UnitOfWork, resources: list[Resource], now: datetime) -> None:
        for resource in sorted(resources):
            await unit.pending_refreshes.mark(ChangeHint(resource=resource), now=now)
        if resources:
            log.info("sync.found_by_polling", count=len(resources))


async def _is_news(unit: UnitOfWork, resource: Resource, at: datetime) -> bool:
    """Whether a visit that upstream dates so has not been seen since."""
    seen = await unit.snapshots.get(resource)
    return (
        seen.seen_at is None
        or seen.state is None
        or seen.state.updated_at != at
        or seen.seen_at <= at + SAME_MOMENT
    )
