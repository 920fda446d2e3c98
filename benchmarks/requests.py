"""How fast hostile requests are refused, and what everybody else waits meanwhile: a gateway process, asked over HTTP.

Twice, each with a process of its own: addresses are not known, so that nothing can be counted against the attackers; and they are, as
in life, and all attackers have one. An attack from very many addresses is the first case.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from benchmarks.figures import titled
from benchmarks.production import production
from tests.doubles.attacks import ATTACKS

# As many as send without a pause at the same time, each the next as soon as the last is refused.
ATTACKERS = 8

# Of each attack, one after the other, to an idle gateway.
SENDS = 20
SECONDS = 20

# They begin a little before others are measured and end a little after: their process has to start.
_START_SECONDS = 5
_ATTACK_SECONDS = SECONDS + _START_SECONDS

# Ten a second: an app that is used, not a load of its own.
_PAUSE = 0.1

# What the proxy would write. Whoever browses has another one than those who attack.
ADDRESS = "X-Forwarded-For"
_THEIRS, _OTHERS = "203.0.113.9", "198.51.100.7"

# A document and its variables.
Kind = tuple[str, dict[str, Any]]

_HONEST = {"query": "query Plans { plans(first: 20) { nodes { id name dueToday { amount currency } } } }"}

# Besides those that are tests: as much as a body may hold, of what is within the bounds for as long as possible.
_LARGEST: dict[str, Kind] = {
    "100 kB of one text": ('{ plans(keyword: "' + "x" * 98_000 + '") { nothing } }', {}),
    "a long text": ('{ plans(keyword: "' + "x" * 29_000 + '") { nothing } }', {}),
    "escapes": ('{ plans(keyword: "' + "\\u0041" * 4_800 + '") { nothing } }', {}),
    "lines": ('{ plans(keyword: """' + "x\n" * 14_000 + '""") { nothing } }', {}),
    "unknown names": ("{ me {" + " ".join(f"{'x' * 50}{n}" for n in range(480)) + "} }", {}),
    "490 variables": ("query (" + " ".join(f"$v{n}: Int" for n in range(490)) + ") { me { id } }", {}),
}

_KINDS: dict[str, Kind] = {name: attack[:2] for name, attack in ATTACKS.items()} | _LARGEST


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What others waited while all attacked, in milliseconds, and how many attacks a second were refused."""

    others: dict[str, float]
    refused_per_second: float


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Milliseconds, as the clients measured them."""

    attacks: int  # kinds
    refused: dict[str, float]  # median and p99 of all, and the median of the slowest kind
    slowest: str
    attackers: int
    alone: dict[str, float]  # others, when nobody attacks
    unknown: Attack  # addresses are not known
    known: Attack  # they are, and all attackers have one


async def measure() -> Requests:
    """Send every attack to a gateway of its own, then all of them at once while somebody else browses."""
    async with production() as (_, http):
        await _refused(http, next(_bodies(*ATTACKS["aliases"][:2])))  # the first is the gateway's own start
        times = {
            name: [await _refused_when_idle(http, body) for body in itertools.islice(_bodies(*kind), SENDS)]
            for name, kind in _KINDS.items()
        }
        slowest = max(times, key=lambda name: _at(times[name], 0.5))
        alone = await _browse(http)
        unknown = await _attacked(http)
    async with production(FRONTDOOR_CLIENT_ADDRESS_HEADER=ADDRESS) as (_, http):
        await _browse(http, seconds=1)
        known = await _attacked(http)
    together = [one for some in times.values() for one in some]
    return Requests(
        attacks=len(_KINDS),
        refused={**_spread(together), "slowest": _at(times[slowest], 0.5)},
        slowest=slowest,
        attackers=ATTACKERS,
        alone=_spread(alone),
        unknown=unknown,
        known=known,
    )


async def _attacked(http: httpx2.AsyncClient) -> Attack:
    """Attack from a process of its own, so that nobody else waits for the attackers' work."""
    attack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.requests", str(http.base_url)), stdout=asyncio.subprocess.PIPE
    )
    await asyncio.sleep(_START_SECONDS)
    others = await _browse(http)
    output, _ = await attack.communicate()
    return Attack(others=_spread(others), refused_per_second=round(int(output) / _ATTACK_SECONDS, 1))


