"""Measures how long a month of `slots` takes a busy practice: at the fixed first pace, and at one that adapts. Both in the same run, over HTTP.

Several patients, each at an address of their own, look for a month again and again, each time for another one. The emulator
lets 250 requests a second through and locks out beyond, which the gateway is not told.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from benchmarks.figures import titled
from benchmarks.production import production

PATIENTS = 2
LIMIT = 250

# How long the fixed pace is measured, and the adapting one in parts, so that its rise shows.
_FIXED_SECONDS, _PART_SECONDS, _PARTS = 60.0, 30.0, 5

_ADDRESS = "X-Forwarded-For"
_BOTH = {
    "FRONTDOOR_HEALTHIE_BURST": "20",
    "FRONTDOOR_CLIENT_ADDRESS_HEADER": _ADDRESS,
    "FRONTDOOR_RATE_FACTOR": "1000",
}
_FIXED = {**_BOTH, "FRONTDOOR_HEALTHIE_REQUESTS_PER_SECOND": "2"}
_ADAPTING = {
    **_BOTH,
    "FRONTDOOR_HEALTHIE_LEAST_REQUESTS_PER_SECOND": "0.5",
    "FRONTDOOR_HEALTHIE_MOST_REQUESTS_PER_SECOND": "160",
}

_SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { date stale slots { id } }
}"""


@dataclass(frozen=True, kw_only=True)
class Months:
    """Months that were asked for in one stretch of time."""

    answered: int
    unavailable: int  # within the deadline of a query
    median: float  # seconds, of those that were answered


@dataclass(frozen=True, kw_only=True)
class PaceFigures:
    """The fixed pace, the adapting one in each part of its run, and how much faster the last part is."""

    fixed: Months
    adapting: list[Months]
    part_seconds: float
    faster: float  # the fixed pace's median, or its deadline, by that of the last part
    more: float  # months a second, by those at the fixed pace
    refused: int


async def measure() -> PaceFigures:
    """Measure one after the other, each on a stack of its own."""
    (fixed,), _ = await _measured(_FIXED, parts=1, seconds=_FIXED_SECONDS)
    adapting, refused = await _measured(_ADAPTING, parts=_PARTS, seconds=_PART_SECONDS)
    last = adapting[-1]
    return PaceFigures(
        fixed=fixed,
        adapting=adapting,
        part_seconds=_PART_SECONDS,
        faster=round(fixed.median / last.median, 1),
        more=round((last.answered / _PART_SECONDS) / (max(fixed.answered, 1) / _FIXED_SECONDS), 1),
        refused=refused,
    )


async def _measured(settings: Mapping[str, str], *, parts: int, seconds: float) -> tuple[list[Months], int]:
    async with production(**settings) as (stack, http):
        control = f"{stack.emulator}/_control"
        seed = (await http.get(f"{control}/seed")).raise_for_status().json()
        limit = {"requests": LIMIT, "seconds": 1, "lockout": 1800}
        (await http.post(f"{control}/throttle", json=limit)).raise_for_status()
        # Each search is for another month, so that patients share readings only once all months were seen.
        days = itertools.count()
        found: list[tuple[float, float | None]] = []
        visit_type = seed["visit_types"]["Free Consultation"]
        patients = [
            asyncio.create_task(_looking(http, visit_type, f"198.51.{number}.7", days, found))
            for number in range(PATIENTS)
        ]
        began = time.monotonic()
        await asyncio.sleep(parts * seconds)
        for patient in patients:
            patient.cancel()
        await asyncio.gather(*patients, return_exceptions=True)
        seen = (await http.get(f"{control}/requests")).raise_for_status().json()
    months = [_months(found, began + part * seconds, began + (part + 1) * seconds) for part in range(parts)]
    return months, sum("TOO_MANY_REQUESTS" in one["error_codes"] for one in seen)


def _months(found: list[tuple[float, float | None]], since: float, until: float) -> Months:
    taken = [took for at, took in found if since <= at < until]
    waits = [took for took in taken if took is not None]
    return Months(
        answered=len(waits),
        unavailable=len(taken) - len(waits),
        median=round(statistics.median(waits), 3) if waits else 20.0,
    )


async def _looking(
    http: httpx2.AsyncClient,
    visit_type: str,
    address: str,
    days: "itertools.count[int]",
    found: list[tuple[float, float | None]],
) -> None:
    """Look for a month again and again; notes when each was answered, and how long it took, or None."""
    headers = {_ADDRESS: address}
    body = {"query": "{ newVisitorToken }"}
    token = (await http.post("/graphql", json=body, headers=headers)).json()["data"]["newVisitorToken"]
    headers["Frontdoor-Visitor"] = token
    while True:
        first = datetime.now(UTC).date() + timedelta(days=2 + 31 * next(days) % 620)
        variables: dict[str, Any] = {
            "filter": {"visitTypeId": visit_type, "timeZone": "UTC"},
            "from": first.isoformat(),
            "until": (first + timedelta(days=30)).isoformat(),
        }
        began = time.monotonic()
        answer = await http.post("/graphql", json={"query": _SLOTS, "variables": variables}, headers=headers)
        data = answer.json()
        whole = "errors" not in data and not any(day["stale"] for day in data["data"]["slots"])
        now = time.monotonic()
        found.append((now, now - began if whole else None))


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""

    def row(name: str, months: dict[str, Any], seconds: float) -> tuple[str, ...]:
        each = months["answered"] / seconds * 60
        return name, f"{each:.0f}", f"{months['median']:.2f} s", str(months["unavailable"])

    part = figures["part_seconds"]
    rows = [
        row("fixed: 2 a second", figures["fixed"], _FIXED_SECONDS),
        *(
            row(f"adapting, {part * number:.0f} to {part * (number + 1):.0f} s", months, part)
            for number, months in enumerate(figures["adapting"])
        ),
    ]
    table = titled(
        f"What a month takes {PATIENTS} patients who look at the same time",
        ("pace", "months a minute", "median", "unavailable"),
        rows,
    )
    return (
        f"{table}\n\nIn the last part a month is answered {figures['faster']:.1f} times as fast, and {figures['more']:.1f} times "
        f"as many are; refused by a limit of {LIMIT} requests a second: {figures['refused']}."
    )
