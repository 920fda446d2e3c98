"""The parts of the report: for each, how it is measured and how its figures are rendered."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import subscriptions
from benchmarks.peers import callers, features, growth, layers, reads, writes
from benchmarks.peers.reads import Pace
from tests.reliability.processes import a_nursery

_SUBSCRIBERS, _ROUNDS = 1_000, 10


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of the report."""

    measure: Callable[[Pace], dict[str, Any]]
    shown: Callable[[Mapping[str, Any]], str]  # its figures, as Markdown


def _subscribers(_: Pace) -> dict[str, Any]:
    with TemporaryDirectory(prefix="frontdoor-bench-") as directory, a_nursery() as nursery:
        url = f"sqlite:///{Path(directory) / 'frontdoor.sqlite3'}"

        async def measured() -> subscriptions.Subscriptions:
            emulator = await nursery.emulator()
            return await subscriptions.measure(emulator, url, subscribers=_SUBSCRIBERS, rounds=_ROUNDS)

        return asdict(asyncio.run(measured()))


PARTS = {
    "peers": Part(measure=reads.peers, shown=reads.shown_peers),
    "layers": Part(measure=layers.measure, shown=layers.shown),
    "features": Part(measure=features.measure, shown=features.shown),
    "callers": Part(measure=callers.measure, shown=partial(reads.shown, "CPU ms a request by who asks")),
    "sizes": Part(measure=reads.sizes, shown=partial(reads.shown, "CPU ms a request by slots of an answer")),
    "connections": Part(measure=reads.connections, shown=reads.shown_connections),
    "clinicians": Part(
        measure=reads.clinicians,
        shown=partial(reads.shown, "CPU ms a request for 400 slots by clinicians of the practice"),
    ),
    "writes": Part(measure=lambda _: writes.measure(), shown=writes.shown),
    "growth": Part(measure=lambda pace: growth.measure(requests=pace.requests), shown=growth.shown),
    "subscribers": Part(measure=_subscribers, shown=lambda figures: subscriptions.shown(dict(figures))),
}
