"""What FastAPI around the GraphQL route costs a request, against bare Starlette: `python -m benchmarks.app_overhead`.

One process serves both: the gateway's own application, and a bare Starlette application with the same plain routes, the same
middleware and the same endpoint. They are called in turn over ASGI, a request each, and pay with the processor time of the event loop's
thread: what else the machine does meanwhile counts for neither. There is no server and no socket, and the database's threads do not
count, so the share that is told is the largest that there can be.
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
from starlette.types import ASGIApp, Message

from benchmarks.figures import titled
from gateway.app import create_app
from gateway.settings import Settings
from tests.acceptance.documents import PLANS, SLOTS
from tests.plugins.databases import emptied
from tests.reliability.processes import Running, a_nursery

# Pairs of requests, one to each application; what differs is some microseconds, and one pair's difference is mostly noise.
PAIRS = {"plans": 3000, "slots": 150}

# After so many pairs the garbage is collected, at nobody's expense.
_COLLECTED_AFTER = 50

# Free times of a week for everybody: each such request is several of Healthie's.
_DAYS = 7

# What the route may cost, as a share of a whole request.
MOST = 0.02

_DEVIATES = 1.96  # of the normal distribution, for 95%
_MANY = 1_000_000  # no bound is to refuse, and no pace to slow down


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
    """Serve plans and slots to both in turn; by kind of request."""
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
    """Which of the two comes first changes from pair to pair, by chance."""
    chance = random.Random(1)  # noqa: S311  # an order, no secret
    answer = await _answer(fastapi, body)
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
    await _answer(app, body)
    return (time.thread_time_ns() - began) / 1000


async def _answer(app: ASGIApp, body: bytes) -> bytes:
    """One request as uvicorn would hand it over."""
    received, answered = asyncio.Event(), bytearray()

    async def receive() -> Message:
        if not received.is_set():
            received.set()
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()  # the client stays until it is answered
        raise AssertionError

    async def send(message: Message) -> None:
        answered.extend(message.get("body", b""))

    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"gateway.example.invalid"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        },
        receive,
        send,
    )
    return bytes(answered)


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
    """The figures as they stand in the document."""

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
    """Print the figures; answer 1 where one is not sure to be within the aim."""
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    figures = asyncio.run(_measured())
    print(shown({kind: asdict(one) for kind, one in figures.items()}))
    return int(any(one.most > one.bare * MOST for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
