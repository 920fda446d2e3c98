"""One schedule: patients, gateways, workers, trouble; played until everything has come to rest, then judged."""

import asyncio
import contextlib
import contextvars
import itertools
import logging
import random
import sys
from collections.abc import Callable, Coroutine, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn
from unittest.mock import patch
from zoneinfo import ZoneInfo

import structlog

import booking.changes.accepted
import booking.changes.membership_end
import booking.changes.requests
import booking.checkout.service
import booking.checkout.start
import booking.scheduling.holds
from booking.catalog.model import ContactType
from booking.changes.model import RequestedChange
from booking.changes.policy import ChangePolicy
from booking.checkout.model import Checkout
from booking.errors import DomainError
from booking.slots import Slot
from gateway.runtime.worker import POLL_SECONDS
from integrations.healthie.keys import ASKING
from integrations.healthie_emulator.seed import described
from tests.simulation import convergence
from tests.simulation import webhook_sender as dispatcher
from tests.simulation.database import emptied
from tests.simulation.fate import Fate, Plan, Trace, task_factory
from tests.simulation.patients import Patient, Wish
from tests.simulation.plans import Chance, Scripted
from tests.simulation.practice_changes import Practice
from tests.simulation.process import ConnectionLost, Process
from tests.simulation.records import Store
from tests.simulation.upstream import Upstream
from tests.simulation.virtual_loop import BEGINNING, VirtualLoop, run
from tests.simulation.witness import Witness

# Ended checkouts are reconciled for this long; then everything must be right.
AFTERWARDS = timedelta(hours=80)

# Where nobody buys anything, deliveries and looks that failed are repeated within the hour after trouble has ended.
WITHOUT_PATIENTS = timedelta(hours=6)

# How often a page that waits for another looks: ten times a second would be most of what a schedule does.
JOIN_SECONDS = 2.0

