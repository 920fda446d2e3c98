"""Measures how fast hostile requests are refused, and the latency of other callers meanwhile: a gateway process, over HTTP.

Twice, each with a process of its own: with addresses not known, so that attackers cannot be limited by network; and with all attackers at
one known address. An attack from very many addresses is like the first case.
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

# Concurrent attackers; each sends the next request as soon as the last is refused.
ATTACKERS = 8

# Requests per attack, one after the other, to an idle gateway.
SENDS = 20
SECONDS = 20

# Seconds by which attacks begin before others are measured and end after: their process has to start.
_START_SECONDS = 5
_ATTACK_SECONDS = SECONDS + _START_SECONDS

# Ten a second: an app in use, not a load of its own.
_PAUSE = 0.1

# The header that the proxy would set. The other caller has another address than the attackers.
ADDRESS = "X-Forwarded-For"
_THEIRS, _OTHERS = "203.0.113.9", "198.51.100.7"

# A document and its variables.
Kind = tuple[str, dict[str, Any]]

_HONEST = {"query": "query Plans { plans(first: 20) { nodes { id name dueToday { amount currency } } } }"}

# In addition to the attacks of the tests: bodies of the largest size that pass as many limits as possible.
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
    """Latencies of other callers during all attacks, in milliseconds, and the attacks refused per second."""

    others: dict[str, float]
    refused_per_second: float


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Latencies in milliseconds, measured by the clients."""

    attacks: int  # kinds
    refused: dict[str, float]  # median and p99 of all, and the median of the slowest kind
    slowest: str
    attackers: int
    alone: dict[str, float]  # other callers, without an attack
    unknown: Attack  # addresses are not known
    known: Attack  # all attackers have one known address


async def measure() -> Requests:
    """Send every attack to an idle gateway, then all of them at once while another caller browses."""
    async with production() as (_, http):
        # The first request includes work of the gateway's start.
        await _refused(http, next(_bodies(*ATTACKS["aliases"][:2])))
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
    """Run the attackers in a process of their own, so that their work delays no measurement."""
    attack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.requests", str(http.base_url)), stdout=asyncio.subprocess.PIPE
    )
    await asyncio.sleep(_START_SECONDS)
    others = await _browse(http)
    output, _ = await attack.communicate()
    return Attack(others=_spread(others), refused_per_second=round(int(output) / _ATTACK_SECONDS, 1))


def _bodies(document: str, variables: object) -> Iterator[bytes]:
    """The bodies of the attack, never the same text twice, so that no cache helps."""
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
    """Measure refusals. The gateway rests after each for as long as it took, so wait until it is idle."""
    taken = await _refused(http, body)
    await asyncio.sleep(taken)
    return taken


async def _browse(http: httpx2.AsyncClient, *, seconds: float = SECONDS) -> list[float]:
    """The latencies of a caller who reads the plans, for some seconds."""
    taken = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        (await http.post("/graphql", json=_HONEST, headers={ADDRESS: _OTHERS})).raise_for_status()
        taken.append(time.perf_counter() - started)
        await asyncio.sleep(_PAUSE)
    return taken


async def _attack_all(url: str) -> int:
    """Run all attackers; returns how many requests were refused."""
    async with httpx2.AsyncClient(base_url=url, timeout=60, headers={ADDRESS: _THEIRS}) as http:
        return sum(await asyncio.gather(*(_attack(http, seed) for seed in range(ATTACKERS))))


async def _attack(http: httpx2.AsyncClient, seed: int) -> int:
    """Send attacks in a random order without a pause; returns how many."""
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
    """The figures as a Markdown table, for docs/reliability.md."""

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
