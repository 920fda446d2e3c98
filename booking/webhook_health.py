"""Seeing to it that upstream's words reach us: once a day, at start, and when somebody asks.

Subscriptions are read, alerted and mended, and read again: what is said to be mended was seen so. Then everything that
upstream tried to send since the last check is compared with the inbox; what never came in is marked, and looked at as if it
had. The place of the last check moves when all of them are marked, so a check that fails anywhere is repeated from where it
began.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol, Self
from zoneinfo import ZoneInfo

import structlog

from booking.daily import Run, Runs, turned
from booking.inbox import Delivery, KeptInbox, Source
from booking.oversight import Alert, Attention
from booking.pokes import EVERY_CALENDAR, Pokes
from booking.ports import Clock
from booking.refreshing import WatchUnit
from booking.refusals import UpstreamError
from booking.watched import Changes, Poke
from booking.webhook_subscriptions import (
    CLOCKS_DIFFER,
    MENDED,
    Attempt,
    Defect,
    Finding,
    Known,
    KnownSubscriptions,
    Subscription,
    Subscriptions,
    diagnose,
    missed,
)

JOB = "webhook_health"

# A check is a few requests, and one more for each hundred words since the last; all of them wait for their turn.
LEASE = timedelta(minutes=15)

# A check that was done so shortly before a process started is its own: many start at once.
FRESH = timedelta(minutes=10)

# Checks overlap by this: upstream may list an attempt later than it is dated.
OVERLAP = timedelta(minutes=15)

# The first check looks back so far: upstream tries for three days.
BEFORE_THE_FIRST = timedelta(days=4)

# A check that failed is tried again, soon at first; after the fourth time somebody is told, an hour and a bit after the first.
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
TOLD_AFTER = 4

log = structlog.get_logger(__name__)


class CheckRunning(Exception):
    """Another process is checking at this moment."""


class HealthUnit(WatchUnit, Protocol):
    """A unit of work, with what a check needs in it."""

    @property
    def runs(self) -> Runs:
        """Who does what on which day."""

    @property
    def known_subscriptions(self) -> KnownSubscriptions:
        """What we remember of our subscriptions."""

    async def __aenter__(self) -> Self: ...


class HealthUnits(Protocol):
    """Opens units of work."""

    def __call__(self) -> HealthUnit:
        """A fresh one, to be entered."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What is ours, by the settings."""

    address: str  # the URL that words are to be sent to
    secrets: frozenset[str]  # that subscriptions of ours may sign with


