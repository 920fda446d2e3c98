"""What holds and checkouts cost: one after another, as guests, against the emulator, on PostgreSQL and Redis."""

import asyncio
import json
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import httpx2

from benchmarks.figures import titled
from benchmarks.peers.gateways import serving, visitor
from benchmarks.peers.processes import Server
from benchmarks.peers.stage import stage
from benchmarks.peers.table import digits
from tests.acceptance import documents
from tests.acceptance.app import GUEST, VISITOR, App
from tests.plugins.servers import own_database
from tests.reliability.processes import Running, a_nursery

JOURNEYS = 100
_WARM = 10

# Milliseconds beyond upstream's own time, medians.
AIMS = {"holdSlot": 3.0, "confirmCheckout": 15.0}

# Until buffered audit records are written.
_FLUSHED_SECONDS = 2.0

# So that no limit refuses a guest; what is limited is counted all the same.
_MANY = "1000000"
_LIMITS = {
    "FRONTDOOR_CARDS_PER_CALLER": _MANY,
    "FRONTDOOR_CARDS_PER_NETWORK": _MANY,
    "FRONTDOOR_CARDS_OF_GUESTS": _MANY,
    "FRONTDOOR_ANONYMOUS_HOLDS_PERCENT": "100",
}


@dataclass(frozen=True, kw_only=True)
class _Phase:
    """One mutation by every journey in turn."""

    cpu: float  # milliseconds of the gateway's processor time, of one
    walls: Mapping[str, float]  # milliseconds by request id


def measure(journeys: int = JOURNEYS) -> dict[str, Any]:
    """Hold so many slots, then start their checkouts, then confirm them; returns the figures of each step."""
    return asyncio.run(_measure(journeys))


async def _measure(journeys: int) -> dict[str, Any]:
    async with AsyncExitStack() as exits:
        ground = exits.enter_context(stage())
        database = exits.enter_context(own_database(ground.postgresql)).replace("+asyncpg", "")
        emulator = await exits.enter_context(a_nursery()).emulator()
        seed = httpx2.get(f"{emulator.url}/_control/seed").raise_for_status().json()
        settings = _LIMITS | _upstream(emulator, seed) | {"FRONTDOOR_DATABASE_URL": database}
        server = exits.enter_context(serving(ground, "frontdoor", settings=settings))
        http = await exits.enter_async_context(httpx2.AsyncClient(base_url=server.url, timeout=60))
        free = _free_slots(App(http=http), seed)
        await _phases(http, server, seed, [await anext(free) for _ in range(_WARM)])
        phases = await _phases(http, server, seed, [await anext(free) for _ in range(journeys)])
        await asyncio.sleep(_FLUSHED_SECONDS)
        upstream = await _upstream_calls(database)
    return {"journeys": journeys, "steps": {name: _figures(one, upstream) for name, one in phases.items()}}


def _upstream(emulator: Running, seed: Mapping[str, Any]) -> dict[str, str]:
    return {
        "FRONTDOOR_HEALTHIE_URL": f"{emulator.url}/graphql",
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": seed["owner"]["key"],
        "FRONTDOOR_HEALTHIE_KEYS": json.dumps(seed["clinician_keys"]),
    }


async def _free_slots(app: App, seed: Mapping[str, Any]) -> AsyncIterator[str]:
    """Free slots that do not overlap: each clinician's of each day, from next week on."""
    day = datetime.now(UTC).date() + timedelta(days=7)
    while True:
        ends: dict[str, str] = {}
        kind = seed["visit_types"]["Initial Visit"]
        for slot in await app.slots(day.isoformat(), day.isoformat(), visitTypeId=kind):
            if slot["start"] >= ends.get(slot["clinicianId"], ""):
                ends[slot["clinicianId"]] = slot["end"]
                yield slot["id"]
        day += timedelta(days=1)


async def _phases(
    http: httpx2.AsyncClient, server: Server, seed: Mapping[str, Any], slots: Sequence[str]
) -> dict[str, _Phase]:
    apps = [App(http=http, headers={VISITOR: visitor(server)}) for _ in slots]
    plan = seed["plans"]["First Visit"]
    given: list[dict[str, Any]] = [{"slotId": slot, "timeZone": "UTC"} for slot in slots]
    holding, holds = await _phase(server, apps, documents.HOLD, given)
    given = [{"holdId": one["hold"]["id"], "guest": GUEST, "planId": plan} for one in holds]
    starting, checkouts = await _phase(server, apps, documents.START, given)
    apps = [app.bearer(one["guestToken"]) for app, one in zip(apps, checkouts, strict=True)]
    shown = [one["checkout"] for one in checkouts]
    given = [
        {"checkoutId": one["id"], "quoteId": one["quote"]["id"], "cardToken": "tok_visa"} for one in shown
    ]
    confirming, _ = await _phase(server, apps, documents.CONFIRM, given)
    return {"holdSlot": holding, "startCheckout": starting, "confirmCheckout": confirming}


async def _phase(
    server: Server, apps: Sequence[App], document: str, given: Sequence[Mapping[str, Any]]
) -> tuple[_Phase, list[Any]]:
    """Do it for each app in turn; returns what it took, and the successes. Raises RuntimeError on anything else."""
    walls, successes = {}, []
    before = server.cpu_seconds()
    for app, variables in zip(apps, given, strict=True):
        request_id = uuid.uuid4().hex
        headers = {"X-Request-Id": request_id}
        began = time.perf_counter()
        answer = await app.post(document, {"input": variables}, key=request_id, **headers)
        walls[request_id] = (time.perf_counter() - began) * 1000
        (result,) = (answer.json().get("data") or {"": {}}).values()
        if not str(result.get("__typename")).endswith("Success"):
            raise RuntimeError(f"refused: {answer.text[:500]}")
        successes.append(result)
    cpu = (server.cpu_seconds() - before) * 1000 / len(apps)
    return _Phase(cpu=cpu, walls=walls), successes


async def _upstream_calls(database: str) -> dict[str, list[float]]:
    """The milliseconds of each call to upstream, by the request that it was made for, as the audit trail has them."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("SELECT record FROM audit_records")
    finally:
        await connection.close()
    taken: dict[str, list[float]] = defaultdict(list)
    for record in (json.loads(row["record"]) for row in rows):
        if record.get("duration_ms") is not None:
            taken[str(record.get("request_id"))].append(record["duration_ms"])
    return taken


def _figures(phase: _Phase, upstream: Mapping[str, Sequence[float]]) -> dict[str, float]:
    calls = {request_id: upstream.get(request_id, ()) for request_id in phase.walls}
    beyond = [wall - sum(calls[request_id]) for request_id, wall in phase.walls.items()]
    return {
        "cpu": round(phase.cpu, 2),
        "milliseconds": round(statistics.median(phase.walls.values()), 2),
        "beyond_upstream": round(statistics.median(beyond), 2),
        "upstream_calls": statistics.median(len(one) for one in calls.values()),
    }


def shown(figures: Mapping[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = [
        (
            name,
            digits(one["cpu"]),
            digits(1000 / one["cpu"]),
            digits(one["milliseconds"]),
            digits(one["beyond_upstream"]),
            f"{one['upstream_calls']:.0f}",
            digits(AIMS[name]) if name in AIMS else "",
        )
        for name, one in figures["steps"].items()
    ]
    head = (
        "",
        "CPU ms",
        "a second on one core",
        "ms, median",
        "of it beyond upstream",
        "calls to upstream",
        "aim at most",
    )
    return titled(
        f"{figures['journeys']} checkouts of guests, one after another: the gateway against the emulator",
        head,
        rows,
    )