# No worker needs to be asked more rarely whether it is still there.
LONGEST_NAP = 3600.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a schedule is made of, besides its trouble."""

    wishes: tuple[Callable[["Schedule"], Wish], ...]
    gateways: int = 1
    workers: int = 1
    switches: dict[str, Any] = field(default_factory=dict)
    events: tuple[Callable[["Schedule"], Coroutine[Any, Any, None]], ...] = ()
    policy: ChangePolicy = field(default_factory=ChangePolicy)  # of changes of booked visits
    settings: dict[str, Any] = field(default_factory=dict)  # the practice's own, in Healthie
    webhooks: int | None = None  # the seed of their luck; None: Healthie sends none


@dataclass(kw_only=True)
class Result:
    """What came of a schedule."""

    violations: list[str]
    trace: list[str]
    troubles: list[str]
    checkouts: list[Checkout]
    changes: list[RequestedChange]
    requests: int  # that left a process for Healthie
    seconds: float  # virtual


class Schedule:
    """The world of one schedule."""

    def __init__(self, scenario: Scenario, plan: Plan) -> None:
        self.scenario = scenario
        self.plan = plan
        self.loop = VirtualLoop()
        self.loop.set_task_factory(task_factory)
        self.loop.set_exception_handler(self._unhandled)
        self.trace = Trace(loop=self.loop)
        if isinstance(plan, Chance):
            plan.elapsed = self.loop.time
        self._names = itertools.count(1)
        self._ids = itertools.count(1)
        self._requests = itertools.count()
        self.unhandled: list[str] = []

    def play(self) -> Result:
        """Play it to the end and judge it."""
        random.seed(0)  # the jitter of retries
        _logged.clear()
        names = _Names(self._ids)
        with (
            patch.object(booking.checkout.start, "secrets", names),
            patch.object(booking.scheduling.holds, "secrets", names),
            patch.object(booking.changes.requests, "secrets", names),
            patch.object(booking.changes.membership_end, "secrets", names),
            patch.object(booking.changes.accepted, "_JOIN_INTERVAL", JOIN_SECONDS),
            patch.object(booking.checkout.service, "_JOIN_INTERVAL", JOIN_SECONDS),
        ):
            return run(self._play(), self.loop)

    async def _play(self) -> Result:
        self.database, self.hold_database = emptied("database"), emptied("holds")
        self.witness = Witness(self)
        self.store = Store()
        self.upstream = Upstream(loop=self.loop, trace=self.trace)
        seed = described(self.upstream.world)
        self.seed = seed
        self.patient_ids = [one["id"] for one in seed["patients"]]
        self.clinician_ids = [one["id"] for one in seed["clinicians"]]
        for name, value in self.scenario.switches.items():
            setattr(self.upstream.world.switches, name, value)
        if self.scenario.settings:
            settings = self.upstream.world.appointment_settings
            settings.change(self.upstream.world.settings.id, **self.scenario.settings)
        self.practice = Practice(self)
        self.refreshes_changed = asyncio.Event()  # a pending refresh was added, or is gone
        self.committed = asyncio.Event()  # something was, so that naps are counted anew
        self.gateways: list[Process] = []
        self.processes: list[Process] = []
        self.patients = [Patient(self, wish(self)) for wish in self.scenario.wishes]
        keepers = [
            self._background(self._keep("gateway", self.gateways)) for _ in range(self.scenario.gateways)
        ]
        keepers += [self._background(self._keep("worker", [])) for _ in range(self.scenario.workers)]
        events = [self._background(event(self)) for event in self.scenario.events]
        if self.scenario.webhooks is not None:
            events += self._send_webhooks(random.Random(self.scenario.webhooks))
        visits = asyncio.gather(*(patient.visit() for patient in self.patients))
        first: set[asyncio.Future[Any]] = {visits, *keepers}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        for keeper in keepers:
            if keeper.done():
                keeper.result()
        await visits
        self.passed_by_patients = len(self.plan.passed) if isinstance(self.plan, Scripted) else 0
        for event in events:
            await event
        await self._settle()
        if self.scenario.webhooks is not None:
            await convergence.judge(self)
        requests = len(self.upstream.sent)
        await self.witness.changes.offered_again()
        for keeper in keepers:
            keeper.cancel()
        self.unhandled += [f"{type(error).__name__}: {error}" for error in _logged]
        violations = self.witness.judge()
        return Result(
            violations=violations,
            trace=self.trace.lines,
            troubles=self.trace.troubles,
            checkouts=self.witness.rows(),
            changes=self.witness.changes.rows(),
            requests=requests,
            seconds=self.loop.elapsed,
        )

    def _send_webhooks(self, rng: random.Random) -> list[asyncio.Task[None]]:
        dispatcher.subscribe(self.upstream.world)
        self._background(dispatcher.EventDispatcher(self, rng).deliver())
        return [self._background(dispatcher.staff_at_work(self, rng))]

    async def a_gateway(self) -> Process:
        """Answer a gateway that the load balancer thinks is up."""
        while not self.gateways:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(1.0)
        return self.gateways[next(self._requests) % len(self.gateways)]

    async def onlooker(self) -> Process:
        """A process that nothing happens to."""
        fate = Fate("onlooker", loop=self.loop, plan=Scripted({}), trace=self.trace)
        process = self._process(fate)
        await process.boot()
        return process

    def _process(self, fate: Fate) -> Process:
        return Process(
            fate,
            upstream=self.upstream,
            store=self.store,
            database=self.database,
            hold_database=self.hold_database,
            witness=self.witness.see,
            hold_witness=self.witness.see_holds,
            policy=self.scenario.policy,
        )

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.loop.create_task(work, context=contextvars.Context())

    async def _keep(self, kind: str, listed: list[Process]) -> None:
        """Keep one process of a kind running: when it is killed, another one comes in its place."""
        while True:
            name = f"{kind}-{next(self._names)}"
            fate = Fate(name, loop=self.loop, plan=self.plan, trace=self.trace)
            fate.empty_holds = self.empty_holds
            process = self._process(fate)
            self.processes.append(process)
            try:
                await process.boot()
                self._background(self._prove(process))
                listed.append(process)
                if kind == "worker":
                    if self.scenario.webhooks is not None:
                        self._background(dispatcher.synchronize(self, process))
                    await self._work(process)
                await fate.ended
            except ConnectionLost:
                self.trace.say(name, "is down")
            if process in listed:
                listed.remove(process)
            await asyncio.sleep(self.plan.seconds(1.0, 20.0))

    async def _prove(self, process: Process) -> None:
        """Have it prove the keys of which there was no answer while it booted; the program does so beside everything else."""
        keys = process.healthie.keys
        with contextlib.suppress(ConnectionLost):
            while keys.pending:
                await asyncio.sleep(ASKING.total_seconds())
                await process.run(keys.prove_due())

    async def _work(self, process: Process) -> None:
        """Have a worker look whenever something has come due by its clock; looks that find nothing are left out."""
        while True:
            if not process.fate.alive:  # killed while it refreshed
                raise ConnectionLost
            due = self.witness.next_due()
            nap = LONGEST_NAP if due is None else (due - process.fate.now()).total_seconds()
            if nap > 0:
                self.committed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(nap, LONGEST_NAP)):
                        await self.committed.wait()
                continue
            await process.run(process.worker.tick())
            await asyncio.sleep(POLL_SECONDS)

    async def _settle(self) -> None:
        """Let the workers finish, and let the time of reconciliation pass."""
        await asyncio.sleep((AFTERWARDS if self.patients else WITHOUT_PATIENTS).total_seconds())

    def empty_holds(self) -> None:
        """Lose every hold, as a restarted Redis does."""
        with self.hold_database.begin() as connection:
            connection.exec_driver_sql("DELETE FROM holds")

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.unhandled.append(f"{context['message']}: {type(error).__name__}: {error}")

    def a_slot(
        self, visit: str, *, clinician: int = 1, days: int = 7, hour: int = 11, minute: int = 0
    ) -> Slot:
        """Answer a slot of the practice, at an hour of New York."""
        kind = next(one for one in self.upstream.world.appointment_types if one.name == visit)
        day = (BEGINNING + timedelta(days=days)).date()
        start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo("America/New_York"))
        return Slot(
            clinician_id=self.clinician_ids[clinician - 1],
            visit_type_id=kind.id,
            contact_type=ContactType.VIDEO,
            location_id=None,
            start=start.astimezone(ZoneInfo("UTC")),
            minutes=kind.length,
        )


class _Names:
    """Where the program draws secrets: names that are the same in every run."""

    def __init__(self, ids: "itertools.count[int]") -> None:
        self._ids = ids

    def token_urlsafe(self, _: int) -> str:
        return f"sample{next(self._ids):04d}"


_logged: list[BaseException] = []  # errors that the program logged with their traceback


def quiet() -> None:
    """Keep the program's logs to itself: a schedule has its own trace. Errors that it did not expect are kept."""
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), processors=[_keep_error]
    )


def _keep_error(_: object, __: str, event: MutableMapping[str, Any]) -> NoReturn:
    error = sys.exception()
    if event.get("exc_info") and isinstance(error, Exception) and not isinstance(error, DomainError):
        _logged.append(error)
    raise structlog.DropEvent
