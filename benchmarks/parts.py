"""The parts of the benchmark: for each, how it is measured and how its figures are rendered."""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import (
    app_overhead,
    audit,
    crowds,
    execution,
    fairness,
    idempotency,
    journey,
    pace,
    rates,
    recovery,
    request_path,
    requests,
    saga,
    servers,
    simulation,
    slots,
    strangers,
    subscriptions,
    webhooks,
)
from tests.plugins.databases import emptied
from tests.plugins.servers import own_prefix
from tests.reliability.processes import a_nursery

TAKEOVERS = 10
JOURNEYS = 60
MUTATIONS = 1_000
AUDITED_CALLS = 400
CHAIN = 100_000
DELIVERIES_PER_SECOND, DELIVERY_SECONDS = 200, 20
FLOOD = 10_000
SUBSCRIBERS, ROUNDS = 1_000, 10


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The environment of the parts: an empty database of each kind."""

    urls: dict[str, str]  # by the dialect's name
    checkouts: int
    schedules: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of the report."""

    measure: Callable[[Bench], Coroutine[Any, Any, dict[str, Any]]]
    shown: Callable[[dict[str, Any]], str]  # its figures, as Markdown


async def _saga(bench: Bench) -> dict[str, Any]:
    figures = {}
    for name, url in bench.urls.items():
        async with emptied(url) as engine:
            overhead = await saga.measure(engine, url, checkouts=bench.checkouts)
            figures[name] = {**asdict(overhead), "durability": await _durability(engine)}
    return figures


async def _journey(bench: Bench) -> dict[str, Any]:
    with ExitStack() as ours:
        figures = await journey.on_each(bench.urls, servers.redis(ours), journeys=JOURNEYS)
    return {name: asdict(one) for name, one in figures.items()}


async def _idempotency(bench: Bench) -> dict[str, Any]:
    figures = {}
    for name, url in bench.urls.items():
        async with emptied(url) as engine:
            figures[name] = asdict(await idempotency.measure(engine, url, mutations=MUTATIONS))
    return figures


async def _audit(bench: Bench) -> dict[str, Any]:
    figures = {}
    for name, url in bench.urls.items():
        async with emptied(url) as engine:
            cost = await audit.measure(engine, url, calls=AUDITED_CALLS, chain=CHAIN)
            figures[name] = {**asdict(cost), "durability": await _durability(engine)}
    return figures


async def _webhooks(bench: Bench) -> dict[str, Any]:
    figures = {}
    with a_nursery() as nursery:
        for name, url in bench.urls.items():
            emulator = await nursery.emulator()
            deliveries = await webhooks.measure(
                nursery, emulator, url, per_second=DELIVERIES_PER_SECOND, seconds=DELIVERY_SECONDS
            )
            figures[name] = asdict(deliveries)
    return figures


async def _recovery(bench: Bench) -> dict[str, Any]:
    figures = {}
    with a_nursery() as nursery:
        for name, url in bench.urls.items():
            emulator = await nursery.emulator()
            figures[name] = asdict(await recovery.measure(nursery, emulator, url, takeovers=TAKEOVERS))
    return figures


async def _rates(_: Bench) -> dict[str, Any]:
    with ExitStack() as ours:
        url = servers.redis(ours)
        async with own_prefix(url) as prefix:
            floods = await rates.measure(url, prefix, requests=FLOOD)
    return {
        "floods": [asdict(one) for one in floods],
        "gateways": rates.GATEWAYS,
        "per_second": rates.PER_SECOND,
        "most": rates.BOUND.most,
    }


async def _requests(_: Bench) -> dict[str, Any]:
    return asdict(await requests.measure())


async def _execution(_: Bench) -> dict[str, Any]:
    return await execution.measure()


async def _app_overhead(bench: Bench) -> dict[str, Any]:
    with a_nursery() as nursery:
        measured = await app_overhead.measure(await nursery.emulator(), bench.urls["sqlite"])
    return {kind: asdict(one) for kind, one in measured.items()}


async def _request_path(bench: Bench) -> dict[str, Any]:
    with a_nursery() as nursery:
        measured = await request_path.measure(await nursery.emulator(), bench.urls["sqlite"])
    return {who: asdict(one) for who, one in measured.items()}


async def _strangers(_: Bench) -> dict[str, Any]:
    return asdict(await strangers.measure())


async def _fairness(_: Bench) -> dict[str, Any]:
    return asdict(await fairness.measure())


async def _pace(_: Bench) -> dict[str, Any]:
    return asdict(await pace.measure())


async def _crowds(_: Bench) -> dict[str, Any]:
    return {"crowds": [asdict(one) for one in await crowds.measure()]}


async def _slots(_: Bench) -> dict[str, Any]:
    return await slots.measure()


async def _subscriptions(bench: Bench) -> dict[str, Any]:
    with a_nursery() as nursery:
        emulator = await nursery.emulator()
        measured = await subscriptions.measure(
            emulator, bench.urls["sqlite"], subscribers=SUBSCRIBERS, rounds=ROUNDS
        )
    return asdict(measured)


async def _simulation(bench: Bench) -> dict[str, Any]:
    return await simulation.measure(bench.schedules)


async def _durability(engine: AsyncEngine) -> str:
    """The durability settings of the database, such as `fsync=on`, without which its figures mean little."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            return f"synchronous={await connection.scalar(text('PRAGMA synchronous'))}"
        settings = [
            f"{name}={await connection.scalar(text(f'SHOW {name}'))}"
            for name in ("fsync", "synchronous_commit")
        ]
    return " ".join(settings)


PARTS = {
    "saga": Part(measure=_saga, shown=saga.shown),
    "journey": Part(measure=_journey, shown=journey.shown),
    "idempotency": Part(measure=_idempotency, shown=idempotency.shown),
    "audit": Part(measure=_audit, shown=audit.shown),
    "webhooks": Part(measure=_webhooks, shown=webhooks.shown),
    "recovery": Part(measure=_recovery, shown=recovery.shown),
    "rates": Part(measure=_rates, shown=rates.shown),
    "requests": Part(measure=_requests, shown=requests.shown),
    "execution": Part(measure=_execution, shown=execution.shown),
    "app_overhead": Part(measure=_app_overhead, shown=app_overhead.shown),
    "request_path": Part(measure=_request_path, shown=request_path.shown),
    "strangers": Part(measure=_strangers, shown=strangers.shown),
    "fairness": Part(measure=_fairness, shown=fairness.shown),
    "pace": Part(measure=_pace, shown=pace.shown),
    "crowds": Part(measure=_crowds, shown=crowds.shown),
    "slots": Part(measure=_slots, shown=slots.shown),
    "subscriptions": Part(measure=_subscriptions, shown=subscriptions.shown),
    "simulation": Part(measure=_simulation, shown=simulation.shown),
}
