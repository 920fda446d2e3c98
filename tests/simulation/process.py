"""One process of the gateway: the real services, saga and worker on simulated wires, composed as the program does it."""

import asyncio
import contextlib
import contextvars
import hashlib
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Engine

from booking.catalog.quotes import QuoteService
from booking.catalog.terms import PresentTerms
from booking.changes.accepted import AcceptedChanges
from booking.changes.access import VisitAccess
from booking.changes.driver import ChangeDriver
from booking.changes.guards import Guards as ChangeGuards
from booking.changes.late_looks import LateLooks
from booking.changes.later_changes import RequestedChangesReader
from booking.changes.membership_service import MembershipService
from booking.changes.policy import ChangePolicy, MembershipPolicy
from booking.changes.service import ChangeService
from booking.changes.steps import ChangeSteps
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.credit_quotes import CreditQuotes
from booking.checkout.early_checks import EarlyChecks
from booking.checkout.guards import Guards
from booking.checkout.operator_actions import OperatorActions
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.saga import Saga
from booking.checkout.service import CheckoutRules, CheckoutService
from booking.checkout.spendable_credits import SpendableCredits
from booking.checkout.start import CheckoutStartService
from booking.checkout.steps import Steps
from booking.checkout.unpaid_visits import UnpaidPolicy, UnpaidVisits
from booking.errors import UpstreamUnavailable
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from booking.resources import Resource, Snapshot
from booking.scheduling.hold_capacity import AnonymousHoldShare, ShareRules
from booking.scheduling.holds import HoldRules, HoldService
from booking.scheduling.search import SlotSearch
from booking.sync.polling import VisitPoll
from booking.sync.synchronizer import ResourceSynchronizer
from booking.system_of_record import SystemOfRecord
from gateway.runtime.worker import Worker
from gateway.webhooks.endpoint import WebhookEndpoint
from integrations.database.change_reader import SqlChangeReader
from integrations.database.holds import SqlHoldStore
from integrations.database.inbox import SqlInbox
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.healthie.connect import connect
from integrations.healthie.webhooks import HealthieWebhooks
from integrations.healthie_emulator.seed import described
from integrations.stripe.declines import DECLINES
from integrations.upstream.audit import Answer, AuditedCalls, Call
from integrations.upstream.breaker import Breakers
from integrations.upstream.gate import Gate
from tests.doubles.attempt_limits import RecordedAttempts
from tests.doubles.httpx_wire import HttpxWire
from tests.integration.database_samples import SEALER
from tests.simulation.database import VirtualEngine, Witness
from tests.simulation.fate import Fate, Killed, current
from tests.simulation.records import KEY, Records, Store
from tests.simulation.upstream import Upstream

T = TypeVar("T")

# What the settings say when nobody sets anything.
PACE = Pace(per_second=2, burst=20)


class ConnectionLost(Exception):
    """The process that a client was speaking to is gone, or does not answer."""


class UnrecordedCalls:
    """An audit that keeps nothing."""

    async def attempted(self, call: Call) -> None:
        """Keep nothing."""

    async def answered(self, call: Call, answer: Answer) -> None:
        """Keep nothing."""


