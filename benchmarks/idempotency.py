"""Measures the overhead of an idempotency key: committing its claim before the mutation, and the outcome after it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncEngine
from strawberry import ID

from benchmarks.bare import bare_writer, timed
from benchmarks.figures import DATABASES, Spread, spread, titled
from booking.principals import Caller, Principal, PrincipalKind
from gateway.idempotency.guard import MutationGuard
from integrations.database.idempotency import IdempotencyKeys
from schema.context import Context
from schema.results import ReleaseHoldSuccess

WARM_UP = 20

# The target, in milliseconds per mutation (median), for both databases.
AIM = 3.0


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """The overhead per mutation, in milliseconds."""

    first: Spread  # a mutation whose resolver returns at once
    replay: Spread  # the same key again, answered from its row
    bare_write: Spread  # one commit through the bare driver, measured in between


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def measure(engine: AsyncEngine, url: str, *, mutations: int) -> Overhead:
    """Measure on a migrated, empty database."""
    guard = MutationGuard(
        keys=IdempotencyKeys(engine=engine), clock=_Clock(), fingerprint_key=b"benchmark", tenant="practice"
    )
    outcome = ReleaseHoldSuccess(hold_id=ID("hold_1"))

    async def resolve(*_: object, **__: object) -> object:
        return outcome

    guarded = guard.around("releaseHold", resolve)
    first, replay, bare = list[float](), list[float](), list[float]()
    async with bare_writer(url) as write:
        for number in range(WARM_UP + mutations):
            samples = [await _timed(guarded, number), await _timed(guarded, number), await timed(write)]
            if number >= WARM_UP:
                for kept, sample in zip((first, replay, bare), samples, strict=True):
                    kept.append(sample)
    return Overhead(first=spread(first), replay=spread(replay), bare_write=spread(bare))


async def _timed(guarded: Callable[..., Awaitable[object]], number: int) -> float:
    nothing: Any = None
    caller = Caller(principal=Principal(kind=PrincipalKind.VISITOR, id="benchmark"))
    context = Context(
        services=nothing,
        tokens=nothing,
        caller=caller,
        request_id="benchmark",
        idempotency_key=f"key-{number}",
    )
    info = SimpleNamespace(context=context, operation_extensions=None)
    started = time.perf_counter()
    outcome = await guarded(None, info, input={"holdId": "hold_1"})
    seconds = time.perf_counter() - started
    if cast("ReleaseHoldSuccess", outcome).hold_id != "hold_1":
        raise AssertionError(outcome)
    return seconds


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            DATABASES[name],
            f"{one['first']['median']:.2f} ms",
            f"{one['first']['p95']:.2f} ms",
            f"{AIM:.1f} ms",
            f"{one['replay']['median']:.2f} ms",
            f"{one['replay']['p95']:.2f} ms",
            f"{one['bare_write']['median']:.2f} ms",
        )
        for name, one in figures.items()
    ]
    return titled(
        "What an idempotency key adds to a mutation",
        ("", "median", "p95", "aim", "a replay, median", "p95", "bare write"),
        rows,
    )
