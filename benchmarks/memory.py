"""Measures whether a gateway's memory grows with requests: `python -m benchmarks.memory [--requests 100000]`.

One gateway application in this process, on an emulator of its own, is asked over ASGI by many callers: what is sold, free times, holds of
ever new visitors, documents that nobody sent before, and broken ones. Memory and objects are read after a collection, in ten rounds; the first
fills caches. What grows from the second round to the last is a leak.
"""

import asyncio
import gc
import itertools
import json
import logging
import os
import random
import statistics
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import structlog

from benchmarks.app_overhead import settings_for
from gateway.app import create_app
from tests.acceptance.documents import CLINICIANS, OFFER, PLANS, SLOTS
from tests.plugins.databases import emptied
from tests.reliability.processes import a_nursery

REQUESTS, ROUNDS, AT_ONCE = 100_000, 10, 8

# How often each kind of request comes, of a hundred.
_SHARES = {"plans": 35, "offer": 15, "clinicians": 15, "token": 10, "strange": 10, "broken": 12, "slots": 3}

_DAYS_AHEAD = 20


@dataclass(frozen=True, kw_only=True)
class Sample:
    """After a round."""

    requests: int
    megabytes: float  # resident
    objects: int  # that the collector knows


async def measure(requests: int) -> list[Sample]:
    """Send the requests; returns a sample after each round."""
    samples = []
    async with AsyncExitStack() as exits:
        nursery = exits.enter_context(a_nursery())
        directory = exits.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-"))
        url = f"sqlite:///{Path(directory) / 'frontdoor.sqlite3'}"
        await exits.enter_async_context(emptied(url))
        emulator = await nursery.emulator()
        async with httpx2.AsyncClient(timeout=60) as http:
            seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        app = create_app(settings_for(emulator, url, seed))
        await exits.enter_async_context(app.router.lifespan_context(app))
        transport = httpx2.ASGITransport(app=app)
        http = httpx2.AsyncClient(transport=transport, base_url="http://gateway.invalid", timeout=60)
        await exits.enter_async_context(http)
        bodies = _bodies(seed)
        for number in range(1, ROUNDS + 1):
            await _round(http, bodies, requests // ROUNDS)
            samples.append(_sample(requests // ROUNDS * number))
            print(samples[-1], flush=True)
    return samples


async def _round(http: httpx2.AsyncClient, bodies: Iterator[dict[str, Any]], requests: int) -> None:
    async def some() -> None:
        for _ in range(requests // AT_ONCE):
            await http.post("/graphql", json=next(bodies))

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


def _bodies(seed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)  # noqa: S311  # an order, no secret
    today = datetime.now(UTC).date()
    for number in itertools.count():
        (kind,) = chance.choices(list(_SHARES), list(_SHARES.values()))
        day = (today + timedelta(days=chance.randint(1, _DAYS_AHEAD))).isoformat()
        sought = {"visitTypeId": seed["visit_types"]["Initial Visit"], "timeZone": "America/New_York"}
        bodies: dict[str, dict[str, Any]] = {
            "plans": {
                "query": PLANS,
                "variables": {"keyword": chance.choice(["care", "visit", str(number)])},
            },
            "offer": {"query": OFFER},
            "clinicians": {"query": CLINICIANS},
            "token": {"query": "{ newVisitorToken }"},
            "strange": {"query": f"query Q{number} {{ plans {{ totalCount }} }}"},
            "broken": {"query": f"{{ plans {{ nothing{number} }} "},
            "slots": {"query": SLOTS, "variables": {"filter": sought, "from": day, "until": day}},
        }
        yield bodies[kind]


def _sample(requests: int) -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    megabytes = round(pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000, 1)
    return Sample(requests=requests, megabytes=megabytes, objects=len(gc.get_objects()))


def grown(samples: Sequence[Sample]) -> tuple[float, float]:
    """Bytes, and objects, that each request after the first round left behind: the slope of a line through the samples."""
    later = samples[1:]
    asked = [one.requests for one in later]
    memory = statistics.linear_regression(asked, [one.megabytes * 1_000_000 for one in later])
    objects = statistics.linear_regression(asked, [one.objects for one in later])
    return round(memory.slope, 1), round(objects.slope, 4)


def _most_grown(before: Counter[str]) -> str:
    now = _kinds()
    now.subtract(before)
    return json.dumps(dict(now.most_common(8)))


def _kinds() -> Counter[str]:
    return Counter(type(one).__qualname__ for one in gc.get_objects())


def main() -> None:
    """Print the samples and what grew."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    before = _kinds()
    samples = asyncio.run(measure(parser.parse_args().requests))
    memory, objects = grown(samples)
    print(
        f"a request leaves {memory} bytes and {objects} objects behind; most grown since the start: {_most_grown(before)}"
    )


if __name__ == "__main__":
    main()
