"""Seeing to it that upstream's words reach us: once a day, at start, and when somebody asks.

Here is when a check is due, and who does it; what it does is in sync/webhook_check.py. The place of the last check moves when all
of it is done, so a check that fails anywhere is repeated from where it began.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.sync.daily import DailyJob, turned
from booking.sync.webhook_check import Health, WebhookCheck
from booking.sync.webhook_subscriptions import MENDED
from booking.unit_of_work import UnitOfWorkFactory

JOB = "webhook_health"

# A check is a few requests, and one more for each hundred words since the last; all of them wait for their turn.
LEASE = timedelta(minutes=15)

# A check that was done so shortly before a process started is its own: many start at once.
FRESH = timedelta(minutes=10)

# A check that failed is tried again, soon at first; after the fourth time somebody is told, an hour and a bit after the first.
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
TOLD_AFTER = 4

log = structlog.get_logger(__name__)


class CheckRunning(Exception):
    """Another process is checking at this moment."""


@dataclass(frozen=True, kw_only=True)
class Daily:
    """When the check is due."""

    at: time
    zone: ZoneInfo  # the practice's


class WebhookHealth:
    """Any number of workers may call it; one of them checks."""

    def __init__(
        self, *, units: UnitOfWorkFactory, check: WebhookCheck, clock: Clock, daily: Daily, name: str
    ) -> None:
        """`name` is unique among processes."""
        self._units = units
        self._check = check
        self._clock = clock
        self._daily = daily
        self._name = name
        self._started_at = clock.now()
        self._serial = itertools.count(1)

    async def if_due(self) -> Health | None:
        """Check if that is due and nobody else does; due after a start, and every day. Raises UpstreamUnavailable."""
        run = await self._claim(since=max(self._turn(), self._started_at - FRESH))
        return await self._do(run) if run is not None else None

    async def now(self) -> Health:
        """Check now. Raises CheckRunning, UpstreamUnavailable."""
        run = await self._claim(since=None)
        if run is None:
            raise CheckRunning
        return await self._do(run)

    def _turn(self) -> datetime:
        return turned(self._clock.now(), at=self._daily.at, zone=self._daily.zone)

    async def _claim(self, *, since: datetime | None) -> DailyJob | None:
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        day = self._turn().astimezone(self._daily.zone).date()
        async with self._units() as unit:
            run = await unit.daily_jobs.claim(JOB, day, owner, now=now, until=now + LEASE, since=since)
            await unit.commit()
        return run

    async def _do(self, run: DailyJob) -> Health:
        try:
            async with self._units() as unit:
                seen_until = await unit.daily_jobs.seen_until(JOB)
            health = await self._check.check(seen_until=seen_until)
            await self._end(run, health)
        except Exception as error:
            await self._failed(run, type(error).__name__)
            raise
        log.info(
            "webhooks.checked",
            mended=[one.subject for one in health.mended],
            wrong=[one.subject for one in health.wrong],
            attempts=health.attempts,
            missed=len(health.missed),
            listed=health.listed,
        )
        return health

    async def _end(self, run: DailyJob, health: Health) -> None:
        """Move the place of the last check. What should have been mended and was not is tried again in an hour."""
        now = self._clock.now()
        unmended = [one for one in health.wrong if one.defect in MENDED]
        async with self._units() as unit:
            for one in unmended:
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOK_NOT_MENDED, subject=one.subject, raised_at=now)
                )
            if unmended:
                mine = await unit.daily_jobs.fail(run, due_at=now + LONGEST_WAIT, seen_until=health.at)
            else:
                mine = await unit.daily_jobs.finish(run, now=now, seen_until=health.at)
            if not mine:
                raise CheckRunning  # it took so long that somebody else began
            await unit.commit()

    async def _failed(self, run: DailyJob, why: str) -> None:
        """Try again later; tell somebody when that has failed several times."""
        now = self._clock.now()
        log.warning("webhooks.check_failed", tries=run.tries + 1, why=why)
        async with self._units() as unit:
            due_at = now + min(FIRST_WAIT * (1 << min(run.tries, 10)), LONGEST_WAIT)
            if not await unit.daily_jobs.fail(run, due_at=due_at):
                return
            if run.tries + 1 >= TOLD_AFTER:
                subject = f"{run.day}, {why}"
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOKS_UNCHECKED, subject=subject, raised_at=now)
                )
            await unit.commit()
