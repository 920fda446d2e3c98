"""Compares two ASGI applications in one process, by the processor time that requests take of the event loop's thread.

They are called in turn, one request each, so that other load on the machine does not count. There is no server and no socket, and the
database's threads do not count.
"""

import asyncio
import gc
import json
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import structlog
from starlette.types import ASGIApp

from benchmarks.asgi import answer as posted
from tests.reliability.processes import Running, a_nursery

T = TypeVar("T")

Headers: TypeAlias = Mapping[str, str]

# Pairs between garbage collections, which are not measured.
_COLLECTED_AFTER = 50

_DEVIATES = 1.96  # of the normal distribution, for 95%


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """What one kind of request costs more at the second of two applications."""

    bare: float  # microseconds of processor time a request of the first takes, the median
    more: float  # microseconds that the second takes more, the median of the pairs
    least: float  # 95% confidence interval of that median
    most: float
    answer: int  # bytes
    pairs: int


async def compared(
    bare: ASGIApp, wrapped: ASGIApp, body: bytes, pairs: int, headers: Headers | None = None
) -> Overhead:
    """Measure pairs of requests, in random order within each pair."""
    chance = random.Random(1)  # noqa: S311  # an order, no secret
    answer = await posted(wrapped, body, headers)
    if "errors" in json.loads(answer):
        raise AssertionError(f"a request was refused: {answer[:300]!r}")
    taken: dict[bool, list[float]] = {False: [], True: []}
    gc.disable()
    for number in range(-_COLLECTED_AFTER, pairs):  # the first are to warm both
        if number % _COLLECTED_AFTER == 0:
            gc.collect()
        for is_wrapped in chance.sample((False, True), 2):
            spent = await _spent(wrapped if is_wrapped else bare, body, headers)
            if number >= 0:
                taken[is_wrapped].append(spent)
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


async def _spent(app: ASGIApp, body: bytes, headers: Headers | None) -> float:
    """Microseconds of this thread's processor time that one request takes."""
    began = time.thread_time_ns()
    await posted(app, body, headers)
    return (time.thread_time_ns() - began) / 1000


def measured_on_sqlite(measure: Callable[[Running, str], Coroutine[Any, Any, T]]) -> T:
    """Run `measure` on an emulator and an SQLite database of its own, without logs and with what is loaded left to no collection."""

    async def measured() -> T:
        with tempfile.TemporaryDirectory(prefix="frontdoor-bench-") as directory, a_nursery() as nursery:
            url = f"sqlite:///{Path(directory) / 'frontdoor.sqlite3'}"
            return await measure(await nursery.emulator(), url)

    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(measured())


def _interval(ordered: Sequence[float]) -> tuple[float, float]:
    """The 95% confidence interval of the median, from the order of the samples: it needs no distribution."""
    middle, half = len(ordered) / 2, _DEVIATES * len(ordered) ** 0.5 / 2
    return ordered[max(0, int(middle - half))], ordered[min(len(ordered) - 1, int(middle + half))]
