"""Measures what one public read of Healthie costs this process beyond the network: `python -m benchmarks.upstream_call`.

The client, the gate with its queue and pace, the breakers, the retries, the audit trail on SQLite and the log are those of the gateway.
The wire answers at once, from memory. Processor time of the event loop's thread, so that neither the database's thread nor other load on
the machine counts.
"""

import asyncio
import contextlib
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from booking.audit.chain import AuditKey
from booking.local_pacer import LocalPacer
from booking.pacing import Pace
from booking.work_context import asked_by
from gateway.clock import SystemClock
from gateway.runtime.logs import configure_logs
from gateway.settings.operation import LogFormat
from integrations.database.audit import SqlAuditTrail
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from integrations.healthie.clients import Clients
from integrations.healthie.generated.client import Client
from integrations.upstream.audit import AuditedCalls, LoggedCalls
from integrations.upstream.breaker import Breakers
from integrations.upstream.gate import Gate
from integrations.upstream.wire import HttpRequest, HttpResponse

CALLS, ROUNDS = 400, 10
AT_ONCE = 8
CLINICIANS = 5

_MANY = 1_000_000  # no pacing delays


@dataclass(frozen=True, kw_only=True)
class CallCost:
    """Microseconds of processor time a call, the median of the rounds."""

    alone: float  # one call after another
    together: float  # AT_ONCE at a time


class Memory:
    """A wire that brings the same answer to every request."""

    def __init__(self, data: object) -> None:
        self._content = json.dumps({"data": data}).encode()

    async def exchange(self, request: HttpRequest, *, within: float) -> HttpResponse:  # noqa: ARG002  # a wire
        """Bring the answer."""
        return HttpResponse(status=200, headers={"x-request-id": "sample"}, content=self._content)

    async def aclose(self) -> None:
        """Nothing is open."""


async def measure() -> CallCost:
    """Make the calls, in rounds."""
    async with AsyncExitStack() as exits:
        directory = exits.enter_context(tempfile.TemporaryDirectory(prefix="frontdoor-bench-"))
        url = f"sqlite:///{Path(directory) / 'frontdoor.sqlite3'}"
        await migrate(url)
        engine = connect_database(url)
        exits.push_async_callback(engine.dispose)
        trail = SqlAuditTrail(engine=engine, key=AuditKey(b"sample"))
        exits.push_async_callback(trail.aclose)
        clients = Clients(
            url="http://healthie.invalid/graphql",
            organization_key="sample-key",
            audit=AuditedCalls(inner=LoggedCalls(), trail=trail, clock=SystemClock(), key=b"sample"),
            now=lambda: datetime.now(UTC),
            version="2026-01-01",
            shard=None,
            gate=Gate(pacer=LocalPacer(Pace(per_second=_MANY, burst=_MANY)), breakers=Breakers()),
            wire=Memory({"availableSlotsForRange": []}),
        )
        exits.push_async_callback(clients.aclose)

        async def call() -> None:
            with asked_by("anonymous", request_id="sample-request", client="sample-network"):
                await _asked(clients.organization)

        alone = [await _spent(call, at_once=1) for _ in range(ROUNDS)]
        together = [await _spent(call, at_once=AT_ONCE) for _ in range(ROUNDS)]
    return CallCost(alone=_median(alone), together=_median(together))


async def _asked(client: Client) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    await client.available_slots(
        provider_id="1",
        provider_ids=[str(number) for number in range(1, CLINICIANS + 1)],
        appt_type_id="70",
        contact_type="Healthie Video Call",
        start_date=midnight,
        end_date=midnight + timedelta(days=2),
        timezone="America/New_York",
    )


async def _spent(call: Callable[[], Awaitable[None]], *, at_once: int) -> float:
    """Microseconds of this thread's processor time a call."""

    async def some() -> None:
        for _ in range(CALLS // at_once):
            await call()

    gc.collect()
    began = time.thread_time_ns()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return (time.thread_time_ns() - began) / 1000 / CALLS


def _median(figures: list[float]) -> float:
    return round(statistics.median(figures), 1)


def main() -> None:
    """Print the figures; the log goes nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        configure_logs(log_format=LogFormat.JSON, level="INFO")
        print(asyncio.run(measure()))


if __name__ == "__main__":
    main()