def _bodies(document: str, variables: object) -> Iterator[bytes]:
    """The attack again and again, never the same text twice: what was refused before is no easier."""
    for n in itertools.count():
        yield json.dumps({"query": f"{document} #{n}", "variables": variables}).encode()


async def _refused(http: httpx2.AsyncClient, body: bytes) -> float:
    started = time.perf_counter()
    answer = await http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    taken = time.perf_counter() - started
    if "errors" not in answer.json():
        raise AssertionError(f"an attack was answered: {answer.text[:200]}")
    return taken


async def _refused_when_idle(http: httpx2.AsyncClient, body: bytes) -> float:
    """After each the gateway rests as long as it took: the next comes when it is idle."""
    taken = await _refused(http, body)
    await asyncio.sleep(taken)
    return taken


async def _browse(http: httpx2.AsyncClient, *, seconds: float = SECONDS) -> list[float]:
    """What somebody waits who looks at the plans, for some seconds."""
    taken = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        (await http.post("/graphql", json=_HONEST, headers={ADDRESS: _OTHERS})).raise_for_status()
        taken.append(time.perf_counter() - started)
        await asyncio.sleep(_PAUSE)
    return taken


async def _attack_all(url: str) -> int:
    """All of them; answers how many were refused."""
    async with httpx2.AsyncClient(base_url=url, timeout=60, headers={ADDRESS: _THEIRS}) as http:
        return sum(await asyncio.gather(*(_attack(http, seed) for seed in range(ATTACKERS))))


async def _attack(http: httpx2.AsyncClient, seed: int) -> int:
    """Send attacks in an order of its own, without a pause; answers how many."""
    chance = random.Random(seed)  # noqa: S311  # an order, no secret
    endless = {name: _bodies(*kind) for name, kind in _KINDS.items()}
    until, count = time.perf_counter() + _ATTACK_SECONDS, 0
    while time.perf_counter() < until:
        await _refused(http, next(endless[chance.choice(list(_KINDS))]))
        count += 1
    return count


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": _at(seconds, 0.5), "p99": _at(seconds, 0.99), "most": _at(seconds, 1)}


def _at(seconds: Sequence[float], part: float) -> float:
    """Milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000, 1)


def shown(figures: dict[str, Any]) -> str:
    """The figures as they stand in the document."""

    def row(name: str, times: dict[str, float], aim: str) -> tuple[str, ...]:
        return (name, f"{times['median']:.1f} ms", f"{times['p99']:.1f} ms", f"{times['most']:.1f} ms", aim)

    def attacked(case: str, attack: dict[str, Any], aim: str) -> tuple[str, ...]:
        each = f"{attack['refused_per_second']:.0f} refused a second"
        return row(
            f"others, while {figures['attackers']} attack without a pause, {case} ({each})",
            attack["others"],
            aim,
        )

    rows = [
        row(f"a hostile request is refused ({figures['attacks']} kinds)", figures["refused"], "50 ms"),
        row("others, when nobody attacks", figures["alone"], ""),
        attacked("addresses not known", figures["unknown"], "p99 250 ms"),
        attacked("all from one known address", figures["known"], "p99 250 ms"),
    ]
    table = titled("Hostile requests", ("", "median", "p99", "most", "aim"), rows)
    return f"{table}\n\nThe slowest kind to refuse: {figures['slowest']}, {figures['refused']['slowest']:.1f} ms (median)."


if __name__ == "__main__":
    print(asyncio.run(_attack_all(sys.argv[1])))
