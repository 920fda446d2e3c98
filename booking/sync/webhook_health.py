"""Schedule of the webhook check: once a day, at process start, and on request; one worker of many runs it, under a lease.

The check itself is in sync/webhook_check.py. Its cursor advances only when the whole check is done, so a check that fails
anywhere is repeated from where it began.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.sync.daily import DailyJob, turned
from booking.sync.webhook_check import WebhookCheck, WebhookReport
from booking.sync.webhook_subscriptions import MENDED
from booking.unit_of_work import UnitOfWorkFactory

JOB = "webhook_health"

# A check takes a few requests, plus one for each hundred webhooks since the last; all of them are paced.
LEASE = timedelta(minutes=15)

# A check that finished this shortly before a process started counts as its own: many processes start at once.
FRESH = timedelta(minutes=10)

# Exponential backoff for failed checks; the fourth failure, a good hour after the first, raises an alert.
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
ALERT_AFTER = 4

log = structlog.get_logger(__name__)


class CheckRunning(Exception):
    """Another process holds the lease of the check."""


@dataclass(frozen=True, kw_only=True)
class DailySchedule:
    """When the daily check is due."""

    at: time
    zone: ZoneInfo  # the practice's


class WebhookHealth:
    """Runs the webhook check when it is due. Any number of workers may call it; one of them checks."""

    def __init__(
        self, *, units: UnitOfWorkFactory, check: WebhookCheck, clock: Clock, daily: DailySchedule, name: str
    ) -> None:
        """`name` is that of this process, unique among all."""
        self._units = units
        self._check = check
        self._clock = clock
        self._daily = daily
        self._name = name
        self._started_at = clock.now()
        self._serial = itertools.count(1)

    async def if_due(self) -> WebhookReport | None:
        """Check if one is due and no other process runs it; due after a start, and every day.

        None: not due. Raises UpstreamUnavailable.
        """
        run = await self._claim(since=max(self._due_since(), self._started_at - FRESH))
        return await self._run(run) if run is not None else None

    async def now(self) -> WebhookReport:
        """Check now, due or not. Raises CheckRunning, UpstreamUnavailable."""
        run = await self._claim(since=None)
        if run is None:
            raise CheckRunning
        return await self._run(run)

    def _due_since(self) -> datetime:
        return turned(self._clock.now(), at=self._daily.at, zone=self._daily.zone)

    async def _claim(self, *, since: datetime | None) -> DailyJob | None:
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        day = self._due_since().astimezone(self._daily.zone).date()
        async with self._units() as unit:
            run = await unit.daily_jobs.claim(JOB, day, owner, now=now, until=now + LEASE, since=since)
            await unit.commit()
        return run

    async def _run(self, run: DailyJob) -> WebhookReport:
        try:
            async with self._units() as unit:
                seen_until = await unit.daily_jobs.seen_until(JOB)
            health = await self._check.check(seen_until=seen_until)
            await self._finish(run, health)
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

    async def _finish(self, run: DailyJob, health: WebhookReport) -> None:
        """Advance the cursor. If a repair did not work, raise an alert and retry in LONGEST_WAIT."""
        now = self._clock.now()
        unrepaired = [one for one in health.wrong if one.defect in MENDED]
        async with self._units() as unit:
            for one in unrepaired:
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOK_NOT_MENDED, subject=one.subject, raised_at=now)
                )
            if unrepaired:
                still_leased = await unit.daily_jobs.fail(
                    run, due_at=now + LONGEST_WAIT, seen_until=health.at
                )
            else:
                still_leased = await unit.daily_jobs.finish(run, now=now, seen_until=health.at)
            if not still_leased:
                raise CheckRunning  # the lease expired, and another process took over
            await unit.commit()

    async def _failed(self, run: DailyJob, why: str) -> None:
        """Schedule a retry with backoff; raise an alert after ALERT_AFTER failures."""
        now = self._clock.now()
        log.warning("webhooks.check_failed", tries=run.tries + 1, why=why)
        async with self._units() as unit:
            due_at = now + min(FIRST_WAIT * (1 << min(run.tries, 10)), LONGEST_WAIT)
            if not await unit.daily_jobs.fail(run, due_at=due_at):
                return
            if run.tries + 1 >= ALERT_AFTER:
                subject = f"{run.day}, {why}"
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.WEBHOOKS_UNCHECKED, subject=subject, raised_at=now)
                )
            await unit.commit()
