"""Measures what the gateway adds to a guest's journey beyond upstream's own time, and lists what it sends to its database and to Redis.

The gateway's whole application runs in this process, the emulator in another one, without added latency. Upstream's own time is that
between sending a call and its decoded answer, as the audit records it; so the HTTP client's part of it counts as upstream's.
`python -m benchmarks.journey [--profile FILE]` prints the figures and the list; with a profile, of one step.
"""

import asyncio
import gc
import json
import logging
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from cProfile import Profile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx2
import structlog
from starlette.types import ASGIApp

from benchmarks import servers
from benchmarks.app_overhead import settings_for
from benchmarks.asgi import answer
from benchmarks.bare import bare_writer, timed
from benchmarks.figures import DATABASES, Spread, spread, titled
from gateway.app import create_app
from gateway.settings import Settings
from integrations.upstream.audit import Answer, Call, LoggedCalls
from tests.acceptance import documents
from tests.plugins.databases import emptied
from tests.plugins.servers import own_database
from tests.plugins.statements import recorded_traffic
from tests.reliability.processes import Running, a_nursery

STEPS = ("holdSlot", "startCheckout", "confirmCheckout")

# Milliseconds beyond upstream's own time (median), with PostgreSQL and Redis: of a hold besides one bare commit, of a confirm in all.
AIMS = {"holdSlot": 3.0, "confirmCheckout": 15.0}

WARM_UP = 3

_MANY = 1_000_000  # so that no limit refuses, and no pacing delays


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the journey; milliseconds are of the whole request, without upstream's own time."""

    beyond: Spread
    processor: float  # milliseconds of the event loop's thread, with the HTTP client's, the median
    counts: Mapping[str, int]  # the least that was sent
    listing: list[tuple[int, str]]  # what was sent in the journey with the least statements


@dataclass(frozen=True, kw_only=True)
class Journey:
    """The steps on one database, and a bare commit in between."""

    steps: Mapping[str, Step]
    bare_write: Spread


@dataclass(kw_only=True)
class _Samples:
    beyond: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    counts: list[dict[str, int]] = field(default_factory=list)
    listings: list[list[tuple[int, str]]] = field(default_factory=list)


class _Upstream(LoggedCalls):
    """Sums the time between a call and its answer."""

    seconds = 0.0

    @classmethod
    def install(cls) -> None:
        async def answered(_: LoggedCalls, __: Call, given: Answer) -> None:
            cls.seconds += given.duration_ms / 1000

        LoggedCalls.answered = answered  # type: ignore[method-assign, assignment]  # this process measures, and logs nothing


class Patient:
    """A guest's app that sends its requests to an application in this process."""

    def __init__(self, app: ASGIApp, seed: Mapping[str, Any]) -> None:
        self._app = app
        self._seed = seed
        self._headers: dict[str, str] = {}
        # What the steps so far came to: ids.
        self._slot = self._hold = self._checkout = self._quote = ""

    async def arrive(self) -> None:
        """Become a visitor, and find a free slot."""
        self._headers = {}
        self._headers["Frontdoor-Visitor"] = (await self._ask("query Open { newVisitorToken }"))[
            "newVisitorToken"
        ]
        day = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()
        sought = {
            "visitTypeId": self._seed["visit_types"]["Initial Visit"],
            "timeZone": "America/New_York",
        }
        until = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
        days = (await self._ask(documents.SLOTS, filter=sought, **{"from": day, "until": until}))["slots"]
        self._slot = next(slot["id"] for day in days for slot in day["slots"])

    async def take(self, step: str) -> None:
        """Take a step; each but the first needs the one before it."""
        given: dict[str, Any] = {}
        if step == "holdSlot":
            given = {"slotId": self._slot, "timeZone": "America/New_York"}
        elif step == "startCheckout":
            guest = {"email": f"{uuid4().hex}@example.com", "firstName": "Sample", "lastName": "Guest"}
            given = {"holdId": self._hold, "planId": self._seed["plans"]["First Visit"], "guest": guest}
        else:
            given = {"checkoutId": self._checkout, "quoteId": self._quote, "cardToken": "tok_visa"}
        document = dict(zip(STEPS, (documents.HOLD, documents.START, documents.CONFIRM), strict=True))[step]
        result = (await self._ask(document, input=given))[step]
        if not result["__typename"].endswith("Success"):
            raise AssertionError(result)
        if step == "holdSlot":
            self._hold = result["hold"]["id"]
        elif step == "startCheckout":
            self._checkout, self._quote = result["checkout"]["id"], result["checkout"]["quote"]["id"]
            self._headers["Authorization"] = f"Bearer {result['guestToken']}"

    async def _ask(self, document: str, **variables: Any) -> Any:
        body = json.dumps({"query": document, "variables": variables}).encode()
        answered = json.loads(
            await answer(self._app, body, {**self._headers, "Idempotency-Key": uuid4().hex})
        )
        if "errors" in answered:
            raise AssertionError(answered["errors"])
        return answered["data"]


