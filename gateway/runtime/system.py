"""What runs in a process, wired together, and what a worker does on it besides driving checkouts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.early_checks import EarlyChecks
from booking.checkout.ledger import ChargeLedger
from booking.checkout.saga import Saga
from booking.checkout.timing import STEP_BUDGET
from booking.live.change_poller import ChangePoller
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.services import Services
from booking.sync.polling import VisitPoll
from booking.sync.synchronizer import ResourceSynchronizer
from booking.sync.webhook_health import WebhookHealth
from booking.sync.webhook_liveness import WebhookLiveness
from booking.unit_of_work import UnitOfWorkFactory
from gateway.callers.tokens import TokenVerifier
from gateway.rates import Counts
from gateway.runtime.audit import Anchoring
from gateway.runtime.event_dispatch import EventDispatch
from gateway.runtime.worker import PeriodicTask, Worker
from integrations.database.deliveries import reap_deliveries
from integrations.database.event_outbox import SqlEventLog
from integrations.database.holds import SqlHoldStore
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.inbox import SqlInbox
from integrations.database.write_probe import WriteProbe
from integrations.healthie.connect import Healthie
from integrations.healthie.drift import Severity

if TYPE_CHECKING:
    from integrations.redis.change_signals import RedisChangeSignals


@dataclass(frozen=True, kw_only=True)
class System:
    """Everything that runs, wired together."""

    clock: Clock
    engine: AsyncEngine
    units: UnitOfWorkFactory
    healthie: Healthie
    holds: HoldStore
    saga: Saga
    services: Services
    alert_service: AlertService
    anchoring: Anchoring
    counts: Counts  # of what was asked for and tried
    idempotency: IdempotencyKeys
    write_probe: WriteProbe
    sign_in: TokenVerifier
    ledger: ChargeLedger | None  # the card processor's books, where there is a key to them
    inbox: SqlInbox
    event_log: SqlEventLog
    synchronizer: ResourceSynchronizer
    early_checks: EarlyChecks  # of checkouts, that the refresher asks for
    visit_poll: VisitPoll
    webhook_health: WebhookHealth | None  # None: no webhooks are wanted
    webhook_liveness: WebhookLiveness | None
    event_dispatch: EventDispatch
    change_poller: ChangePoller
    redis_signals: "RedisChangeSignals | None"  # of other processes, where it comes

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside, whoever watches hears of what other processes do."""
        tasks = [asyncio.create_task(self.change_poller.run())]
        if self.redis_signals is not None:
            tasks.append(asyncio.create_task(self.redis_signals.listen(healed=self.change_poller.poll_now)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def worker(self) -> Worker:
        """A worker on this system."""
        return Worker(
            saga=self.saga,
            units=self.units,
            clock=self.clock,
            periodic_tasks=self._periodic_tasks(),
            apart=(
                PeriodicTask(
                    name="look_at_marks",
                    every=timedelta(seconds=1),
                    work=self.synchronizer.run_due,
                    end=self._end_looks,
                ),
                PeriodicTask(
                    name="tell_subscribers", every=timedelta(seconds=1), work=self.event_dispatch.dispatch
                ),
                # Whether a turn is due is for all workers together; these say how often one asks.
                PeriodicTask(
                    name="poll_changed_visits", every=timedelta(minutes=1), work=self.visit_poll.changed
                ),
                PeriodicTask(
                    name="poll_missing_visits", every=timedelta(minutes=10), work=self.visit_poll.missing
                ),
                *self._webhook_tasks(),
            ),
        )

    async def _end_looks(self) -> None:
        """Let the looks and early checks that were started end, as long as a step lasts; what is cut off is due later."""
        closing = self.early_checks.aclose(within=STEP_BUDGET.total_seconds())
        await asyncio.gather(self.synchronizer.drain(), closing)

    def _webhook_tasks(self) -> tuple[PeriodicTask, ...]:
        if self.webhook_health is None or self.webhook_liveness is None:
            return ()
        return (
            PeriodicTask(name="check_webhooks", every=timedelta(minutes=1), work=self.webhook_health.if_due),
            PeriodicTask(
                name="listen_for_webhooks", every=timedelta(minutes=1), work=self.webhook_liveness.check
            ),
        )

    def _periodic_tasks(self) -> tuple[PeriodicTask, ...]:
        async def clear_holds() -> None:
            if isinstance(self.holds, SqlHoldStore):
                await self.holds.reap(self.clock.now())

        async def clear_keys() -> None:
            await self.idempotency.reap(self.clock.now())

        async def check_upstream() -> None:
            report = await self.healthie.upstream.check(self.clock.now().date())
            for finding in report.findings:  # one that was told already is not told again
                if finding.severity is not Severity.NOTE:
                    await self.alert_service.raise_alert(AttentionReason.UPSTREAM_DRIFT, finding.what)

        async def clear_inbox() -> None:
            await self.inbox.reap(self.clock.now())
            await self.event_log.reap(self.clock.now())
            await reap_deliveries(self.engine)

        return (
            # Somebody is to act on it: soon, but not before what caused it is committed and perhaps mended.
            PeriodicTask(name="tell_alerts", every=timedelta(seconds=5), work=self.alert_service.send),
            PeriodicTask(
                name="look_for_doubts", every=timedelta(minutes=1), work=self.alert_service.alert_overdue
            ),
            # What the audit trail could be shortened by unseen: as little as a line a minute is worth.
            PeriodicTask(name="anchor_audit_trail", every=timedelta(minutes=1), work=self.anchoring.take),
            PeriodicTask(name="clear_holds", every=timedelta(minutes=1), work=clear_holds),
            PeriodicTask(name="clear_idempotency_keys", every=timedelta(hours=1), work=clear_keys),
            PeriodicTask(name="clear_inbox", every=timedelta(hours=1), work=clear_inbox),
            # Additive changes come without notice, others with a new version. A worker that is deployed daily checks, too.
            PeriodicTask(
                name="check_upstream",
                every=timedelta(days=1),
                first=timedelta(minutes=5),
                work=check_upstream,
            ),
            *(
                (PeriodicTask(name="prove_ledger_key", every=timedelta(days=1), work=self.ledger.prove),)
                if self.ledger
                else ()
            ),
        )
