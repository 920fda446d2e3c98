"""A flood on several gateways that count together, and what was really counted: the counter's reference."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from limits.aio.storage import MemoryStorage, Storage

from gateway.rates import Counts
from gateway.rates.counting import Bound

# Turns of the event loop that a way to the storage, or back, takes at most.
LONGEST = 20


async def in_turns(chance: random.Random, longest: int) -> None:
    """Take some turns of the event loop, at random: time passes without a clock."""
    for _ in range(chance.randrange(longest + 1)):
        await asyncio.sleep(0)


class LostAnswer(Exception):
    """What a client raises whose server did not answer in time."""


class SlowStorage(MemoryStorage):
    """A storage that takes its time on the way there and back, in turns of the event loop; some answers are lost.

    Whether a request whose answer is lost arrived is as likely as not.
    """

    def __init__(self, inner: Storage, chance: random.Random, *, lost: float = 0.0) -> None:
        super().__init__()
        self._inner = inner
        self._chance = chance
        self._lost = lost

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (LostAnswer,)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        lost = self._chance.random() < self._lost
        await self._travel()
        if lost and self._chance.random() < 0.5:
            raise LostAnswer
        value = await self._inner.incr(key, round(expiry), amount)
        await self._travel()
        if lost:
            raise LostAnswer
        return value

    async def _travel(self) -> None:
        await in_turns(self._chance, LONGEST)


@dataclass(frozen=True, kw_only=True)
class Believed:
    """What one request was told the count stands at, and what bounds that."""

    gateway: int
    value: int
    own: int  # counted by this gateway when the request came, itself included
    real: int  # counted by all of them when it was answered


@dataclass(kw_only=True)
class Flood:
    """Requests at gateways, and the reference count of them: every request, in the order of their coming."""

    gateways: Sequence[Counts]
    bound: Bound
    own: Counter[int] = field(default_factory=Counter)
    answers: list[Believed] = field(default_factory=list)

    @property
    def real(self) -> int:
        return self.own.total()

    @property
    def let_through(self) -> int:
        return sum(one.value <= self.bound.most for one in self.answers)

    async def send(self, gateway: int) -> Believed:
        """One request at that gateway."""
        self.own[gateway] += 1
        own = self.own[gateway]
        (count,) = await self.gateways[gateway].add_in_steps([self.bound])
        believed = Believed(gateway=gateway, value=count.value, own=own, real=self.real)
        self.answers.append(believed)
        return believed

    async def run(
        self,
        requests: int,
        *,
        at_once: int,
        chance: random.Random,
        rest: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """So many requests in all, spread at random, `at_once` of them in flight or at rest."""
        rest = rest or partial(in_turns, chance, 2 * LONGEST)  # as long as a question to the storage takes
        left = iter([chance.randrange(len(self.gateways)) for _ in range(requests)])

        async def one_after_the_other() -> None:
            for gateway in left:
                await self.send(gateway)
                await rest()

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
