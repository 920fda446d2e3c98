"""What runs in a process, wired together, and what a worker does on it besides driving checkouts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.alerts import Watch
from booking.early_checks import EarlyChecks
from booking.ledger import ChargeLedger
from booking.lookout import Lookout
from booking.oversight import Attention
from booking.polling import VisitPoll
from booking.ports import Clock, HoldStore
from booking.refreshing import Refresher
from booking.saga import STEP_BUDGET, Saga
from booking.services import Services
from booking.silence import SilenceWatch
from booking.unit_of_work import UnitOfWorkFactory
from booking.webhook_health import WebhookHealth
from gateway.audit import Anchoring
from gateway.rates import Counts
from gateway.telling import Telling
from gateway.tokens import TokenVerifier
from gateway.worker import Chore, Worker
from integrations.database.happenings import SqlHappeningLog
from integrations.database.holds import SqlHoldStore
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.inbox import SqlInbox
from integrations.database.letters import reap_letters
from integrations.database.write_probe import WriteProbe
from integrations.healthie.connect import Healthie
from integrations.healthie.drift import Severity

if TYPE_CHECKING:
    from integrations.redis.pokes import RedisPokes


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
    watch: Watch
    anchoring: Anchoring
    counts: Counts  # of what was asked for and tried
    idempotency: IdempotencyKeys
    write_probe: WriteProbe
    sign_in: TokenVerifier
    ledger: ChargeLedger | None  # the card processor's books, where there is a key to them
    inbox: SqlInbox
    happenings: SqlHappeningLog
    refresher: Refresher
    early_checks: EarlyChecks  # of checkouts, that the refresher asks for
    visit_poll: VisitPoll
    webhook_health: WebhookHealth | None  # None: no webhooks are wanted
    silence: SilenceWatch | None
    telling: Telling
    lookout: Lookout
    word: "RedisPokes | None"  # of other processes, where it comes

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside, whoever watches hears of what other processes do."""
        tasks = [asyncio.create_task(self.lookout.run())]
        if self.word is not None:
            tasks.append(asyncio.create_task(self.word.listen(healed=self.lookout.look_now)))
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
            chores=self._chores(),
            apart=(
                Chore(
                    name="look_at_marks",
                    every=timedelta(seconds=1),
                    work=self.refresher.run_due,
                    end=self._end_looks,
                ),
                Chore(name="tell_subscribers", every=timedelta(seconds=1), work=self.telling.look),
                # Whether a turn is due is for all workers together; these say how often one asks.
                Chore(name="poll_changed_visits", every=timedelta(minutes=1), work=self.visit_poll.changed),
                Chore(name="poll_missing_visits", every=timedelta(minutes=10), work=self.visit_poll.missing),
                *self._webhook_chores(),
            ),
        )

    async def _end_looks(self) -> None:
        """Let the looks and early checks that were started end, as long as a step lasts; what is cut off is due later."""
        closing = self.early_checks.aclose(within=STEP_BUDGET.total_seconds())
        await asyncio.gather(self.refresher.rest(), closing)

    def _webhook_chores(self) -> tuple[Chore, ...]:
        if self.webhook_health is None or self.silence is None:
            return ()
        return (
            Chore(name="check_webhooks", every=timedelta(minutes=1), work=self.webhook_health.if_due),
            Chore(name="listen_for_webhooks", every=timedelta(minutes=1), work=self.silence.look),
        )

    def _chores(self) -> tuple[Chore, ...]:
        async def clear_holds() -> None:
            if isinstance(self.holds, SqlHoldStore):
                await self.holds.reap(self.clock.now())

        async def clear_keys() -> None:
            await self.idempotency.reap(self.clock.now())

        async def check_upstream() -> None:
            report = await self.healthie.upstream.check(self.clock.now().date())
            for finding in report.findings:  # one that was told already is not told again
                if finding.severity is not Severity.NOTE:
                    await self.watch.raise_alert(Attention.UPSTREAM_DRIFT, finding.what)

        async def clear_inbox() -> None:
            await self.inbox.reap(self.clock.now())
            await self.happenings.reap(self.clock.now())
            await reap_letters(self.engine)

        return (
            # Somebody is to act on it: soon, but not before what caused it is committed and perhaps mended.
            Chore(name="tell_alerts", every=timedelta(seconds=5), work=self.watch.tell),
            Chore(name="look_for_doubts", every=timedelta(minutes=1), work=self.watch.look),
            # What the audit trail could be shortened by unseen: as little as a line a minute is worth.
            Chore(name="anchor_audit_trail", every=timedelta(minutes=1), work=self.anchoring.take),
            Chore(name="clear_holds", every=timedelta(minutes=1), work=clear_holds),
            Chore(name="clear_idempotency_keys", every=timedelta(hours=1), work=clear_keys),
            Chore(name="clear_inbox", every=timedelta(hours=1), work=clear_inbox),
            # Additive changes come without notice, others with a new version. A worker that is deployed daily checks, too.
            Chore(
                name="check_upstream",
                every=timedelta(days=1),
                first=timedelta(minutes=5),
                work=check_upstream,
            ),
            *(
                (Chore(name="prove_ledger_key", every=timedelta(days=1), work=self.ledger.prove),)
                if self.ledger
                else ()
            ),
        )
