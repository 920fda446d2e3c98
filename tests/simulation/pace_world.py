"""One practice's calls on virtual time: the real gates and pacer, the emulator's limit, patients who browse and patients who pay."""

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from booking.local_pacer import LocalPacer
from booking.pacing import Pace, PaceRange
from booking.work_context import asked_by, waiting
from integrations.healthie.operation_kinds import kind_of
from integrations.healthie_emulator.throttle import Limits, Throttle
from integrations.upstream.errors import HeldBack, RateLimited
from integrations.upstream.gate import Gate
from integrations.upstream.transport import Request
from tests.simulation.virtual_loop import VirtualLoop

KEY = "0a1b2c3d"
DEFAULT = PaceRange(start=Pace(per_second=2, burst=20), least=0.5, most=160)

# A request takes so long to arrive, and so long to be answered after that; a little more at random, so that some overtake.
_ON_THE_WAY, _ANSWERED_IN = 0.01, 0.03

# Whoever is refused looks again after so many seconds: patients reload, checkouts are retried by the worker.
_AGAIN = 20.0


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request as Healthie met it."""

    at: float  # in the loop's time
    refused: bool
    checkout: bool


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One mutation of a checkout: when it was wanted, and how long it waited to be sent, or None where it was parked."""

    at: float
    waited: float | None


@dataclass(kw_only=True)
class PaceWorld:
    """A practice and its Healthie. `processes` share one pacer as they do on one Redis; each has a queue of its own."""

    loop: VirtualLoop
    limits: PaceRange = DEFAULT
    processes: int = 1
    seed: int = 1
    throttle: Throttle = field(default_factory=Throttle)
    sent: list[Sent] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)
    alarms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()
        self._random = random.Random(self.seed)
        self._tasks: set[asyncio.Task[None]] = set()

    def restart(self) -> None:
        """All processes begin anew, without a memory."""
        self.pacer = LocalPacer(self.limits, clock=lambda: self.loop.now().timestamp(), jitter=lambda: 0.5)
        self._gates = [Gate(pacer=self.pacer, alarm=self._alarm) for _ in range(self.processes)]

    async def _alarm(self, _key: str, _since: object) -> None:
        self.alarms.append(self.loop.time())

    def limit(
        self, requests: int, *, seconds: float = 1.0, lockout: float = 1800.0, account: bool = False
    ) -> None:
        """Healthie's limit from now on."""
        self.throttle.order(Limits(requests=requests, seconds=seconds, lockout=lockout, account=account))

    def browse(self, people: int, *, calls: int = 1, rest: float = 0.0) -> None:
        """So many people, each of a network of their own, ask for so many at once, again and again."""
        for number in range(people):
            self._begin(self._browsing(number, calls, rest))

    def buy(self, *, every: float, keys: Sequence[str] = (KEY,)) -> None:
        """Checkouts send a mutation so often, on these keys in turn."""
        self._begin(self._buying(every, keys))

    async def end(self) -> None:
        """End the load."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _begin(self, coroutine: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = self.loop.create_task(coroutine)
        self._tasks.add(task)

    async def _browsing(self, number: int, calls: int, rest: float) -> None:
        with asked_by(f"visitor:{number}", client=f"network {number}"), waiting(lane=None, seconds=None):
            while True:
                found = await asyncio.gather(
                    *(self._call(number) for _ in range(calls)), return_exceptions=True
                )
                failed = any(isinstance(one, HeldBack | RateLimited) for one in found)
                await asyncio.sleep((_AGAIN if failed else rest) * (1 + self._random.random()))

    async def _buying(self, every: float, keys: Sequence[str]) -> None:
        number = 0
        while True:
            wanted = self.loop.time()
            sent: float | None = None
            with contextlib.suppress(HeldBack, RateLimited):
                sent = await self._call(number, mutation=True, key=keys[number % len(keys)])
            self.checkouts.append(Checkout(at=wanted, waited=None if sent is None else sent - wanted))
            number += 1
            await asyncio.sleep(every * (0.5 + self._random.random()))

    async def _call(self, number: int, *, mutation: bool = False, key: str = KEY) -> float:
        """Returns when it was sent."""

        async def send() -> float:
            begun = self.loop.time()
            await asyncio.sleep(_ON_THE_WAY * (1 + self._random.random()))
            refused = self.throttle.refuses(key, self.loop.now())
            self.sent.append(Sent(at=self.loop.time(), refused=refused, checkout=mutation))
            await asyncio.sleep(_ON_THE_WAY if refused else _ANSWERED_IN)
            if refused:
                raise RateLimited("sample")
            return begun

        operation = "Charge" if mutation else "AvailableSlots"
        request = Request(
            operation=operation,
            mutation=mutation,
            kind=kind_of(operation, mutation=mutation),
            variables={},
            timeout=1,
            budget=1,
        )
        return await self._gates[number % self.processes].through(request, key, send)

    @staticmethod
    async def pass_time(seconds: float) -> None:
        """Let so many seconds pass, with whatever load there is."""
        await asyncio.sleep(seconds)

    def rate(self, since: float) -> float:
        """Requests a second that were answered between then and now."""
        answered = sum(not one.refused for one in self.sent if one.at >= since)
        return answered / (self.loop.time() - since)

    def refused(self, since: float = 0.0) -> int:
        """Requests that were refused since then."""
        return sum(one.refused for one in self.sent if one.at >= since)
