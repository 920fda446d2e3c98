"""Measure everything and write `benchmarks/results.json`: `python -m benchmarks.run [--without PART]`.

Needs PostgreSQL's programs, or a server that the tests would find. Takes some minutes: one of them is a lease that runs out.
"""

import asyncio
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import audit, idempotency, recovery, requests, saga, subscriptions, webhooks
from tests.plugins.databases import emptied
from tests.plugins.discovery import discover, local_postgres
from tests.plugins.servers import TOLD_POSTGRES, own_database
from tests.plugins.temporary_servers import TemporaryPostgres
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
SUBSCRIBERS, ROUNDS = 1_000, 10
PARTS = ("saga", "idempotency", "audit", "webhooks", "recovery", "requests", "subscriptions", "simulation")


def main() -> None:
    """Measure; what is left out keeps the figures that it had."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=PARTS)
    parser.add_argument("--checkouts", type=int, default=CHECKOUTS, help="for each database")
    parser.add_argument("--schedules", type=int, default=1000, help="of the simulation")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with ExitStack() as servers:
        url = servers.enter_context(own_database(_postgresql(servers)))
        measured = asyncio.run(_measure(url, given.without, checkouts=given.checkouts))
    if "simulation" not in given.without:
        measured["simulation"] = _simulated(given.schedules)
    kept = {name: figures for name, figures in before.items() if name in given.without}
    RESULTS.write_text(json.dumps({**_machine(), **kept, **measured}, indent=2) + "\n")


def _postgresql(servers: ExitStack) -> str:
    def own() -> str:
        server = TemporaryPostgres()
        servers.callback(server.stop)
        server.start()
        return server.url

    return discover(told=os.environ.get(TOLD_POSTGRES), local=local_postgres, own=own)


async def _measure(postgresql_url: str, without: list[str], *, checkouts: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="frontdoor-bench-") as directory, a_nursery() as nursery:
        urls = {"sqlite": f"sqlite:///{directory}/frontdoor.sqlite3", "postgresql": postgresql_url}
        for name, url in urls.items() if "saga" not in without else ():
            _say(f"the saga on {name}")
            async with emptied(url) as engine:
                overhead = await saga.measure(engine, url, checkouts=checkouts)
                durable = await _durability(engine)
                figures.setdefault("saga", {})[name] = {**asdict(overhead), "durability": durable}
        for name, url in urls.items() if "idempotency" not in without else ():
            _say(f"idempotency keys on {name}")
            async with emptied(url) as engine:
                keys = await idempotency.measure(engine, url, mutations=MUTATIONS)
                figures.setdefault("idempotency", {})[name] = asdict(keys)
        for name, url in urls.items() if "audit" not in without else ():
            _say(f"the audit trail on {name}")
            async with emptied(url) as engine:
                cost = await audit.measure(engine, url, calls=AUDITED_CALLS, chain=CHAIN)
                durable = await _durability(engine)
                figures.setdefault("audit", {})[name] = {**asdict(cost), "durability": durable}
        for name, url in urls.items() if "webhooks" not in without else ():
            _say(f"webhooks on {name}")
            deliveries = await webhooks.measure(
                nursery,
                await nursery.emulator(),
                url,
                per_second=DELIVERIES_PER_SECOND,
                seconds=DELIVERY_SECONDS,
            )
            figures.setdefault("webhooks", {})[name] = asdict(deliveries)
        for name, url in urls.items() if "recovery" not in without else ():
            _say(f"recovery on {name}")
            measured = await recovery.measure(nursery, await nursery.emulator(), url, takeovers=TAKEOVERS)
            figures.setdefault("recovery", {})[name] = asdict(measured)
    if "requests" not in without:
        _say("hostile requests")
        figures["requests"] = asdict(await requests.measure())
    if "subscriptions" not in without:
        _say("subscriptions")
        figures["subscriptions"] = await _subscribed()
    return figures


async def _subscribed() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="frontdoor-bench-") as directory, a_nursery() as nursery:
        url = f"sqlite:///{directory}/frontdoor.sqlite3"
        emulator = await nursery.emulator()
        return asdict(await subscriptions.measure(emulator, url, subscribers=SUBSCRIBERS, rounds=ROUNDS))


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


def _simulated(schedules: int) -> dict[str, Any]:
    """The simulation's own figures, of a run made now and of the long one."""
    _say("the simulation")
    finished = subprocess.run(
        [sys.executable, "-m", "tests.simulation.run", "--json", "--schedules", str(schedules)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    runs = {"run by make bench": json.loads(finished.stdout)}
    if LONG_RUN.exists():
        runs["long run"] = json.loads(LONG_RUN.read_text())
    return runs


def _machine() -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def _say(what: str) -> None:
    print(f"measuring {what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
