"""Measures the latency of webhook acknowledgements at a steady 200 deliveries a second (open loop: sent whether or not earlier ones were answered)."""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.figures import DATABASES, titled
from integrations.healthie.webhooks import HealthieWebhooks
from integrations.healthie_emulator.signing import signed_headers
from tests.plugins.databases import emptied
from tests.reliability.processes import Nursery, Running

SECRET = "whsec_benchmark"  # noqa: S105 - of nobody

# Distinct resources: some deliveries repeat a resource, others are the first of theirs.
RESOURCES = 500

# The target for the 99th percentile, in milliseconds. Healthie counts a slow receiver as failing.
P99_AIM = 100.0


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Times from the scheduled sending of a delivery to its answer, in milliseconds."""

    per_second: int
    deliveries: int
    median: float
    p99: float
    longest: float
    refused: int
    cpu_each: float  # processor time of the gateway per delivery, in milliseconds
    load: float  # of the machine in the minute before


async def measure(
    nursery: Nursery, emulator: Running, url: str, *, per_second: int, seconds: int
) -> Acknowledged:
    """Send deliveries to a gateway process of its own on this database."""
    async with emptied(url), httpx2.AsyncClient(timeout=30) as http:
        seed = (await http.get(f"{emulator.url}/_control/seed")).raise_for_status().json()
        gateway = await nursery.gateway(
            {
                "FRONTDOOR_SECRET_KEY": "only-for-benchmarks-" * 3,
                "FRONTDOOR_DATABASE_URL": url,
                "FRONTDOOR_HEALTHIE_URL": f"{emulator.url}/graphql",
                "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": seed["owner"]["key"],
                "FRONTDOOR_HEALTHIE_WEBHOOK_URL": f"http://gateway.invalid{HealthieWebhooks.path}",
                "FRONTDOOR_HEALTHIE_WEBHOOK_SECRETS": json.dumps([SECRET]),
                "FRONTDOOR_LOG_LEVEL": "ERROR",
            }
        )
        try:
            await _send(
                http, gateway.url + HealthieWebhooks.path, per_second=per_second, seconds=1
            )  # connections, caches
            load, before = os.getloadavg()[0], _processor_seconds(gateway.pid)
            taken, refused = await _send(
                http, gateway.url + HealthieWebhooks.path, per_second=per_second, seconds=seconds
            )
            spent = _processor_seconds(gateway.pid) - before
        finally:
            gateway.kill()
    taken.sort()
    return Acknowledged(
        per_second=per_second,
        deliveries=len(taken),
        median=_at(taken, 0.5),
        p99=_at(taken, 0.99),
        longest=_at(taken, 1.0),
        refused=refused,
        cpu_each=round(spent * 1000 / len(taken), 2),
        load=round(load, 1),
    )


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 1)


def _processor_seconds(pid: int) -> float:
    """The processor seconds of the process so far, threads included."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


async def _send(
    http: httpx2.AsyncClient, url: str, *, per_second: int, seconds: int
) -> tuple[list[float], int]:
    """Send the deliveries; returns the latency of each in seconds, and how many were not acknowledged."""
    began, count = time.perf_counter(), per_second * seconds
    taken: list[float] = []
    refused = 0

    async def deliver(number: int) -> None:
        nonlocal refused
        due = began + number / per_second
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        said = {
            "resource_id": str(number % RESOURCES),
            "resource_id_type": "Appointment",
            "event_type": "appointment.updated",
            "changed_fields": ["pm_status"],
        }
        body = json.dumps(said).encode()
        headers = signed_headers(url=url, body=body, secret=SECRET)
        answer = await http.post(url, content=body, headers=headers)
        taken.append(time.perf_counter() - due)
        refused += not answer.is_success

    await asyncio.gather(*map(deliver, range(count)))
    return taken, refused


def shown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table, for docs/reliability.md."""
    rows = [
        (
            DATABASES[name],
            f"{one['per_second']}/s",
            f"{one['deliveries']:,}",
            f"{one['median']:.1f} ms",
            f"{one['p99']:.1f} ms",
            f"{P99_AIM:.0f} ms",
            f"{one['longest']:.1f} ms",
            f"{one['cpu_each']:.2f} ms",
            str(one["refused"]),
            f"{one['load']:.1f}",
        )
        for name, one in figures.items()
    ]
    return titled(
        "From sending a webhook to its acknowledgement, kept durably",
        (
            "",
            "sent",
            "deliveries",
            "median",
            "p99",
            "aim",
            "longest",
            "the gateway's processor, each",
            "not acknowledged",
            "load of the machine before",
        ),
        rows,
    )
