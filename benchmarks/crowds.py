"""Measures what a crowd waits that asks for free time at once, each person another question: one gateway, and four that share Redis.

The pace is that with which an API key begins, two requests a second and twenty at once. The emulator answers at once, so the waits are
those for a turn.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from redis.asyncio import Redis

from benchmarks import servers
from benchmarks.figures import titled
from benchmarks.production import production
from gateway.development.local_stack import free_port

CROWDS, GATEWAYS = (20, 40), (1, 4)

# After this time the token bucket is full again, and nothing that was read is used any more.
_REST = 25.0

_ADDRESS = "X-Forwarded-For"
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
_SETTINGS = {
    "FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": "2",
    "FRONTDOOR_HEALTHIE_BURST": "20",
    "FRONTDOOR_RATE_FACTOR": "1000",
    "FRONTDOOR_CLIENT_ADDRESS_HEADER": _ADDRESS,
}
_SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { date stale slots { id } }
}"""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What so many people waited at so many gateways, in seconds."""

    people: int
    gateways: int
    median: float
    longest: float
    refused: int
    requests: int  # for free time, that reached the system of record


async def measure() -> list[Crowd]:
    """Measure each crowd at each number of gateways, each time after a rest."""
    crowds = []
    for count in GATEWAYS:
        with ExitStack() as ours:
            redis_url = servers.redis(ours)
            async with _gateways(count, redis_url) as (emulator, gateways, seed):
                for people in CROWDS:
                    await asyncio.sleep(_REST)
                    crowds.append(await _asked(people, emulator, gateways, seed))
    return crowds


async def _asked(
    people: int, emulator: str, gateways: Sequence[httpx2.AsyncClient], seed: dict[str, Any]
) -> Crowd:
    control = httpx2.AsyncClient(base_url=emulator)
    async with control:
        before = await _requests(control)
        asking = (_asks(number, gateways[number % len(gateways)], seed) for number in range(people))
        waits = await asyncio.gather(*asking)
        requests = await _requests(control) - before
    answered = sorted(one for one in waits if one is not None)
    return Crowd(
        people=people,
        gateways=len(gateways),
        median=round(answered[len(answered) // 2], 2) if answered else 0.0,
        longest=round(answered[-1], 2) if answered else 0.0,
        refused=len(waits) - len(answered),
        requests=requests,
    )


async def _asks(number: int, http: httpx2.AsyncClient, seed: dict[str, Any]) -> float | None:
    """A week from another day for each person, for everybody or for one clinician; returns the seconds, None if there was no answer."""
    first = datetime.now(UTC).date() + timedelta(days=2 + number // 2)
    sought = {
        "visitTypeId": seed["visit_types"]["Free Consultation"],
        "timeZone": _ZONES[number % len(_ZONES)],
    }
    if number % 2:
        bookable = sorted(seed["clinician_keys"])
        sought["clinicianIds"] = [bookable[number % len(bookable)]]
    variables = {
        "filter": sought,
        "from": first.isoformat(),
        "until": (first + timedelta(days=6)).isoformat(),
    }
    began = time.perf_counter()
    answer = await http.post(
        "/graphql",
        json={"query": _SLOTS, "variables": variables},
        headers={_ADDRESS: f"198.51.{number}.7"},
    )
    waited = time.perf_counter() - began
    return None if "errors" in answer.json() else waited


async def _requests(control: httpx2.AsyncClient) -> int:
    seen = (await control.get("/_control/requests")).raise_for_status().json()
    return sum(one["operation"] == "AvailableSlots" for one in seen)


@asynccontextmanager
async def _gateways(
    count: int, redis_url: str
) -> AsyncIterator[tuple[str, list[httpx2.AsyncClient], dict[str, Any]]]:
    """The emulator's address, a client of each gateway, and the practice; all gateways have read the catalog."""
    tenant = f"bench-{secrets.token_hex(6)}"
    shared = {"FRONTDOOR_REDIS_URL": redis_url, "FRONTDOOR_TENANT": tenant}
    async with production(**_SETTINGS, **shared) as (stack, http), AsyncExitStack() as exits:
        exits.push_async_callback(_forget, redis_url, tenant)
        seed = (await http.get(f"{stack.emulator}/_control/seed")).raise_for_status().json()
        gateways = [http]
        for _ in range(count - 1):
            url = await _another(stack.settings, exits)
            gateways.append(await exits.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=60)))
        for one in gateways:
            (await one.post("/graphql", json={"query": "{ visitTypes { id } }"})).raise_for_status()
        yield stack.emulator, gateways, seed


async def _another(settings: Any, exits: AsyncExitStack) -> str:
    """One more gateway on the same database and Redis; returns its address once it is ready."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.command_line", "serve", "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **settings},
    )

    async def end() -> None:
        process.send_signal(signal.SIGTERM)
        await process.wait()

    exits.push_async_callback(end)
    url = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=url, timeout=5) as http, asyncio.timeout(60):
        while True:
            try:
                if (await http.get("/readyz")).is_success:
                    return url
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)


async def _forget(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"frontdoor:{tenant}:*", count=1000):
            await redis.delete(key)


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            f"{one['people']} at {one['gateways']} gateway{'s' if one['gateways'] > 1 else ''}",
            f"{one['median']:.2f} s",
            f"{one['longest']:.2f} s",
            str(one["refused"]),
            str(one["requests"]),
        )
        for one in figures["crowds"]
    ]
    return titled(
        "What a crowd waits, each person with another question for a week",
        ("people", "median", "longest", "not answered", "requests to Healthie"),
        rows,
    )


if __name__ == "__main__":
    print(shown({"crowds": [asdict(one) for one in asyncio.run(measure())]}))
