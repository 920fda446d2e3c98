"""Shows where the wall time of one step of a guest's journey goes: each wait with its milliseconds, and the processor's time between.

`python -m benchmarks.journey_trace [--step confirmCheckout] [--journeys N]`. The application of `benchmarks.journey` runs on uvloop, as it is
served, with nothing else to do. What is awaited is timed where it leaves the process: each message to PostgreSQL by its driver, each
round trip to Redis, each call to upstream and each `asyncio.sleep`. What no wait covers is the processor's time of this process. Shown is the
journey with the median time beyond upstream; waits of background tasks are marked, since nobody waits for them.
"""

import asyncio
import gc
import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import structlog
import uvloop
from redis.asyncio import Connection as RedisConnection

from benchmarks import servers
from benchmarks.journey import STEPS, WARM_UP, Patient, patients
from integrations.upstream import calls
from tests.plugins.servers import own_database
from tests.reliability.processes import a_nursery

UPSTREAM = "upstream"

# Set in the task that takes the step, and inherited by those that it makes; what shares work among callers runs in an empty context.
_followed: ContextVar[bool] = ContextVar("followed", default=False)


@dataclass(frozen=True, kw_only=True)
class Wait:
    """One wait: seconds of the performance counter."""

    kind: str
    what: str
    began: float
    ended: float
    followed: bool  # False: of a task that serves several callers


class Trace:
    """The waits of one step."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.began = self.ended = self.processor = 0.0

    @contextmanager
    def waiting(self, kind: str, what: str) -> Iterator[None]:
        """Record what is done inside as one wait."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(kind, what, began)

    def add(self, kind: str, what: str, began: float) -> None:
        """Record a wait that ends now."""
        ended, followed = time.perf_counter(), _followed.get()
        self.waits.append(Wait(kind=kind, what=what, began=began, ended=ended, followed=followed))

    def covered(self, *kinds: str) -> float:
        """Seconds that waits of these kinds cover, each moment once."""
        total, until = 0.0, self.began
        for wait in sorted(self.waits, key=lambda one: one.began):
            if wait.kind in kinds and wait.ended > until:
                total += wait.ended - max(wait.began, until)
                until = wait.ended
        return total

    @property
    def beyond(self) -> float:
        """Seconds of the step without upstream's own time."""
        return self.ended - self.began - self.covered(UPSTREAM)


@contextmanager
def traced(into: Callable[[], Trace]) -> Iterator[None]:
    """Time what leaves the process."""
    statement = asyncpg.prepared_stmt.PreparedStatement
    with ExitStack() as undo:

        def wrap(owner: Any, name: str, kind: str, what: Callable[..., str]) -> None:
            inner = getattr(owner, name)

            async def timed(*given: Any, **named: Any) -> Any:
                with into().waiting(kind, what(*given)):
                    return await inner(*given, **named)

            setattr(owner, name, timed)
            undo.callback(setattr, owner, name, inner)

        def query(itself: Any, *_: object) -> str:
            return " ".join(itself._query.split())

        wrap(statement, "_PreparedStatement__bind_execute", "database", query)
        wrap(asyncpg.Connection, "_execute", "database", lambda _, sql, *__: " ".join(sql.split()))
        wrap(asyncpg.Connection, "execute", "database", lambda _, sql, *__: " ".join(sql.split()))
        wrap(
            asyncpg.Connection, "prepare", "database", lambda _, sql, *__: "PREPARE " + " ".join(sql.split())
        )
        read = RedisConnection.read_response

        async def answered(one: Any, *given: Any, **named: Any) -> Any:
            began, what = one.__dict__.pop("_traced", (None, ""))
            answer = await read(one, *given, **named)
            if began is not None:  # a listener is told, and asks nothing
                into().add("redis", what, began)
            return answer

        RedisConnection.read_response = answered  # type: ignore[method-assign, assignment]
        undo.callback(setattr, RedisConnection, "read_response", read)
        wrap(calls, "_sent", UPSTREAM, lambda request, *_: str(request.operation))
        wrap(asyncio, "sleep", "sleep", lambda seconds, *_: f"{seconds}")
        send = RedisConnection.send_packed_command

        async def sent(one: Any, command: Any, **options: Any) -> None:
            packed = command if isinstance(command, bytes) else b"".join(command)
            parts = packed.split(b"\r\n")
            one._traced = time.perf_counter(), b" ".join(parts[2:13:2]).decode(errors="replace")
            await send(one, command, **options)

        RedisConnection.send_packed_command = sent  # type: ignore[method-assign, assignment]
        undo.callback(setattr, RedisConnection, "send_packed_command", send)
        yield


async def measured(patient: Patient, step: str, journeys: int) -> list[Trace]:
    """Take journeys one after another, and trace the step of each; the first few are not kept."""
    kept: list[Trace] = []
    now = [Trace()]
    with traced(lambda: now[0]):
        for number in range(WARM_UP + journeys):
            await patient.arrive()
            for each in STEPS:
                if each != step:
                    await patient.take(each)
                    continue
                await asyncio.sleep(0.05)  # what the step before left behind
                trace = now[0] = Trace()
                await asyncio.create_task(_take(patient, each, trace))
                now[0] = Trace()
                if number >= WARM_UP:
                    kept.append(trace)
    return sorted(kept, key=lambda one: one.beyond)


async def _take(patient: Patient, step: str, trace: Trace) -> None:
    _followed.set(True)
    processor, trace.began = time.thread_time(), time.perf_counter()
    await patient.take(step)
    trace.ended, trace.processor = time.perf_counter(), time.thread_time() - processor


def shown(traces: list[Trace]) -> str:
    """The median trace, line by line."""
    trace = traces[len(traces) // 2]
    lines = [
        f"wall {_ms(trace.ended - trace.began)}, beyond upstream {_ms(trace.beyond)}, processor {_ms(trace.processor)}"
    ]
    at = trace.began
    for wait in sorted(trace.waits, key=lambda one: one.began):
        gap = _ms(wait.began - at) if wait.began > at else "together"
        mark = " " if wait.followed else "*"
        took, since = _ms(wait.ended - wait.began), _ms(wait.began - trace.began)
        lines.append(f"{since:>9} {gap:>9} {took:>9} {mark} {wait.kind:<8} {wait.what[:110]}")
        at = max(at, wait.ended)
    lines.append(f"{_ms(trace.ended - trace.began):>9} {_ms(trace.ended - at):>9}")
    for kind in sorted({wait.kind for wait in trace.waits}):
        of = [wait for wait in trace.waits if wait.kind == kind]
        lines.append(f"{kind:<9} {len(of):3} waits, {_ms(trace.covered(kind))}")
    everything = trace.covered(*{wait.kind for wait in trace.waits})
    lines.append(f"no wait       {_ms(trace.ended - trace.began - everything)}")
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


async def _traced_on(url: str, redis_url: str, step: str, journeys: int) -> list[Trace]:
    with a_nursery() as nursery:
        emulator = await nursery.emulator()
        shared: dict[str, Any] = {"redis_url": redis_url, "tenant": f"bench-{uuid4().hex}"}
        async with patients(emulator, url, shared) as patient:
            return await measured(patient, step, journeys)


def main() -> None:
    """Print the trace."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=40)
    parser.add_argument("--step", choices=STEPS, default="confirmCheckout")
    given = parser.parse_args()
    gc.collect()
    gc.freeze()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as ours:
        url = ours.enter_context(own_database(servers.postgresql(ours)))
        redis_url = servers.redis(ours)
        traces = uvloop.run(_traced_on(url, redis_url, given.step, given.journeys))
    print(shown(traces))


if __name__ == "__main__":
    main()
