"""Measures what FastAPI adds to a GraphQL request, compared with bare Starlette: `python -m benchmarks.app_overhead`.

One process serves both: the gateway's own application, and a bare Starlette application with the same plain routes, the same
middleware and the same endpoint. They are called in turn over ASGI, one request each, and measured in processor time of the event loop's
thread, so that other load on the machine does not count. There is no server and no socket, and the database's threads do not count: the
reported share is an upper bound.
"""

import asyncio
import gc
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from benchmarks.asgi import answer as answered_by
from benchmarks.figures import titled
from gateway.app import create_app
from gateway.settings import Settings
from tests.acceptance.documents import PLANS, SLOTS
from tests.plugins.databases import emptied
from tests.reliability.processes import Running, a_nursery

# Pairs of requests, one to each application. The difference is some microseconds, so that of a single pair is mostly noise.
PAIRS = {"plans": 3000, "slots": 150}

# Pairs between garbage collections, which are not measured.
_COLLECTED_AFTER = 50

# Free times of a week; each request makes several upstream requests.
_DAYS = 7

# The target: the largest overhead, as a share of a whole request.
MOST = 0.02

_DEVIATES = 1.96  # of the normal distribution, for 95%
_MANY = 1_000_000  # so that no limit refuses, and no pacing delays


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """One kind of request."""

    bare: float  # microseconds of processor time a request, the median
    more: float  # microseconds that the application takes more, the median of the pairs
    least: float  # 95% confidence interval of that median
    most: float
    answer: int  # bytes
    pairs: int


async def measure(emulator: Running, url: str) -> dict[str, Overhead]:
    """Send requests for plans and slots to both in turn. Returns the figures by kind of request."""
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(emptied(url))
        http = await exits.enter_async_context(httpx2.AsyncClient(timeout=60))
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        app = create_app(_settings(emulator, url, seed))
        await exits.enter_async_context(app.router.lifespan_context(app))
        plain = [route for route in app.routes if type(route) in {Route, WebSocketRoute, Mount}]
        around = app.user_middleware[:-1]  # the last is what serves GraphQL ahead of the router
        bare = Starlette(routes=plain, middleware=around)
        return {kind: await _compared(bare, app, body, PAIRS[kind]) for kind, body in _bodies(seed).items()}


async def _compared(bare: ASGIApp, fastapi: ASGIApp, body: bytes, pairs: int) -> Overhead:
    """Measure pairs of requests, in random order within each pair."""
    chance = random.Random(1)  # noqa: S311  # an order, no secret
    answer = await answered_by(fastapi, body)
    if "errors" in json.loads(answer):
        raise AssertionError(f"a request was refused: {answer[:300]!r}")
    taken: dict[bool, list[float]] = {False: [], True: []}
    gc.disable()
    for number in range(-_COLLECTED_AFTER, pairs):  # the first are to warm both
        if number % _COLLECTED_AFTER == 0:
            gc.collect()
        for wrapped in chance.sample((False, True), 2):
            spent = await _spent(fastapi if wrapped else bare, body)
            if number >= 0:
                taken[wrapped].append(spent)
    gc.enable()
    more = sorted(one - other for one, other in zip(taken[True], taken[False], strict=True))
    least, most = _interval(more)
    return Overhead(
        bare=round(statistics.median(taken[False]), 1),
        more=round(statistics.median(more), 1),
        least=round(least, 1),
        most=round(most, 1),
        answer=len(answer),
        pairs=pairs,
    )


async def _spent(app: ASGIApp, body: bytes) -> float:
    """Microseconds of this thread's processor time that one request takes."""
    began = time.thread_time_ns()
    await answered_by(app, body)
    return (time.thread_time_ns() - began) / 1000


def _interval(ordered: Sequence[float]) -> tuple[float, float]:
    """The 95% confidence interval of the median, from the order of the samples: it needs no distribution."""
    middle, half = len(ordered) / 2, _DEVIATES * len(ordered) ** 0.5 / 2
    return ordered[max(0, int(middle - half))], ordered[min(len(ordered) - 1, int(middle + half))]


def _bodies(seed: dict[str, Any]) -> dict[str, bytes]:
    today = datetime.now(UTC).date()
    sought = {
        "filter": {"visitTypeId": seed["visit_types"]["Initial Visit"], "timeZone": "America/New_York"},
        "from": (today + timedelta(days=1)).isoformat(),
        "until": (today + timedelta(days=_DAYS)).isoformat(),
    }
    return {
        "plans": json.dumps({"query": PLANS}).encode(),
        "slots": json.dumps({"query": SLOTS, "variables": sought}).encode(),
    }


def _settings(emulator: Running, url: str, seed: dict[str, Any]) -> Settings:
    return Settings.model_validate(
        {
            "environment": "development",
            "secret_key": "only-for-benchmarks-" * 3,
            "database_url": url,
            "healthie_url": f"{emulator.url}/graphql",
            "healthie_organization_key": seed["owner"]["key"],
            "healthie_keys": seed["clinician_keys"],
            "healthie_requests_per_second": 1000,
            "healthie_burst": 1000,
            "rate_factor": _MANY,
        }
    )


def shown(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""

    def share(one: dict[str, Any], name: str) -> str:
        return f"{one[name] / one['bare']:+.2%}"

    rows = [
        (
            f"{kind} ({one['answer'] / 1000:,.0f} kB, {one['pairs']:,} pairs)",
            f"{one['bare']:,.0f} µs",
            f"{one['more']:+,.1f} µs",
            f"{share(one, 'more')} ({share(one, 'least')} to {share(one, 'most')})",
            f"{MOST:+.0%} at most",
        )
        for kind, one in figures.items()
    ]
    head = ("a request's processor time", "bare Starlette", "the application", "share (95%)", "aim")
    return titled("FastAPI around GraphQL", head, rows)


async def _measured() -> dict[str, Overhead]:
    with tempfile.TemporaryDirectory(prefix="frontdoor-bench-") as directory, a_nursery() as nursery:
        return await measure(await nursery.emulator(), f"sqlite:///{Path(directory) / 'frontdoor.sqlite3'}")


def main() -> int:
    """Print the figures; return 1 unless every confidence interval is within the target."""
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    figures = asyncio.run(_measured())
    print(shown({kind: asdict(one) for kind, one in figures.items()}))
    return int(any(one.most > one.bare * MOST for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
