"""Polling for changed and deleted visits: upstream sends no webhook for the visits of a series, and any webhook can be lost.

What polling finds is marked for a refresh, as a webhook would do.
"""

from datetime import datetime, timedelta

import structlog

from booking.ports import Clock
from booking.resources import ChangedVisits, ChangeHint, Kind, Resource
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# The delay until a change of a series is noticed; each round costs a request or two.
CHANGED_EVERY = timedelta(minutes=5)

# Rounds overlap by this: clocks differ, and upstream dates a change when it begins but lists it once it is committed.
OVERLAP = timedelta(minutes=2)

# The first round looks back this far: webhooks may have come before it, and their resources may have changed since without one.
BEFORE_THE_FIRST = timedelta(days=1)

# Upstream dates changes by the second: a snapshot taken this shortly after may have missed a later change of that second.
SAME_MOMENT = timedelta(seconds=5)

# Upstream lists no deleted visits: known ones are searched in its lists, as far ahead as a deletion matters soon.
MISSING_EVERY = timedelta(hours=1)
MISSING_DAYS = 7

log = structlog.get_logger(__name__)


class VisitPoll:
    """Marks changed and deleted visits for a refresh.

    Any number of workers may call it; one of them claims each round.
    """

    def __init__(self, *, units: UnitOfWorkFactory, visits: ChangedVisits, clock: Clock) -> None:
        self._units = units
        self._visits = visits
        self._clock = clock

    async def changed(self) -> int:
        """Mark visits changed since the last round, if a round is due; returns how many. Raises UpstreamUnavailable."""
        now = self._clock.now()
        since = await self._claim("changed_visits", now, CHANGED_EVERY)
        if since is None:
            return 0
        found = await self._visits.changed(since - OVERLAP)
        async with self._units() as unit:
            unseen = [resource for resource, at in found if await _is_unseen(unit, resource, at)]
            await self._mark(unit, unseen, now)
            await unit.polls.seen("changed_visits", now)
            await unit.commit()
        return len(unseen)

    async def missing(self) -> int:
        """Mark visits of the next MISSING_DAYS days that upstream no longer lists, if a round is due; returns how many.

        Raises UpstreamUnavailable.
        """
        now = self._clock.now()
        if await self._claim("missing_visits", now, MISSING_EVERY) is None:
            return 0
        marked = 0
        for ahead in range(MISSING_DAYS):
            first = now + timedelta(days=ahead)
            marked += await self._mark_missing(first, first + timedelta(days=1))
        return marked

    async def _mark_missing(self, first: datetime, last: datetime) -> int:
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

    async def _claim(self, name: str, now: datetime, every: timedelta) -> datetime | None:
        async with self._units() as unit:
            since = await unit.polls.claim(name, now=now, next_at=now + every, begins=now - BEFORE_THE_FIRST)
            await unit.commit()
        return since

    async def _mark(self, unit: UnitOfWork, resources: list[Resource], now: datetime) -> None:
        for resource in sorted(resources):
            await unit.pending_refreshes.mark(ChangeHint(resource=resource), now=now)
        if resources:
            log.info("sync.found_by_polling", count=len(resources))


async def _is_unseen(unit: UnitOfWork, resource: Resource, at: datetime) -> bool:
    """Whether the snapshot may be older than the change that upstream dates `at`."""
    seen = await unit.snapshots.get(resource)
    return (
        seen.seen_at is None
        or seen.state is None
        or seen.state.updated_at != at
        or seen.seen_at <= at + SAME_MOMENT
    )