class Process:
    """A gateway or a worker, from boot to kill."""

    def __init__(
        self,
        fate: Fate,
        *,
        upstream: Upstream,
        store: Store,
        database: Engine,
        hold_database: Engine,
        witness: Witness,
        hold_witness: Witness,
        policy: ChangePolicy | None = None,
    ) -> None:
        self.fate = fate
        self._context = contextvars.copy_context()
        self._context.run(current.set, fate)
        self._upstream = upstream
        self._policy = policy or ChangePolicy()
        self.records = Records(fate=fate, store=store)
        self.attempts = RecordedAttempts()
        engine = VirtualEngine(database, name="database", fate=fate, witness=witness)
        hold_engine = VirtualEngine(hold_database, name="holds", fate=fate, witness=hold_witness)
        self._engine = engine.face()
        self._units = sql_unit_of_work(self._engine, SEALER)
        self._inbox = SqlInbox(engine=engine.face())
        self._holds = SqlHoldStore(engine=hold_engine.face(), clock=fate)

    async def boot(self) -> None:
        """Build everything; the clinicians' keys are proved, as the composition root does it."""
        await self.run(self._boot())

    async def _boot(self) -> None:
        seed = described(self._upstream.world)
        fate = self.fate
        self._open = AsyncExitStack()  # never left: what a killed process had open is gone with it
        self.healthie = healthie = await self._open.enter_async_context(
            connect(
                url="http://healthie.invalid/graphql",
                organization_key=seed["owner"]["key"],
                clinician_keys=seed["clinician_keys"],
                declines=DECLINES,
                wire=HttpxWire(self._upstream.transport(fate, self.records)),
                audit=AuditedCalls(inner=UnrecordedCalls(), trail=self.records, clock=fate, key=KEY),
                gate=_gate(fate),
                digest=lambda text: hashlib.sha256(text.encode()).hexdigest(),
                now=fate.now,
            )
        )
        await healthie.keys.prove_due()
        steps = Steps(
            patients=healthie.patients,
            cards=healthie.cards,
            billing=healthie.billing,
            scheduling=healthie.scheduling,
            holds=self._holds,
            terms=PresentTerms(on_sale=healthie.on_sale, promotions=healthie.promotions),
            credit_ledger=healthie.credit_ledger,
            credit=SpendableCredits(ledger=healthie.credit_ledger, units=self._units, clock=fate),
            clock=fate,
        )
        guards = Guards(send_facts=SqlSendFactsReader(engine=self._engine), keys=healthie.keys, clock=fate)
        late = LateReconciler(
            billing=healthie.billing,
            scheduling=healthie.scheduling,
            later=RequestedChangesReader(units=self._units),
            clock=fate,
        )
        checkout_holds = CheckoutHolds(holds=self._holds, units=self._units, clock=fate)
        self.saga = Saga(
            steps=steps,
            guards=guards,
            reconciler=late,
            invoices=healthie.invoices,
            units=self._units,
            holds=self._holds,
            checkout_holds=checkout_holds,
            clock=fate,
            name=fate.name,
        )
        search = SlotSearch(
            availability=healthie.availability,
            holds=self._holds,
            recorded=SqlChangeReader(engine=self._engine),
            clock=fate,
        )
        self.search = search
        quotes = QuoteService(catalog=healthie.catalog, promotions=healthie.promotions)
        self.holds = HoldService(
            store=self._holds,
            checkout_holds=checkout_holds,
            search=search,
            catalog=healthie.catalog,
            units=self._units,
            clock=fate,
            rules=HoldRules(),
            share=AnonymousHoldShare(
                store=self._holds, search=search, clock=fate, rules=ShareRules(), alarm=_alert_nobody
            ),
        )
        unpaid = UnpaidVisits(policy=UnpaidPolicy.OPEN, attempts=self.attempts)
        self.starts = CheckoutStartService(
            saga=self.saga,
            quotes=quotes,
            credit_quotes=CreditQuotes(
                catalog=healthie.catalog,
                credit=SpendableCredits(ledger=healthie.credit_ledger, units=self._units, clock=fate),
            ),
            holds=self._holds,
            checkout_holds=checkout_holds,
            units=self._units,
            clock=fate,
            unpaid=unpaid,
        )
        self.checkouts = CheckoutService(
            saga=self.saga,
            checkout_holds=checkout_holds,
            cards=healthie.cards,
            units=self._units,
            clock=fate,
            rules=CheckoutRules(),
            attempts=self.attempts,
            unpaid=unpaid,
        )
        driver = self._change_driver(healthie)
        accepted = AcceptedChanges(driver=driver, answer_within=CheckoutRules().answer_within)
        self.changes = ChangeService(
            accepted=accepted,
            access=VisitAccess(
                visits=healthie.visits, payments=healthie.change_payments, units=self._units, clock=fate
            ),
            visits=healthie.visits,
            holds=self._holds,
            clock=fate,
            policy=self._policy,
        )
        self.memberships = MembershipService(
            accepted=accepted,
            memberships=healthie.memberships,
            units=self._units,
            clock=fate,
            policy=MembershipPolicy(),
            time_zone="America/New_York",
        )
        self.operator_actions = OperatorActions(units=self._units, clock=fate, operator="operator sample")
        self.worker = Worker(saga=self.saga, changes=driver, units=self._units, clock=fate)
        self.resources = healthie.resources
        self.synchronizer = ResourceSynchronizer(
            units=self._units,
            reader=self.resources,
            wake=EarlyChecks(check=self._check_early).request,
            forget_free_time=_nothing_kept,
            clock=fate,
            name=fate.name,
        )
        self._poll = VisitPoll(units=self._units, visits=self.resources, clock=fate)
        secrets = [one.signature_secret for one in self._upstream.world.webhooks if one.signature_secret]

        async def signing(*, doubted: bool = False) -> list[str]:
            return secrets

        self.webhooks = WebhookEndpoint(
            source=HealthieWebhooks(), inbox=self._inbox, clock=fate, secrets=signing
        )

    def _change_driver(self, healthie: SystemOfRecord) -> ChangeDriver:
        return ChangeDriver(
            steps=ChangeSteps(
                visits=healthie.visits,
                visit_changes=healthie.visit_changes,
                payments=healthie.change_payments,
                credit_ledger=healthie.credits,
                membership_changes=healthie.membership_changes,
                clock=self.fate,
            ),
            guards=ChangeGuards(
                visits=healthie.visits, units=self._units, keys=healthie.keys, clock=self.fate
            ),
            late_looks=LateLooks(visits=healthie.visits, visit_changes=healthie.visit_changes),
            units=self._units,
            holds=self._holds,
            clock=self.fate,
            name=self.fate.name,
        )

    async def _check_early(self, checkout_id: str) -> None:
        self.fate.trace.say(self.fate.name, f"wakes {checkout_id}")
        await self.saga.check_early(checkout_id)

    async def ask(self) -> None:
        """Poll for what changed without a webhook; what cannot be asked now is asked in the next round."""
        with contextlib.suppress(UpstreamUnavailable):
            await self._poll.changed()
            await self._poll.missing()

    async def remembered(self, resource: Resource) -> Snapshot:
        """Answer what was last seen of it."""
        async with self._units() as unit:
            return await unit.snapshots.get(resource)

    async def run(self, work: Coroutine[Any, Any, T], *, patience: float | None = None) -> T:
        """Have the process do something for somebody outside it, who waits so many seconds. Raises ConnectionLost."""
        if not self.fate.alive:
            work.close()
            raise ConnectionLost
        task = self.fate.loop.create_task(work, context=self._context.copy())
        first: set[asyncio.Future[Any]] = {task, self.fate.ended}
        await asyncio.wait(first, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() or not self.fate.alive:
            task.add_done_callback(_forget)
            raise ConnectionLost
        try:
            return task.result()
        except Killed:
            raise ConnectionLost from None


async def _alert_nobody(clinician_id: str, day: date) -> None:
    """Alerts about days are not part of the schedules."""


def _nothing_kept() -> None:
    """Free time is asked for anew each time."""


def _gate(fate: Fate) -> Gate:
    """Answer one process's gate, as composed without Redis: its pace by the process's clock, back-offs without luck."""
    pacer = LocalPacer(PACE, clock=lambda: fate.now().timestamp(), jitter=lambda: 0.5)
    return Gate(pacer=pacer, breakers=Breakers(monotonic=fate.loop.time))


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
