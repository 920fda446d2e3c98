"""What a thousand people cost who watch one page of free times, and how fast a hold shows at all of them: one gateway process."""

import asyncio
import contextlib
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.figures import titled
from gateway.development.local_stack import free_port
from tests.integration.socket_client import Socket, connected
from tests.plugins.databases import emptied
from tests.reliability.processes import START_SECONDS, Running

# Connections that are opened at once; more would wait in the server's queue and not for the gateway.
_AT_ONCE = 50

_WATCH = """subscription Watch($filter: SlotFilter!, $day: Date!) {
  slotsChanged(filter: $filter, from: $day, until: $day) { date slots { id start } }
}"""
_HOLD = """mutation Hold($input: HoldSlotInput!) {
  holdSlot(input: $input) { ... on HoldSlotSuccess { hold { id } } }
}"""
_RELEASE = """mutation Release($input: ReleaseHoldInput!) {
  releaseHold(input: $input) { ... on ReleaseHoldSuccess { holdId } }
}"""


@dataclass(frozen=True, kw_only=True)
class Subscriptions:
    """One process."""

    subscribers: int
    megabytes_before: float  # resident, of the process that serves nobody
    megabytes: float  # resident, with all of them idle
    seconds: float  # from asking for a hold to the last subscriber's message, the median of the rounds
    slowest: float  # the longest round
    rounds: int
    cpu_seconds: float  # of the gateway's processor a round
    load: float  # of the machine in the minute before


@asynccontextmanager
async def _gateway(settings: dict[str, str]) -> AsyncIterator[Running]:
    """The program as it starts by itself: one of the nursery's has what the nursery imported in memory."""
    port = free_port()
    program = str(Path(sys.executable).with_name("frontdoor"))
    process = await asyncio.create_subprocess_exec(
        program,
        "serve",
        "--port",
        str(port),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient() as http:
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"{url}/readyz")).is_success:
                        break
                await asyncio.sleep(0.05)
        yield Running(pid=process.pid, url=url, log=Path(os.devnull))
    finally:
        process.kill()
        await process.wait()


async def measure(emulator: Running, url: str, *, subscribers: int, rounds: int) -> Subscriptions:
    """Let so many watch, and hold and give back a slot."""
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(emptied(url))
        http = await exits.enter_async_context(httpx2.AsyncClient(timeout=60))
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        settings = {
            "FRONTDOOR_SECRET_KEY": "only-for-benchmarks-" * 3,
            "FRONTDOOR_DATABASE_URL": url,
            "FRONTDOOR_HEALTHIE_URL": f"{emulator.url}/graphql",
            "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": seed["owner"]["key"],
            "FRONTDOOR_HEALTHIE_KEYS": json.dumps(seed["clinician_keys"]),
            "FRONTDOOR_LOG_LEVEL": "ERROR",
        }
        gateway = await exits.enter_async_context(_gateway(settings))
        patient = await _visitor(http, gateway)
        before = _megabytes(gateway.pid)
        sockets, slot_id = await _live_queries(exits, gateway, seed, subscribers)
        await asyncio.sleep(1)  # the change poller has seen them
        idle, load = _megabytes(gateway.pid), os.getloadavg()[0]
        spent = _processor_seconds(gateway.pid)
        taken: list[float] = []
        for _ in range(rounds):
            began = time.perf_counter()
            asked = asyncio.create_task(
                _do(http, gateway, patient, _HOLD, {"slotId": slot_id, "timeZone": "UTC"})
            )
            await _told(sockets)
            taken.append(time.perf_counter() - began)
            hold_id = (await asked)["hold"]["id"]
            began = time.perf_counter()
            await _do(http, gateway, patient, _RELEASE, {"holdId": hold_id})
            await _told(sockets)
            taken.append(time.perf_counter() - began)
        spent = _processor_seconds(gateway.pid) - spent
    taken.sort()
    return Subscriptions(
        subscribers=subscribers,
        megabytes_before=before,
        megabytes=idle,
        seconds=round(taken[len(taken) // 2], 2),
        slowest=round(taken[-1], 2),
        rounds=len(taken),
        cpu_seconds=round(spent / len(taken), 2),
        load=round(load, 1),
    )


async def _live_queries(
    exits: AsyncExitStack, gateway: Running, seed: Any, subscribers: int
) -> tuple[list[Socket], str]:
    """So many sockets, each with one subscription that has told its first state; and a slot of it."""
    day = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()
    sought = {
        "visitTypeId": seed["visit_types"]["Free Consultation"],
        "clinicianIds": [seed["clinicians"][0]["id"]],
        "timeZone": "UTC",
    }
    while True:  # a weekday on which the clinician works
        first = await _one(exits, gateway, {"filter": sought, "day": day})
        slots = (await first.hear())["payload"]["data"]["slotsChanged"][0]["slots"]
        if slots:
            break
        day = (datetime.fromisoformat(day).date() + timedelta(days=1)).isoformat()
    turn = asyncio.Semaphore(_AT_ONCE)

    async def join() -> Socket:
        async with turn:
            one = await _one(exits, gateway, {"filter": sought, "day": day})
            await one.hear()
            return one

    others = await asyncio.gather(*(join() for _ in range(subscribers - 1)))
    return [first, *others], slots[0]["id"]


async def _one(exits: AsyncExitStack, gateway: Running, variables: Any) -> Socket:
    url = f"{gateway.url.replace('http', 'ws', 1)}/graphql"
    one = await (await exits.enter_async_context(connected(url))).open()
    await one.subscribe(_WATCH, variables)
    return one


async def _told(sockets: list[Socket]) -> None:
    """Wait for a message at each."""
    await asyncio.gather(*(one.connection.recv() for one in sockets))


async def _visitor(http: httpx2.AsyncClient, gateway: Running) -> str:
    answer = await http.post(f"{gateway.url}/graphql", json={"query": "{ newVisitorToken }"})
    return str(answer.json()["data"]["newVisitorToken"])


async def _do(
    http: httpx2.AsyncClient, gateway: Running, visitor: str, document: str, given: dict[str, Any]
) -> Any:
    answer = await http.post(
        f"{gateway.url}/graphql",
        json={"query": document, "variables": {"input": given}},
        headers={"Frontdoor-Visitor": visitor, "Idempotency-Key": uuid.uuid4().hex},
    )
    (result,) = answer.json()["data"].values()
    return result


def _megabytes(pid: int) -> float:
    """What the process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000, 1)


def _processor_seconds(pid: int) -> float:
    """What the process has used of the processor."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def shown(figures: dict[str, Any]) -> str:
    """The figures as they stand in the document."""
    rows = [
        ("memory of the idle process with all of them", f"{figures['megabytes']:.0f} MB", "200 MB"),
        ("of it the process without them", f"{figures['megabytes_before']:.0f} MB", ""),
        ("from a hold to the last message, median", f"{figures['seconds']:.2f} s", "1 s"),
        (f"the longest of {figures['rounds']}", f"{figures['slowest']:.2f} s", ""),
        ("the gateway's processor for it", f"{figures['cpu_seconds']:.2f} s", ""),
        ("load of the machine before", f"{figures['load']:.1f}", ""),
    ]
    return titled(
        f"{figures['subscribers']:,} subscribers to one page of free times, on one process",
        ("", "", "aim"),
        rows,
    )