async def measure(
    emulator: Running, url: str, *, journeys: int, profile: tuple[str, Profile] | None = None, **settings: Any
) -> Journey:
    """Take journeys one after another, on an empty database; the first few are not counted."""
    _Upstream.install()
    samples = {step: _Samples() for step in STEPS}
    bare: list[float] = []
    async with patients(emulator, url, settings) as patient, bare_writer(url) as write:
        with recorded_traffic() as traffic:
            for number in range(WARM_UP + journeys):
                await patient.arrive()
                bare.append(await timed(write))
                for step, kept in samples.items():
                    traffic.clear()
                    upstream, processor, wall = _Upstream.seconds, time.thread_time(), time.perf_counter()
                    with _profiled(profile, step):
                        await patient.take(step)
                    beyond = time.perf_counter() - wall - (_Upstream.seconds - upstream)
                    if number >= WARM_UP:
                        kept.beyond.append(beyond)
                        kept.processor.append(time.thread_time() - processor)
                        kept.counts.append(traffic.counts())
                        kept.listings.append(traffic.listing())
    return Journey(
        steps={step: _step(kept) for step, kept in samples.items()}, bare_write=spread(bare[WARM_UP:])
    )


@contextmanager
def _profiled(profile: tuple[str, Profile] | None, step: str) -> Iterator[None]:
    if profile is None or profile[0] != step:
        yield
        return
    profile[1].enable()
    yield
    profile[1].disable()


def _step(kept: _Samples) -> Step:
    least = min(range(len(kept.counts)), key=lambda one: kept.counts[one]["statements"])
    return Step(
        beyond=spread(kept.beyond),
        processor=round(median(kept.processor) * 1000, 2),
        counts={what: min(one[what] for one in kept.counts) for what in kept.counts[0]},
        listing=kept.listings[least],
    )


@asynccontextmanager
async def patients(emulator: Running, url: str, settings: Mapping[str, Any]) -> AsyncIterator[Patient]:
    """A guest's app at an application on an empty database, with these settings besides."""
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(emptied(url))
        http = await exits.enter_async_context(httpx2.AsyncClient(timeout=60))
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        app = create_app(_settings(emulator, url, seed, settings))
        await exits.enter_async_context(app.router.lifespan_context(app))
        yield Patient(app, seed)


def _settings(emulator: Running, url: str, seed: Mapping[str, Any], settings: Mapping[str, Any]) -> Settings:
    limits = dict.fromkeys(
        (
            "rate_factor",
            "cards_per_caller",
            "cards_per_network",
            "cards_of_guests",
            "unpaid_per_network",
            "unpaid_per_clinician_day",
            "unpaid_of_guests",
        ),
        _MANY,
    ) | {"healthie_burst": 10_000, "healthie_requests_per_second": 10_000}
    return settings_for(emulator, url, seed, **{**limits, **settings})


async def on_each(
    urls: Mapping[str, str], redis_url: str, *, journeys: int, profile: tuple[str, Profile] | None = None
) -> dict[str, Journey]:
    """Measure on each database; with PostgreSQL there is Redis."""
    figures = {}
    with a_nursery() as nursery:
        for name, url in urls.items():
            emulator = await nursery.emulator()
            shared = (
                {"redis_url": redis_url, "tenant": f"bench-{uuid4().hex}"} if name == "postgresql" else {}
            )
            figures[name] = await measure(emulator, url, journeys=journeys, profile=profile, **shared)
    return figures


def shown(figures: Mapping[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            DATABASES[name] + (" and Redis" if name == "postgresql" else ""),
            f"`{step}`",
            f"{one['beyond']['median']:.1f} ms",
            f"{one['beyond']['p95']:.1f} ms",
            f"{one['processor']:.1f} ms",
            *(
                str(one["counts"][what])
                for what in ("statements", "commits", "Redis round trips", "publishes")
            ),
            f"{journey['bare_write']['median']:.2f} ms",
        )
        for name, journey in figures.items()
        for step, one in journey["steps"].items()
    ]
    head = (
        "",
        "",
        "beyond upstream, median",
        "p95",
        "processor",
        "statements",
        "commits",
        "Redis round trips",
        "publishes",
        "bare write",
    )
    return titled("A guest's journey, beyond upstream's own time", head, rows)


def main() -> None:
    """Print the figures, and what was sent."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=40, help="on each database")
    parser.add_argument("--profile", type=Path, help="where cProfile's figures of the step go")
    parser.add_argument("--step", choices=STEPS, default="confirmCheckout", help="which is profiled")
    parser.add_argument("--only", choices=DATABASES, action="append")
    given = parser.parse_args()
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    profile = (given.step, Profile()) if given.profile else None
    with ExitStack() as ours:
        directory = ours.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-"))
        urls = {"sqlite": f"sqlite:///{directory}/frontdoor.sqlite3"}
        urls["postgresql"] = ours.enter_context(own_database(servers.postgresql(ours)))
        chosen = {name: url for name, url in urls.items() if name in (given.only or DATABASES)}
        redis_url = servers.redis(ours)
        figures = asyncio.run(on_each(chosen, redis_url, journeys=given.journeys, profile=profile))
    print(shown({name: asdict(one) for name, one in figures.items()}))
    for name, journey in figures.items():
        for step, one in journey.steps.items():
            print(f"\n{DATABASES[name]}, {step}: {dict(one.counts)}")
            for times, text in one.listing:
                print(f"{times:4} {text[:160]}")
    if profile is not None:
        profile[1].dump_stats(given.profile)


if __name__ == "__main__":
    main()
