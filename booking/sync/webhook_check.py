"""The check that upstream's words reach us: what is wrong with our subscriptions is told, mended, and read again.

What is said to be mended was seen so. Then everything that upstream tried to send since the last check is compared with the
inbox; what never came in is marked, and looked at as if it had. When it is due, and who does it, is in sync/webhook_health.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from booking.change_signals import EVERY_CALENDAR, ChangeSignals
from booking.errors import UpstreamError
from booking.operations.model import Alert
from booking.ports import Clock
from booking.sync.webhook_catch_up import CatchUp
from booking.sync.webhook_subscriptions import (
    MENDED,
    Attempt,
    Defect,
    Finding,
    Known,
    Subscription,
    Subscriptions,
    diagnose,
)
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What is ours, by the settings."""

    address: str  # the URL that words are to be sent to
    secrets: frozenset[str]  # that subscriptions of ours may sign with


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a check found."""

    at: datetime  # UTC
    mended: tuple[Finding, ...]  # was wrong, and is no longer
    wrong: tuple[Finding, ...]  # is wrong
    attempts: int  # that upstream made since the last check, to anybody
    missed: tuple[Attempt, ...]  # never came in, and are looked at now
    listed: int  # changed while nothing was sent, and are looked at now


class WebhookCheck:
    """One check from beginning to end; where it fails, all of it is done again: doing a part twice does no harm."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        subscriptions: Subscriptions,
        catch_up: CatchUp,
        forget_free_time: Callable[[], None],
        change_signals: ChangeSignals,
        clock: Clock,
        ours: Ours,
    ) -> None:
        self._units = units
        self._subscriptions = subscriptions
        self._catch_up = catch_up
        self._forget_free_time = forget_free_time
        self._change_signals = change_signals
        self._clock = clock
        self._ours = ours

    async def check(self, *, seen_until: datetime | None) -> Health:
        """Check once; the last check saw all until `seen_until`, None: there was none. Raises UpstreamUnavailable."""
        began = self._clock.now()
        before = await self._diagnosed()
        # Before anything is mended: a process that dies in between leaves nothing to be seen of what was wrong.
        await self._raise_alerts(
            [Alert(reason=one.defect, subject=one.subject, raised_at=began) for one in before]
        )
        listed = await self._mended(before, began)
        wrong = await self._diagnosed(remember=True)
        attempts, never_came = await self._compared(wrong, seen_until, began)
        await self._catch_up.accept_missed(never_came)
        return Health(
            at=began,
            mended=tuple(one for one in before if one.defect in MENDED and not _among(one, wrong)),
            wrong=wrong,
            attempts=attempts,
            missed=tuple(never_came),
            listed=listed,
        )

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
        unit: UnitOfWork,
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
        listed = await self._catch_up.accept_changes(min(silent_since)) if silent_since else 0
        for finding in mendable:
            await self._mend(finding)
        if mendable:
            self._doubt_free_time()
        return listed + (await self._catch_up.accept_changes(began) if silent_since else 0)

    def _doubt_free_time(self) -> None:
        """Have all free time read anew, and whoever watches it told: hours that were deleted are in no list."""
        self._forget_free_time()
        self._change_signals.publish([EVERY_CALENDAR])

    async def _mend(self, finding: Finding) -> None:
        """What does not work is seen when it is read back."""
        try:
            if finding.defect is Defect.MISSING:
                await self._subscriptions.subscribe(self._ours.address, finding.events)
            elif finding.defect is Defect.DISABLED and finding.subscription_id is not None:
                await self._subscriptions.enable(finding.subscription_id)
        except UpstreamError as error:
            log.warning("webhooks.not_mended", what=finding.subject, why=str(error))

    async def _compared(
        self, wrong: Sequence[Finding], seen_until: datetime | None, began: datetime
    ) -> tuple[int, Sequence[Attempt]]:
        """How many words upstream tried to send since the last check, and those that never came in."""
        async with self._units() as unit:
            known = await unit.known_subscriptions.all()
        astray = {one.subscription_id for one in wrong if one.subscription_id is not None}
        return await self._catch_up.compared(seen_until=seen_until, began=began, known=known.keys() | astray)

    async def _raise_alerts(self, alerts: Sequence[Alert]) -> None:
        async with self._units() as unit:
            for alert in alerts:
                await unit.alerts.raise_once(alert)
            await unit.commit()


def _among(finding: Finding, others: Sequence[Finding]) -> bool:
    return (finding.defect, finding.subscription_id) in {(one.defect, one.subscription_id) for one in others}
