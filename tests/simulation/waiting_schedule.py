"""Schedules of the waitlist: patients, others and the practice act as a seed has it, while processes die, freeze and forget."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from booking.waitlist.rules import QuietHours, WaitlistRules
from integrations.database.tables.slots import holds
from tests.simulation.database import emptied
from tests.simulation.fate import Fate, Killed, Trace, Trouble, task_factory
from tests.simulation.plans import OF_READS, Chance, Scripted, Weather
from tests.simulation.virtual_loop import BEGINNING, VirtualLoop, run
from tests.simulation.waiting_patients import Patient, change, shop
from tests.simulation.waiting_practice import STARTS, Practice
from tests.simulation.waiting_process import Gone, WaitingProcess
from tests.simulation.waiting_witness import WaitingWitness

# Seconds of trouble, and then some without any: whatever is left must come right.
STORM, CALM = 40 * 60.0, 30 * 60.0

KINDS = (
    Trouble.KILL,
    Trouble.FREEZE,
    Trouble.CLOCK_JUMP,
    Trouble.HOLDS_EMPTIED,
    Trouble.HOLDS_DOWN,
    *OF_READS,
)


@dataclass(kw_only=True)
class WaitResult:
    """What came of a schedule."""

    violations: list[str]
    trace: list[str]
    troubles: list[str]
    offers: int  # that were announced
    ends: dict[str, int] = field(default_factory=dict)  # of offers, by state


class WaitingSchedule:
    """One schedule of one seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.loop = VirtualLoop()
        self.loop.set_task_factory(task_factory)
        self.loop.set_exception_handler(self._unhandled)
        self.trace = Trace(loop=self.loop)
        rate = self._chance.choice((0.002, 0.005, 0.01, 0.02))
        kinds = KINDS if self._chance.random() < 0.5 else tuple(self._chance.sample(KINDS, 3))
        weather = Weather(
            kinds=frozenset(kinds), rate=rate, most=self._chance.choice((2, 5, 12, 30)), until=STORM
        )
        self._plan = Chance(random.Random(seed + 1), weather)
        self._plan.elapsed = self.loop.time
        self._unhandled_errors: list[str] = []
        self._names = 0
        self._ids = 0
        self.practice = Practice(self._chance)
        self.rules = WaitlistRules(quiet=_quiet_hours(self._chance))
        self.processes: list[WaitingProcess] = []

    def play(self) -> WaitResult:
        """Play it to the end and judge it."""
        self._database, self._holds = emptied("waitlist"), emptied("holds of the waitlist")
        self.witness = WaitingWitness(
            loop=self.loop,
            database=self._database,
            hold_database=self._holds,
            practice=self.practice,
            rules=self.rules,
            trace=self.trace,
        )
        self.witness.watch()
        try:
            with patch("secrets.token_urlsafe", self._token), patch("secrets.token_hex", self._token):
                run(self._main(), self.loop)
        finally:
            self.witness.stop()
        ends = dict(Counter(one.state for one in self.witness.offers().values()))
        return WaitResult(
            violations=self.witness.violations + self._unhandled_errors,
            trace=self.trace.lines,
            troubles=[str(one) for one in self.trace.troubles],
            offers=len(self.witness.announced),
            ends=ends,
        )

    async def _main(self) -> None:
        till = self._process("till", Scripted({}))
        for _ in range(2):
            self._boot()
        cells = [(clinician, start) for clinician in ("c1", "c2") for start in STARTS]
        for cell in self._chance.sample(cells, self._chance.randint(0, 6)):
            self.practice.come_free(cell)
        patients = [
            Patient(f"p-{n}", chance=self._chance, practice=self.practice, somebody=self._somebody, till=till)
            for n in range(self._chance.randint(4, 9))
        ]
        keeper = asyncio.create_task(self._keep_up())
        lives = [asyncio.create_task(one.live()) for one in patients]
        others = [
            asyncio.create_task(shop(self._chance, self.practice, self._somebody, "p-other")),
            asyncio.create_task(change(self._chance, self.practice, self._somebody, cells)),
        ]
        await asyncio.sleep(STORM)
        for task in others:
            task.cancel()
        for patient in patients:
            patient.idle = True
        if self._chance.random() < 0.7:
            self._empty_holds()
        for process in self.processes:  # clocks are set right
            process.fate.clock_ahead = timedelta()
        await asyncio.sleep(150)
        for _ in range(int(CALM // 60)):
            await asyncio.sleep(60)
            self.witness.sample()
        self.witness.judge()
        for task in (keeper, *lives):
            task.cancel()

    def _boot(self) -> None:
        self._names += 1
        process = self._process(f"process-{self._names}", self._plan)
        process.start()
        self.processes.append(process)

    def _process(self, name: str, plan: Any) -> WaitingProcess:
        fate = Fate(name, loop=self.loop, plan=plan, trace=self.trace)
        fate.empty_holds = self._empty_holds
        return WaitingProcess(
            fate,
            practice=self.practice,
            rules=self.rules,
            database=self._database,
            hold_database=self._holds,
            witness=self.witness,
        )

    async def _keep_up(self) -> None:
        """Whoever dies is replaced after a while."""
        while True:
            await asyncio.sleep(1)
            for process in [one for one in self.processes if not one.fate.alive]:
                self.processes.remove(process)
                await asyncio.sleep(self._chance.uniform(1, 120))
                self._boot()

    def _somebody(self) -> WaitingProcess:
        alive = [one for one in self.processes if one.fate.alive]
        if not alive:
            raise Gone
        return self._chance.choice(alive)

    def _empty_holds(self) -> None:
        with self._holds.begin() as connection:
            connection.execute(holds.delete())
        self.witness.emptied()
        self.trace.say("holds", "are emptied")

    def _token(self, _: int = 16) -> str:
        self._ids += 1
        return f"{self._ids:04}"

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Killed | Gone | asyncio.CancelledError):
            self._unhandled_errors.append(f"unhandled: {type(error).__name__}: {error}")


def _quiet_hours(chance: random.Random) -> QuietHours:
    """They begin or end, for somebody, while the schedule runs."""
    begins = BEGINNING + timedelta(hours=chance.choice((-5, -8, 1, 9)), minutes=chance.uniform(-30, 90))
    ends = begins + timedelta(minutes=chance.uniform(20, 200))
    return QuietHours(start=begins.time(), end=ends.time())


def by_seed(seed: int) -> WaitResult:
    """Play one."""
    return WaitingSchedule(seed).play()