@dataclass(frozen=True, kw_only=True)
class Daily:
    """When the check is due."""

    at: time
    zone: ZoneInfo  # the practice's


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a check found."""

    at: datetime  # UTC
    mended: tuple[Finding, ...]  # was wrong, and is no longer
    wrong: tuple[Finding, ...]  # is wrong
    attempts: int  # that upstream made since the last check, to anybody
    missed: tuple[Attempt, ...]  # never came in, and are looked at now
    listed: int  # changed while nothing was sent, and are looked at now


class WebhookHealth:
    """Any number of workers may call it; one of them checks."""

    def __init__(
        self,
        *,
        units: HealthUnits,
        subscriptions: Subscriptions,
        changes: Changes,
        inbox: KeptInbox,
        forget_free_time: Callable[[], None],
        pokes: Pokes,
        clock: Clock,
        ours: Ours,
        daily: Daily,
        name: str,
    ) -> None:
        """`name` is unique among processes."""
        self._units = units
        self._subscriptions = subscriptions
        self._changes = changes
        self._inbox = inbox
        self._forget_free_time = forget_free_time
        self._pokes = pokes
        self._clock = clock
        self._ours = ours
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

    async def _claim(self, *, since: datetime | None) -> Run | None:
        now = self._clock.now()
        owner = f"{self._name}/{next(self._serial)}"
        day = self._turn().astimezone(self._daily.zone).date()
        async with self._units() as unit:
            run = await unit.runs.claim(JOB, day, owner, now=now, until=now + LEASE, since=since)
            await unit.commit()
        return run

    async def _do(self, run: Run) -> Health:
        try:
            health = await self._check(run)
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

    async def _check(self, run: Run) -> Health:
        began = self._clock.now()
        before = await self._diagnosed()
        # Before anything is mended: a process that dies in between leaves nothing to be seen of what was wrong.
        await self._raise([Alert(reason=one.defect, subject=one.subject, raised_at=began) for one in before])
        listed = await self._mended(before, began)
        wrong = await self._diagnosed(remember=True)
        attempts, never_came = await self._compared(wrong, began)
        await self._mark(never_came)
        health = Health(
            at=began,
            mended=tuple(one for one in before if one.defect in MENDED and not _among(one, wrong)),
            wrong=wrong,
            attempts=attempts,
            missed=tuple(never_came),
            listed=listed,
        )
        await self._end(run, health)
        return health

    async def _diagnosed(self, *, remember: bool = False) -> tuple[Finding, ...]:
        """What is wrong now; `remember` keeps what was seen for the next time, the secrets that sign among it."""
        found = await self._subscriptions.all()
        async with self._units() as unit:
            known = await unit.known_subscriptions.all()
            findings = diagnose(
                found,
                address=self._ours.address,
                expected=self._subscriptions.expected,
                known=known,
                secrets=self._ours.secrets,
            )
            if remember:
                await self._remember(unit, found, known, findings)
                await unit.commit()
        return findings

    async def _remember(
        self,
        unit: HealthUnit,
        found: Sequence[Subscription],
        known: Mapping[str, Known],
        findings: Sequence[Finding],
    ) -> None:
        now = self._clock.now()
        for one in found:
            if one.address == self._ours.address:
                well = one.enabled and one.warned_at is None
                await unit.known_subscriptions.remember(one, well_at=now if well else None)
            elif one.id in known:
                await unit.known_subscriptions.forget_secret(one.id)
        if any(one.defect is Defect.MISSING for one in findings):
            return  # when those that are gone were last seen well is still to be told
        for gone in known.keys() - {one.id for one in found}:
            await unit.known_subscriptions.forget(gone)

    async def _mended(self, findings: Sequence[Finding], began: datetime) -> int:
        """Mend what can be, and have all looked at that changed while upstream did not even try to tell us: how much it is.

        First what changed so far, so that a process that dies after it mended has missed nothing; then what changed meanwhile.
        """
        mendable = [one for one in findings if one.defect in MENDED]
        silent_since = [at for one in mendable if (at := one.since or one.well_at) is not None]
        listed = await self._list(min(silent_since)) if silent_since else 0
        for finding in mendable:
            await self._mend(finding)
        if mendable:
            self._doubt_free_time()
        return listed + (await self._list(began) if silent_since else 0)

    def _doubt_free_time(self) -> None:
        """Have all free time read anew, and whoever watches it told: hours that were deleted are in no list."""
        self._forget_free_time()
        self._pokes.publish([EVERY_CALENDAR])

    async def _list(self, since: datetime) -> int:
        now = self._clock.now()
        pokes = await self._changes.since(since - CLOCKS_DIFFER)
        await asyncio.gather(*(self._inbox.accept(_listed(poke, now=now)) for poke in pokes))
        return len(pokes)

    async def _mend(self, finding: Finding) -> None:
        """What does not work is seen when it is read back."""
        try:
            if finding.defect is Defect.MISSING:
                await self._subscriptions.subscribe(self._ours.address, finding.events)
            elif finding.defect is Defect.DISABLED and finding.subscription_id is not None:
                await self._subscriptions.enable(finding.subscription_id)
        except UpstreamError as error:
            log.warning("webhooks.not_mended", what=finding.subject, why=str(error))

    async def _compared(self, wrong: Sequence[Finding], began: datetime) -> tuple[int, Sequence[Attempt]]:
        """How many words upstream tried to send since the last check, and those that never came in."""
        async with self._units() as unit:
            seen_until = await unit.runs.seen_until(JOB)
            known = await unit.known_subscriptions.all()
        since = seen_until - OVERLAP if seen_until is not None else began - BEFORE_THE_FIRST
        attempts = await self._subscriptions.attempts(since)
        received = await self._inbox.received(since - CLOCKS_DIFFER)
        astray = {one.subscription_id for one in wrong if one.subscription_id is not None}
        return len(attempts), missed(
            attempts, received, address=self._ours.address, known=known.keys() | astray
        )

    async def _mark(self, attempts: Sequence[Attempt]) -> None:
        """Have them looked at, as if they had come in; marking one twice is looking at it again."""
        now = self._clock.now()
        await asyncio.gather(*(self._inbox.accept(_delivery(attempt, now=now)) for attempt in attempts))

    async def _end(self, run: Run, health: Health) -> None:
        """Move the place of the last check. What should have been mended and was not is tried again in an hour."""
        now = self._clock.now()
        unmended = [one for one in health.wrong if one.defect in MENDED]
        async with self._units() as unit:
            for one in unmended:
                await unit.alerts.raise_once(
                    Alert(reason=Attention.WEBHOOK_NOT_MENDED, subject=one.subject, raised_at=now)
                )
            if unmended:
                mine = await unit.runs.fail(run, due_at=now + LONGEST_WAIT, seen_until=health.at)
            else:
                mine = await unit.runs.finish(run, now=now, seen_until=health.at)
            if not mine:
                raise CheckRunning  # it took so long that somebody else began
            await unit.commit()

    async def _failed(self, run: Run, why: str) -> None:
        """Try again later; tell somebody when that has failed several times."""
        now = self._clock.now()
        log.warning("webhooks.check_failed", tries=run.tries + 1, why=why)
        async with self._units() as unit:
            due_at = now + min(FIRST_WAIT * (1 << min(run.tries, 10)), LONGEST_WAIT)
            if not await unit.runs.fail(run, due_at=due_at):
                return
            if run.tries + 1 >= TOLD_AFTER:
                subject = f"{run.day}, {why}"
                await unit.alerts.raise_once(
                    Alert(reason=Attention.WEBHOOKS_UNCHECKED, subject=subject, raised_at=now)
                )
            await unit.commit()

    async def _raise(self, alerts: Sequence[Alert]) -> None:
        async with self._units() as unit:
            for alert in alerts:
                await unit.alerts.raise_once(alert)
            await unit.commit()


def _among(finding: Finding, others: Sequence[Finding]) -> bool:
    return (finding.defect, finding.subscription_id) in {(one.defect, one.subscription_id) for one in others}


def _listed(poke: Poke, *, now: datetime) -> Delivery:
    return Delivery(
        event="listed",
        resource_type=poke.resource.kind,
        resource_id=poke.resource.id,
        received_at=now,
        poke=poke,
        source=Source.MISSED,
    )


def _delivery(attempt: Attempt, *, now: datetime) -> Delivery:
    return Delivery(
        event=attempt.event,
        resource_type=attempt.resource_type,
        resource_id=attempt.resource_id,
        received_at=now,
        poke=attempt.poke,
        source=Source.MISSED,
    )
