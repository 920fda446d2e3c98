"""The webhook check: diagnoses our subscriptions upstream, raises alerts, repairs them, and verifies the repair by read-back.

Then it compares everything that upstream tried to send since the last check with the inbox, and refreshes what never arrived.
sync/webhook_health.py decides when a check is due and which worker runs it.
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
    Defect,
    DeliveryAttempt,
    Finding,
    KnownSubscription,
    Subscriptions,
    WebhookSubscription,
    diagnose,
)
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class OurEndpoint:
    """Our webhook endpoint, by the settings."""

    address: str  # the URL that webhooks are to be sent to
    secrets: frozenset[str]  # signing secrets by which a subscription is recognized as ours


@dataclass(frozen=True, kw_only=True)
class WebhookReport:
    """The result of a check."""

    at: datetime  # UTC
    mended: tuple[Finding, ...]  # was wrong, repaired and read back
    wrong: tuple[Finding, ...]  # is still wrong
    attempts: int  # deliveries that upstream tried since the last check, to any address
    missed: tuple[DeliveryAttempt, ...]  # never arrived; now marked for a refresh
    listed: int  # resources that changed while nothing was sent; now marked for a refresh


class WebhookCheck:
    """Runs one check from beginning to end. Every step is idempotent, so a check that fails is repeated as a whole."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        subscriptions: Subscriptions,
        catch_up: CatchUp,
        forget_free_time: Callable[[], None],
        change_signals: ChangeSignals,
        clock: Clock,
        ours: OurEndpoint,
    ) -> None:
        self._units = units
        self._subscriptions = subscriptions
        self._catch_up = catch_up
        self._forget_free_time = forget_free_time
        self._change_signals = change_signals
        self._clock = clock
        self._ours = ours

    async def check(self, *, seen_until: datetime | None) -> WebhookReport:
        """Check once; `seen_until` is the last check's cursor, None if there was none. Raises UpstreamUnavailable."""
        began = self._clock.now()
        before = await self._diagnose()
        # Alert before repairing: after a crash in between, nothing would show any more what had been wrong.
        await self._raise_alerts(
            [Alert(reason=one.defect, subject=one.subject, raised_at=began) for one in before]
        )
        listed = await self._repair(before, began)
        wrong = await self._diagnose(remember=True)
        attempts, missed = await self._compare(wrong, seen_until, began)
        await self._catch_up.accept_missed(missed)
        return WebhookReport(
            at=began,
            mended=tuple(one for one in before if one.defect in MENDED and not _among(one, wrong)),
            wrong=wrong,
            attempts=attempts,
            missed=tuple(missed),
            listed=listed,
        )

    async def _diagnose(self, *, remember: bool = False) -> tuple[Finding, ...]:
        """Read the subscriptions and diagnose them; `remember` stores them, with their secrets, for the next check."""
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
        found: Sequence[WebhookSubscription],
        known: Mapping[str, KnownSubscription],
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
            return  # the next alert still needs to know when the lost subscriptions were last seen well
        for gone in known.keys() - {one.id for one in found}:
            await unit.known_subscriptions.forget(gone)

    async def _repair(self, findings: Sequence[Finding], began: datetime) -> int:
        """Repair what can be repaired, and refresh what changed while upstream sent nothing; returns how many resources.

        Changes are collected before the repair, so that a crash right after it loses none, and once more after it.
        """
        mendable = [one for one in findings if one.defect in MENDED]
        silent_since = [at for one in mendable if (at := one.since or one.well_at) is not None]
        listed = await self._catch_up.accept_changes(min(silent_since)) if silent_since else 0
        for finding in mendable:
            await self._repair_one(finding)
        if mendable:
            self._invalidate_free_time()
        return listed + (await self._catch_up.accept_changes(began) if silent_since else 0)

    def _invalidate_free_time(self) -> None:
        """Drop all cached free time and notify its live queries: upstream lists no deleted working hours."""
        self._forget_free_time()
        self._change_signals.publish([EVERY_CALENDAR])

    async def _repair_one(self, finding: Finding) -> None:
        """Create or enable a subscription. Only logs an error upstream: the read-back reports what is still wrong."""
        try:
            if finding.defect is Defect.MISSING:
                await self._subscriptions.subscribe(self._ours.address, finding.events)
            elif finding.defect is Defect.DISABLED and finding.subscription_id is not None:
                await self._subscriptions.enable(finding.subscription_id)
        except UpstreamError as error:
            log.warning("webhooks.not_mended", what=finding.subject, why=str(error))

    async def _compare(
        self, wrong: Sequence[Finding], seen_until: datetime | None, began: datetime
    ) -> tuple[int, Sequence[DeliveryAttempt]]:
        """As CatchUp.compared, with the subscriptions that are or were ours."""
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
