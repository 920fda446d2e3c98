"""Measures the error of a rate count that gateways share through Redis, under load, latency and lost answers."""

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from limits.aio.storage import MemoryStorage, Storage

from benchmarks.figures import titled
from gateway.rates import Counts
from gateway.rates.counting import STEP, Bound
from gateway.rates.redis import redis_storage
from integrations.redis.client import connect_redis
from tests.doubles.counter_flood import Flood, LostAnswer

GATEWAYS, AT_ONCE, PER_SECOND = 4, 64, 1_000

# One caller in one window, which does not end while it is measured.
BOUND = Bound(what="sample", subject="caller:somebody", most=300, window=timedelta(hours=1))


@dataclass(frozen=True, kw_only=True)
class Weather:
    """The latency and loss of the connection to Redis."""

    name: str
    seconds: float = 0.0  # each way
    lost: float = 0.0  # the share of lost answers


WEATHERS = (
    Weather(name="as it is"),
    Weather(name="20 ms each way", seconds=0.02),
    Weather(name="20 ms each way, every fifth answer lost", seconds=0.02, lost=0.2),
)


@dataclass(frozen=True, kw_only=True)
class Believed:
    """The result of one flood."""

    redis: str
    requests: int
    let_through: int  # of a bound of 300
    ahead: int  # the most by which a gateway overestimated the count; 0: never
    behind: int  # the most by which it underestimates the count after the flood; -1: not measured


class _Distant(MemoryStorage):
    """A storage with latency and lost answers."""

    def __init__(self, inner: Storage, weather: Weather, chance: random.Random) -> None:
        super().__init__()
        self._inner, self._weather, self._chance = inner, weather, chance

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (LostAnswer,)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        await asyncio.sleep(self._weather.seconds)
        value = await self._inner.incr(key, round(expiry), amount)
        await asyncio.sleep(self._weather.seconds)
        if self._chance.random() < self._weather.lost:
            raise LostAnswer
        return value


class _Clock:
    """A stopped clock: the window never ends."""

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)


async def measure(url: str, prefix: str, *, requests: int) -> list[Believed]:
    """Flood gateways on the Redis at the URL, once per connection quality. All keys are below the prefix."""
    return [
        await _flooded(url, f"{prefix}{number}", weather, requests=requests)
        for number, weather in enumerate(WEATHERS)
    ]


async def _flooded(url: str, prefix: str, weather: Weather, *, requests: int) -> Believed:
    chance = random.Random(1)  # noqa: S311 - chance that repeats, not secrecy
    clients = [connect_redis(url) for _ in range(GATEWAYS)]
    try:
        gateways = [
            Counts(
                clock=_Clock(),
                key=b"only for a benchmark",
                shared=_Distant(redis_storage(client, prefix), weather, chance),
            )
            for client in clients
        ]
        flood = Flood(gateways=gateways, bound=BOUND)
        rest = partial(asyncio.sleep, AT_ONCE / PER_SECOND)
        await flood.run(requests, at_once=AT_ONCE, chance=chance, rest=rest)
        quiet = [
            [await flood.send(gateway) for _ in range(STEP)][-1]
            for gateway in range(GATEWAYS)
            if not weather.lost
        ]
    finally:
        for client in clients:
            await client.aclose()
    return Believed(
        redis=weather.name,
        requests=flood.real,
        let_through=flood.let_through,
        ahead=max(0, *(one.value - one.real for one in flood.answers)),
        behind=max((one.real - one.value for one in quiet), default=-1),
    )


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            one["redis"],
            f"{one['requests']:,}",
            f"{one['let_through']:,}",
            f"{one['ahead']:,}",
            f"{one['behind']:,}" if one["behind"] >= 0 else "",
        )
        for one in figures["floods"]
    ]
    head = (
        "Redis",
        f"requests of one caller at {figures['gateways']} gateways, {figures['per_second']:,}/s",
        f"let through of {figures['most']:,}",
        "believed too many, at most",
        "too few in quiet, at most",
    )
    return titled("What a shared count is believed to be", head, rows)
