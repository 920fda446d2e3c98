"""Measures the latency of other callers while one sender floods the gateway: a gateway at the default pace, over HTTP.

Another person searches a week's free time and holds a slot of it, again and again: alone, and during each attack from one address. First
with the default rate limits, which refuse most of the attack; then with limits so wide that only the fair queue protects others.
"""

import asyncio
import contextlib
import itertools
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from benchmarks.figures import titled
from benchmarks.production import production

# Rounds of the other person per case, and the pause after each: they use half of the pace.
ROUNDS = 8
_PAUSE = 5.0

# After this time the token bucket is full again.
_REST = 20.0

# The attacker sends so many requests in so many seconds, repeatedly, and hangs up (if so) after the third figure.
ASKED, _SECONDS, _HANGS_UP_AFTER = 40, 2.0, 0.5

# The default pace, stated so that the figures stay those of this pace.
_PACE = {"FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": "2", "FRONTDOOR_HEALTHIE_BURST": "20"}

# The header that the proxy would set.
ADDRESS = "X-Forwarded-For"
_OTHERS = "198.51.100.7"

_SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { date stale slots { id } }
}"""
_HOLD = """mutation Hold($input: HoldSlotInput!) {
  holdSlot(input: $input) { __typename ... on HoldSlotSuccess { hold { id } } }
}"""
_RELEASE = "mutation Release($input: ReleaseHoldInput!) { releaseHold(input: $input) { __typename } }"

ATTACKS = {
    "hang-up": f"asks for 31 days {ASKED} times in {_SECONDS:.0f} s and hangs up, again and again",
    "wait": f"asks for 31 days {ASKED} times in {_SECONDS:.0f} s and waits, again and again",
    "hold": f"holds slots, {ASKED} in {_SECONDS:.0f} s, as a visitor anew each time, and gives them back",
}
UNBOUNDED = "hang-up"  # again, with wide rate limits

# A block of addresses per attack, so that no attack starts with limits used up by the one before.
_THEIRS = {name: f"2001:db8:{number}::1" for number, name in enumerate(ATTACKS, start=1)}


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Latencies of the other person, in seconds."""

    slots: list[float]
    hold: list[float]


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """Latencies alone and during each attack, and by how much the longest grew."""

    alone: Waits
    attacked: dict[str, Waits]
    unbounded: Waits
    longer: float


async def measure() -> Fairness:
    """Measure alone, then during each attack, each time after the gateway has rested."""
    async with _gateway(rate_factor=1) as practice:
        alone = await _rounds(practice)
        attacked = {name: await _attacked(practice, name) for name in ATTACKS}
    async with _gateway(rate_factor=1_000) as practice:
        unbounded = await _attacked(practice, UNBOUNDED)
    longest = [
        max(max(each.slots) - max(alone.slots), max(each.hold) - max(alone.hold))
        for each in (*attacked.values(), unbounded)
    ]
    return Fairness(alone=alone, attacked=attacked, unbounded=unbounded, longer=round(max(longest), 2))


async def _attacked(practice: "_Practice", name: str) -> Waits:
    await asyncio.sleep(_REST)
    async with _attacking(practice, name):
        return await _rounds(practice)


async def _rounds(practice: "_Practice") -> Waits:
    person = await _Person.arrives(practice, _OTHERS)
    waited = []
    for _ in range(ROUNDS):
        waited.append(await person.round())
        await asyncio.sleep(_PAUSE)
    slots, hold = zip(*waited, strict=True)
    return Waits(slots=list(slots), hold=list(hold))


@dataclass(frozen=True, kw_only=True)
class _Practice:
    """The API of the gateway, and the search."""

    http: httpx2.AsyncClient
    visit_type: str


