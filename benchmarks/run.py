"""Measure and write `benchmarks/results.json`: `python -m benchmarks.run [--only PART] [--without PART]`.

Each part is written as soon as it is measured, and what is left out keeps the figures that it had. Needs PostgreSQL's
programs, or a server that the tests would find. Takes some minutes: one of them is a lease that runs out.
"""

import asyncio
import gc
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import (
    app_overhead,
    audit,
    fairness,
    idempotency,
    rates,
    recovery,
    requests,
    saga,
    strangers,
    subscriptions,
    webhooks,
)
from tests.plugins.databases import emptied
from tests.plugins.discovery import discover, local_postgres, local_redis
from tests.plugins.servers import TOLD_POSTGRES, TOLD_REDIS, own_database, own_prefix
from tests.plugins.temporary_servers import TemporaryPostgres, TemporaryRedis
from tests.reliability.processes import a_nursery

RESULTS = Path(__file__).parent / "results.json"

# The figures of the long run that is too long for every measuring, where there are any: the simulation's own JSON.
LONG_RUN = Path(__file__).parent / "simulation.json"
CHECKOUTS = 200
TAKEOVERS = 10
MUTATIONS = 1_000
AUDITED_CALLS = 400
CHAIN = 100_000
DELIVERIES_PER_SECOND, DELIVERY_SECONDS = 200, 20
FLOOD = 10_000
SUBSCRIBERS, ROUNDS = 1_000, 10


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the parts are measured on: an empty database of each kind."""

    urls: dict[str, str]  # by the dialect's name
    checkouts: int
    schedules: int


async def _saga(bench: Bench) -> dict[str, Any]:
    figures = {}
    for name, url in bench.urls.items():
        async with emptied(url) as engine:
            overhead = await saga.measure(engine, url, checkouts=bench.checkouts)
            figures[name] = {**asdict(overhead), "durability": await _durability(engine)}
    return figures


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
    with ExitStack() as servers:
        url = _redis(servers)
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


async def _app_overhead(bench: Bench) -> dict[str, Any]:
    with a_nursery() as nursery:
        measured = await app_overhead.measure(await nursery.emulator(), bench.urls["sqlite"])
    return {kind: asdict(one) for kind, one in measured.items()}


async def _strangers(_: Bench) -> dict[str, Any]:
    return asdict(await strangers.measure())


async def _fairness(_: Bench) -> dict[str, Any]:
    return asdict(await fairness.measure())


async def _subscriptions(bench: Bench) -> dict[str, Any]:
    with a_nursery() as nursery:
        emulator = await nursery.emulator()
        measured = await subscriptions.measure(
            emulator, bench.urls["sqlite"], subscribers=SUBSCRIBERS, rounds=ROUNDS
        )
    return asdict(measured)


async def _simulation(bench: Bench) -> dict[str, Any]:
    """The simulation's own figures, of a run made now and of the long one."""
    command = (sys.executable, "-m", "tests.simulation.run", "--json", "--schedules", str(bench.schedules))
    finished = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, text=True, check=True)
    runs = {"run by make bench": json.loads(finished.stdout)}
    if LONG_RUN.exists():
        runs["long run"] = json.loads(LONG_RUN.read_text())
    return runs


PARTS: dict[str, Callable[[Bench], Coroutine[Any, Any, dict[str, Any]]]] = {
    "saga": _saga,
    "idempotency": _idempotency,
    "audit": _audit,
    "webhooks": _webhooks,
    "recovery": _recovery,
    "rates": _rates,
    "requests": _requests,
    "app_overhead": _app_overhead,
    "strangers": _strangers,
    "fairness": _fairness,
    "subscriptions": _subscriptions,
    "simulation": _simulation,
}


def main() -> None:
    """Measure."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--without", action="append", default=[], choices=PARTS)
    parser.add_argument("--checkouts", type=int, default=CHECKOUTS, help="for each database")
    parser.add_argument("--schedules", type=int, default=1000, help="of the simulation")
    given = parser.parse_args()
    # What is loaded here is no garbage: looking through it stopped all that was sent for a quarter of a second.
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in PARTS:
        if name in (given.only or PARTS) and name not in given.without:
            print(f"measuring: {name} …", file=sys.stderr, flush=True)
            _write(name, _measured(name, checkouts=given.checkouts, schedules=given.schedules))


def _measured(part: str, *, checkouts: int, schedules: int) -> dict[str, Any]:
    with ExitStack() as ours:
        directory = ours.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-"))
        postgresql = ours.enter_context(own_database(_postgresql(ours)))
        urls = {"sqlite": f"sqlite:///{directory}/frontdoor.sqlite3", "postgresql": postgresql}
        bench = Bench(urls=urls, checkouts=checkouts, schedules=schedules)
        return asyncio.run(PARTS[part](bench))


def _write(part: str, figures: dict[str, Any]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault("measured", {})[part] = datetime.now(UTC).strftime("%Y-%m-%d")
    results |= {"python": platform.python_version(), "cores": os.cpu_count(), part: figures}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


def _postgresql(servers: ExitStack) -> str:
    own = partial(_own, TemporaryPostgres, servers)
    return discover(told=os.environ.get(TOLD_POSTGRES), local=local_postgres, own=own)


def _redis(servers: ExitStack) -> str:
    own = partial(_own, TemporaryRedis, servers)
    return discover(told=os.environ.get(TOLD_REDIS), local=local_redis, own=own)


def _own(kind: type[TemporaryPostgres] | type[TemporaryRedis], servers: ExitStack) -> str:
    server = kind()
    servers.callback(server.stop)
    server.start()
    return server.url


async def _durability(engine: AsyncEngine) -> str:
    """What a commit waits for, in the database's own words: figures without it say little."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            return f"synchronous={await connection.scalar(text('PRAGMA synchronous'))}"
        settings = [
            f"{name}={await connection.scalar(text(f'SHOW {name}'))}"
            for name in ("fsync", "synchronous_commit")
        ]
    return " ".join(settings)


if __name__ == "__main__":
    main()
