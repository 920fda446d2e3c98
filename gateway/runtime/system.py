"""The composed system of one process, and the worker's periodic tasks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.changes.driver import ChangeDriver
from booking.checkout.ledger import ChargeLedger
from booking.checkout.saga import Saga
from booking.checkout.timing import STEP_BUDGET
from booking.live.change_poller import ChangePoller
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason
from booking.ports import Clock
from booking.services import Services
from booking.sync.drift import Severity
from booking.system_of_record import SystemOfRecord
from booking.tasks import cancel_and_wait
from booking.unit_of_work import UnitOfWorkFactory
from booking.waitlist.looks import WaitlistLooker
from gateway.callers.tokens import TokenVerifier
from gateway.rates import Counts
from gateway.runtime.event_dispatch import EventDispatch
from gateway.runtime.foundation import Foundation
from gateway.runtime.synchronization import Synchronization
from gateway.runtime.worker import PeriodicTask, Worker
from integrations.database.deliveries import reap_deliveries
from integrations.database.event_outbox import SqlEventLog
from integrations.database.holds import SqlHoldStore
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.inbox import SqlInbox
from integrations.database.waitlist import reap_waitlist
from integrations.database.write_probe import WriteProbe

# Ended entries of the waitlist, with their offers: long enough to answer a patient who asks why somebody else got a time.
ENTRIES_KEPT = timedelta(days=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class System:
    """All parts of a process, in the order in which `compose` builds them."""

    foundation: Foundation
    alert_service: AlertService
    upstream: SystemOfRecord
    sign_in: TokenVerifier
    ledger: ChargeLedger | None  # of the card processor, when a key to it is configured
    saga: Saga
    change_driver: ChangeDriver
    waitlist_looker: WaitlistLooker
    counts: Counts  # of rate limits and attempt limits
    idempotency: IdempotencyKeys
    services: Services
    event_dispatch: EventDispatch
    sync: Synchronization
    event_log: SqlEventLog
    change_poller: ChangePoller

    @property
    def clock(self) -> Clock:
        """The source of time."""
        return self.foundation.clock

    @property
    def engine(self) -> AsyncEngine:
        """The database engine."""
        return self.foundation.engine

    @property
    def units(self) -> UnitOfWorkFactory:
        """The factory of units of work."""
        return self.foundation.units

    @property
    def write_probe(self) -> WriteProbe:
        """Checks whether the database takes writes."""
        return self.foundation.write_probe

    @property
    def inbox(self) -> SqlInbox:
        """The inbox of received webhooks."""
        return self.sync.inbox

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside the block, live queries receive the changes that other processes made: by polling, and by Redis signals."""
        tasks = [asyncio.create_task(self.change_poller.run())]
        if (redis_signals := self.foundation.shared.redis_signals) is not None:
            tasks.append(asyncio.create_task(redis_signals.listen(healed=self.change_poller.poll_now)))
        try:
            yield
        finally:
            await cancel_and_wait(tasks)

    def worker(self) -> Worker:
        """Builds the worker of this system."""
        return Worker(
            saga=self.saga,
            changes=self.change_driver,
            offers=self.services.waitlist.driver,
            units=self.units,
            clock=self.clock,
            periodic_tasks=self._periodic_tasks(),
            apart=(
                PeriodicTask(
                    name="refresh_resources",
                    every=timedelta(seconds=1),
                    work=self.sync.synchronizer.run_due,
                    end=self._end_refreshes,
                ),
                PeriodicTask(
                    name="dispatch_events", every=timedelta(seconds=1), work=self.event_dispatch.dispatch
                ),
                # A poll's schedule is shared by all workers in the database; `every` is how often one worker checks it.
                PeriodicTask(
                    name="poll_changed_visits", every=timedelta(minutes=1), work=self.sync.visit_poll.changed
                ),
                PeriodicTask(
                    name="poll_missing_visits", every=timedelta(minutes=10), work=self.sync.visit_poll.missing
                ),
                *self._webhook_tasks(),
            ),
        )

    async def _end_refreshes(self) -> None:
        """Waits for started refreshes and early checks, at most STEP_BUDGET for the latter; what is cut off stays due."""
        closing = self.sync.early_checks.aclose(within=STEP_BUDGET.total_seconds())
        await asyncio.gather(self.sync.synchronizer.drain(), closing)

    def _webhook_tasks(self) -> tuple[PeriodicTask, ...]:
        health, webhook_liveness = self.sync.webhook_health, self.sync.webhook_liveness
        if health is None or webhook_liveness is None:
            return ()
        return (
            PeriodicTask(name="check_webhooks", every=timedelta(minutes=1), work=health.if_due),
            PeriodicTask(
                name="check_webhook_liveness", every=timedelta(minutes=1), work=webhook_liveness.check
            ),
        )

    def _periodic_tasks(self) -> tuple[PeriodicTask, ...]:
        async def clear_holds() -> None:
            if isinstance(store := self.foundation.shared.holds, SqlHoldStore):
                await store.reap(self.clock.now())

        async def clear_keys() -> None:
            await self.idempotency.reap(self.clock.now())

        async def check_upstream() -> None:
            report = await self.upstream.drift.check(self.clock.now().date())
            answered = [each.name for each in report.versions if each.answered]
            log.info(
                "upstream.checked",
                version=report.version,
                days_left=report.days_left,
                answered=answered,
                findings=len(report.findings),
            )
            for finding in report.findings:  # an alert that was raised already is not sent again
                if finding.severity is not Severity.NOTE:
                    await self.alert_service.raise_alert(AttentionReason.UPSTREAM_DRIFT, finding.what)

        async def clear_inbox() -> None:
            await self.inbox.reap(self.clock.now())
            await self.event_log.reap(self.clock.now())
            await reap_deliveries(self.engine)
            await reap_waitlist(self.engine, self.clock.now() - ENTRIES_KEPT)

        return (
            # Soon, but not before the transaction that caused the alert is committed, and the cause perhaps gone.
            PeriodicTask(name="send_alerts", every=timedelta(seconds=5), work=self.alert_service.send),
            PeriodicTask(
                name="alert_overdue", every=timedelta(minutes=1), work=self.alert_service.alert_overdue
            ),
            # Bounds what could be cut off the audit trail's end unseen to one minute of records.
            PeriodicTask(
                name="anchor_audit_trail", every=timedelta(minutes=1), work=self.foundation.anchoring.take
            ),
            # A look's schedule is shared by all workers; `every` is how often one worker asks for it, and at its start.
            PeriodicTask(
                name="look_for_waitlist",
                every=timedelta(seconds=1),
                first=timedelta(microseconds=1),
                work=self.waitlist_looker.run_due,
            ),
            PeriodicTask(name="clear_holds", every=timedelta(minutes=1), work=clear_holds),
            PeriodicTask(name="clear_idempotency_keys", every=timedelta(hours=1), work=clear_keys),
            PeriodicTask(name="clear_inbox", every=timedelta(hours=1), work=clear_inbox),
            # Healthie makes additive changes without notice, others in a new version. `first` is short, so that a worker that is
            # deployed daily checks, too.
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