@dataclass(frozen=True, kw_only=True)
class _Person:
    """A caller at an address."""

    practice: _Practice
    address: str
    visitor: str = ""

    @classmethod
    async def arrives(cls, practice: _Practice, address: str) -> "_Person":
        """Take a new visitor token."""
        nobody = cls(practice=practice, address=address)
        token = (await nobody.ask("{ newVisitorToken }"))["newVisitorToken"]
        return cls(practice=practice, address=address, visitor=token)

    async def ask(self, document: str, variables: Any = None, **options: Any) -> Any:
        """Send an operation and return its data."""
        headers = {ADDRESS: self.address, "Idempotency-Key": uuid.uuid4().hex}
        if self.visitor:
            headers["Frontdoor-Visitor"] = self.visitor
        body = {"query": document, "variables": variables or {}}
        answer = (await self.practice.http.post("/graphql", json=body, headers=headers, **options)).json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"]

    async def slots(self, days: int, *, ahead: int = 2, **options: Any) -> list[str]:
        """The ids of free slots, none from a cache."""
        first = datetime.now(UTC).date() + timedelta(days=ahead)
        variables = {
            "filter": {"visitTypeId": self.practice.visit_type, "timeZone": "UTC"},
            "from": first.isoformat(),
            "until": (first + timedelta(days=days - 1)).isoformat(),
        }
        found = (await self.ask(_SLOTS, variables, **options))["slots"]
        if any(day["stale"] for day in found):
            raise RuntimeError("slots were answered from memory")
        return [slot["id"] for day in found for slot in day["slots"]]

    async def hold(self, slot_id: str) -> str | None:
        """Hold the slot; returns the id, or None when it is taken."""
        held = (await self.ask(_HOLD, {"input": {"slotId": slot_id, "timeZone": "UTC"}}))["holdSlot"]
        return held["hold"]["id"] if held["__typename"] == "HoldSlotSuccess" else None

    async def release(self, hold_id: str) -> None:
        """Release the hold."""
        await self.ask(_RELEASE, {"input": {"holdId": hold_id}})

    async def round(self) -> tuple[float, float]:
        """Search a week's free time and hold its last slot; returns the latency of each."""
        began = time.perf_counter()
        found = await self.slots(7)
        looked = time.perf_counter()
        hold_id = await self.hold(found[-1])
        held = time.perf_counter()
        if hold_id is None:
            raise RuntimeError("the slot was not held")
        await self.release(hold_id)
        return looked - began, held - looked


@asynccontextmanager
async def _gateway(*, rate_factor: int) -> AsyncIterator[_Practice]:
    """A production stack on an emulator, with the catalog cache filled."""
    settings = {
        **_PACE,
        "FRONTDOOR_CLIENT_ADDRESS_HEADER": ADDRESS,
        "FRONTDOOR_RATE_FACTOR": str(rate_factor),
    }
    async with production(**settings) as (stack, http):
        seed = (await http.get(f"{stack.emulator}/_control/seed")).raise_for_status().json()
        practice = _Practice(http=http, visit_type=seed["visit_types"]["Free Consultation"])
        await (await _Person.arrives(practice, _OTHERS)).round()
        await asyncio.sleep(_REST)
        yield practice


@asynccontextmanager
async def _attacking(practice: _Practice, name: str) -> AsyncIterator[None]:
    """Run the attack in a process of its own, so that its work delays no measurement; entered once it has begun."""
    command = (
        sys.executable,
        "-m",
        "benchmarks.fairness",
        str(practice.http.base_url),
        practice.visit_type,
        name,
    )
    attack = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        if attack.stdout is None or not await attack.stdout.readline():
            raise RuntimeError("the attack did not begin")
        yield
    finally:
        attack.kill()
        await attack.wait()


async def _attack(url: str, visit_type: str, name: str) -> None:
    """Attack without end, whether or not answers come."""
    limits = httpx2.Limits(max_connections=1_000)
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        practice = _Practice(http=http, visit_type=visit_type)
        attacker = await _Person.arrives(practice, _THEIRS[name])
        slots = await attacker.slots(7, ahead=9) if name == "hold" else []
        print("begun", flush=True)
        asked = set()
        for n in itertools.count():
            asking: Coroutine[Any, Any, object]
            if name == "hold":
                asking = _hold_once(practice, slots[n % len(slots)])
            else:  # each search is for another month, so that few share a reading
                timeout = {"timeout": _HANGS_UP_AFTER} if name == "hang-up" else {}
                asking = attacker.slots(31, ahead=2 + 31 * n % 620, **timeout)
            one = asyncio.create_task(_tried(asking))
            asked.add(one)
            one.add_done_callback(asked.discard)
            await asyncio.sleep(_SECONDS / ASKED)


async def _hold_once(practice: _Practice, slot_id: str) -> None:
    one = await _Person.arrives(practice, _THEIRS["hold"])
    if hold_id := await one.hold(slot_id):
        await one.release(hold_id)


async def _tried(asking: Coroutine[Any, Any, object]) -> None:
    """Send a request and ignore the outcome."""
    with contextlib.suppress(RuntimeError, httpx2.HTTPError, json.JSONDecodeError):
        await asking


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""

    def row(name: str, waits: dict[str, Any]) -> tuple[str, ...]:
        return (
            name,
            *(f"{one:.2f} s" for kind in ("slots", "hold") for one in _median_and_most(waits[kind])),
        )

    rows = [
        row("alone", figures["alone"]),
        *(row(f"while one address {ATTACKS[name]}", waits) for name, waits in figures["attacked"].items()),
        row("the first of these, were it not refused for asking too often", figures["unbounded"]),
    ]
    table = titled(
        "What others wait, whatever one sender does",
        ("", "a week's `slots`, median", "most", "`holdSlot`, median", "most"),
        rows,
    )
    return (
        f"{table}\n\nThe longest wait is {figures['longer']:.2f} s longer than the longest alone; aim: 2 s."
    )


def _median_and_most(seconds: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2], ordered[-1]


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(_attack(*sys.argv[1:]))
    else:
        print(json.dumps(asdict(asyncio.run(measure()))))
