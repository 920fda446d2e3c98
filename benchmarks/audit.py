"""Measures the audit trail: its overhead per mutation and per public read, its throughput, its back-pressure, and the time to verify a chain."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.bare import bare_writer, timed
from benchmarks.figures import DATABASES, Spread, spread, titled
from booking.audit.chain import AuditKey, record_of
from booking.audit.model import AuditEntry, AuditKind
from booking.audit.verification import ChainVerifier
from booking.errors import AuditUnavailable
from integrations.database.audit import BATCH, SqlAuditTrail
from integrations.database.audit_reading import links

# Iterations until connections are open and statements prepared.
WARM_UP = 20

# Concurrent calls of one busy gateway.
AT_ONCE = 64

# Public reads started per second, whether or not earlier ones have ended; and for how many seconds.
OFFERED, OFFERED_SECONDS = (500, 1_000, 2_000), 5

KEY = AuditKey(b"a key of the benchmark, thirty-two")
ATTEMPTED = AuditEntry(
    kind=AuditKind.ATTEMPTED,
    call_id="0123456789abcdef0123456789abcdef",
    at=datetime(2026, 3, 2, tzinfo=UTC),
    actor="guest:chk_0123456789abcdefghijkl",
    operation="Charge",
    operation_kind="mutation",
    attempt=1,
    acting="1001",
    key_fingerprint="0123abcd",
    patient="2002",
    checkout_id="chk_0123456789abcdefghijkl",
    request_id="0123456789abcdef",
    shape={"input": dict.fromkeys(("amount", "card", "coupon", "note", "offering", "sender"), "string")},
    digest="0f" * 32,
)
ANSWERED = replace(
    ATTEMPTED, kind=AuditKind.ANSWERED, duration_ms=412, status=200, upstream_request_id="f" * 32
)

# The target, in seconds, for verifying 100,000 records.
VERIFIED_AIM = 5.0


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The result of public reads started at one rate."""

    per_second: int
    refused: int
    wait: Spread  # of a call for its record
    longest_ms: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The figures on one database."""

    mutation: Spread  # both records of a call whose first must be durable before it is sent
    bare_write: Spread  # one durable row through the bare driver, in between
    ratio: float  # of the medians
    read_ms: float  # both records of a public read, including the write in the background
    durable_per_second: float  # records awaited by many concurrent callers
    offered: list[Offered]
    verified: int  # records in the chain that was verified
    verified_seconds: float
    # Of this process: what is left of it on a machine that has nothing else to do.
    verified_cpu_seconds: float


async def measure(engine: AsyncEngine, url: str, *, calls: int, chain: int) -> Cost:
    """Measure on a migrated, empty database: `calls` of each kind, then a chain of at least `chain` records."""
    trail = SqlAuditTrail(engine=engine, key=KEY)
    mutations, bare = await _mutations(trail, url, calls)
    read_ms = await _reads(trail, calls)
    per_second = await _at_once(trail, calls)
    offered = [await _offered(trail, rate) for rate in OFFERED]
    await _lengthen(trail, chain)
    verified, seconds, processor = await _verified(engine)
    mutation, bare_write = spread(mutations), spread(bare)
    return Cost(
        mutation=mutation,
        bare_write=bare_write,
        ratio=round(mutation.median / bare_write.median, 2),
        read_ms=round(read_ms, 3),
        durable_per_second=round(per_second),
        offered=offered,
        verified=verified,
        verified_seconds=round(seconds, 2),
        verified_cpu_seconds=round(processor, 2),
    )


async def _mutations(trail: SqlAuditTrail, url: str, calls: int) -> tuple[list[float], list[float]]:
    took, bare = [], []
    async with bare_writer(url) as write:
        for number in range(WARM_UP + calls):
            started = time.perf_counter()
            await trail.record(ATTEMPTED)
            trail.later(ANSWERED)
            seconds = time.perf_counter() - started
            baseline = await timed(write)
            if number >= WARM_UP:
                took.append(seconds)
                bare.append(baseline)
    await trail.aclose()
    return took, bare


async def _reads(trail: SqlAuditTrail, calls: int) -> float:
    """Milliseconds per read, until the last record is written."""
    started = time.perf_counter()
    for number in range(calls):
        trail.later(ATTEMPTED)
        trail.later(ANSWERED)
        if number % (BATCH // 2) == 0:
            await trail.aclose()
    await trail.aclose()
    return (time.perf_counter() - started) / calls * 1000


async def _at_once(trail: SqlAuditTrail, calls: int) -> float:
    async def caller() -> None:
        for _ in range(calls // 8):
            await trail.record(ATTEMPTED)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return AT_ONCE * (calls // 8) / (time.perf_counter() - started)


async def _offered(trail: SqlAuditTrail, rate: int) -> Offered:
    """Record public reads started at this rate."""
    waits: list[float] = []
    refused = 0

    async def read() -> None:
        nonlocal refused
        started = time.perf_counter()
        try:
            await trail.record_soon(ATTEMPTED)
        except AuditUnavailable:
            refused += 1
        else:
            waits.append(time.perf_counter() - started)
            trail.later(ANSWERED)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as reads:
        for number in range(rate * OFFERED_SECONDS):
            reads.create_task(read())
            await asyncio.sleep(max(0, begin + number / rate - time.perf_counter()))
    await trail.aclose()
    longest = round(max(waits) * 1000, 1)
    return Offered(per_second=rate, refused=refused, wait=spread(waits), longest_ms=longest)


async def _lengthen(trail: SqlAuditTrail, chain: int) -> None:
    """Append records until the chain is long enough."""
    pair = [record_of(ATTEMPTED, KEY), record_of(ANSWERED, KEY)]
    while (await trail.head()).sequence < chain:
        await trail._write(pair * BATCH)


async def _verified(engine: AsyncEngine) -> tuple[int, float, float]:
    started, processor = time.perf_counter(), time.process_time()
    reader = ChainVerifier([KEY])
    async for link in links(engine, until=2**62):
        reader.read(link)
    verdict = reader.end()
    if not verdict.sound:
        raise AssertionError(verdict)
    return verdict.records, time.perf_counter() - started, time.process_time() - processor


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            DATABASES[name],
            f"{one['mutation']['median']:.2f} ms",
            f"{one['mutation']['p95']:.2f} ms",
            f"{one['bare_write']['median']:.2f} ms",
            f"{one['ratio']:.1f}",
            f"{one['read_ms']:.2f} ms",
            f"{one['durable_per_second']:,.0f}",
            f"{one['verified']:,} in {one['verified_seconds']:.1f} s",
            f"{one['verified_cpu_seconds']:.1f} s",
            f"{VERIFIED_AIM:.0f} s",
            f"`{one['durability']}`",
        )
        for name, one in figures.items()
    ]
    cost = titled(
        "What the audit trail adds to a call, and how fast it is verified",
        (
            "",
            "a mutation, median",
            "p95",
            "bare write",
            "ratio",
            "a public read",
            "durable records/s, 64 at once",
            "verified",
            "of it our processor",
            "aim for 100,000",
            "durability",
        ),
        rows,
    )
    offered = _shown_offered(figures)
    return f"{cost}\n\n{offered}" if offered else cost


def _shown_offered(figures: dict[str, Any]) -> str:
    rows = [
        (
            DATABASES[name],
            f"{offered['per_second']:,}",
            f"{offered['refused']:,}",
            f"{offered['wait']['median']:.2f} ms",
            f"{offered['wait']['p95']:.0f} ms",
            f"{offered['longest_ms']:.0f} ms",
        )
        for name, one in figures.items()
        for offered in one.get("offered", ())
    ]
    if not rows:
        return ""
    head = ("", "public reads begun/s", "refused", "wait for the record, median", "p95", "longest")
    return titled("Upstream calls that come faster than they are recorded", head, rows)
