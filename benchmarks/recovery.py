"""How long a checkout waits for another process when its own is killed, on the machine's own clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import DATABASES, Spread, spread, titled
from booking.checkout.model import CheckoutState
from booking.checkout.timing import LEASE
from tests.plugins.databases import emptied
from tests.reliability.database import Database
from tests.reliability.practice import Practice, a_practice
from tests.reliability.processes import Nursery, Running
from tests.reliability.proxy import Side


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """From the kill to the end."""

    lease_seconds: float  # what a dead process may keep a row, at most
    wall_seconds: float  # from a kill after the charge to the confirmed visit, by a worker process
    takeover: Spread  # what the peer itself needs once the lease has run out: look, write down, book, confirm


async def measure(nursery: Nursery, emulator: Running, url: str, *, takeovers: int) -> Recovery:
    """Kill gateways whose charge landed and was not written down."""
    takes = [await _takeover(nursery, emulator, url) for _ in range(takeovers)]
    return Recovery(
        lease_seconds=LEASE.total_seconds(),
        wall_seconds=round(await _wall(nursery, emulator, url), 1),
        takeover=spread(takes),
    )


async def _wall(nursery: Nursery, emulator: Running, url: str) -> float:
    async with _practice(nursery, emulator, url) as practice:
        async with practice.peer() as peer:
            patient = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
        worker, gateway = practice.worker(), await practice.gateway()
        stop = practice.proxy.stop("Charge", Side.AFTER)
        confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
        await stop.reached.wait()
        gateway.kill()
        started = time.perf_counter()
        await confirm
        async with asyncio.timeout(LEASE.total_seconds() + 60):
            while (await practice.row(patient)).state is not CheckoutState.CONFIRMED:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)
        worker.kill()
        return time.perf_counter() - started


async def _takeover(nursery: Nursery, emulator: Running, url: str) -> float:
    async with _practice(nursery, emulator, url) as practice, practice.peer() as peer:
        patient = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
        stop = practice.proxy.stop("Charge", Side.AFTER)
        gateway = await practice.gateway()
        confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
        await stop.reached.wait()
        gateway.kill()
        await confirm
        started = time.perf_counter()
        (row,) = await peer.take_over(patient)
        if row.state is not CheckoutState.CONFIRMED:
            raise AssertionError(row.state)
        return time.perf_counter() - started


@asynccontextmanager
async def _practice(nursery: Nursery, emulator: Running, url: str) -> AsyncIterator[Practice]:
    """A fresh one: the emulator gives the same ids again, so that nothing may be left in the database."""
    async with (
        emptied(url) as engine,
        a_practice(nursery, emulator, Database(url=url, engine=engine)) as practice,
    ):
        yield practice


def shown(figures: dict[str, Any]) -> str:
    """The figures as they stand in the document."""
    rows = [
        (
            DATABASES[name],
            f"{one['wall_seconds']:.1f} s",
            f"{one['lease_seconds']:.0f} s",
            f"{one['takeover']['median']:.0f} ms",
            f"{one['takeover']['p95']:.0f} ms",
        )
        for name, one in figures.items()
    ]
    return titled(
        "From a `kill -9` after the charge to the confirmed visit",
        ("", "in all", "of it the lease, at most", "the takeover, median", "p95"),
        rows,
    )
