"""What a practice needs, derived from the measured figures: processor, memory and upstream requests by bookings an hour."""

import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.figures import titled
from benchmarks.peers.gateways import GATEWAY
from benchmarks.peers.table import digits

BOOKINGS = (10, 100, 1000)

# What people ask for each visit that is booked: most look and do not book.
PLANS_READ = 10
FREE_TIME_READ = 20  # questions of 400 slots in two days, each one request upstream
HOLDS = 2

# The busiest minutes of the hour against its mean, and how busy a core may be then: the rest is for spikes.
_PEAK = 3
_BUSY = 0.5


def cpu_of_booking(results: Mapping[str, Any]) -> float:
    """Milliseconds of a gateway's processor time for one booking, with all that is asked before."""
    costs, steps = results["peers"]["costs"], results["writes"]["steps"]
    plans = statistics.median(costs["plans"][GATEWAY])
    free_time = statistics.median(costs["slots400"][GATEWAY])
    checkout = steps["startCheckout"]["cpu"] + steps["confirmCheckout"]["cpu"]
    return float(
        PLANS_READ * plans + FREE_TIME_READ * free_time + HOLDS * steps["holdSlot"]["cpu"] + checkout
    )


def upstream_of_booking(results: Mapping[str, Any]) -> float:
    """Requests upstream for one booking, with all that is asked before."""
    calls = {name: step["upstream_calls"] for name, step in results["writes"]["steps"].items()}
    checkout = calls["startCheckout"] + calls["confirmCheckout"]
    return float(FREE_TIME_READ + HOLDS * calls["holdSlot"] + checkout)


def shown(results: Mapping[str, Any]) -> str:
    """A table by bookings an hour; nothing without the parts that it is derived from."""
    if not {"peers", "writes", "growth"} <= set(results):
        return ""
    cpu, megabytes = cpu_of_booking(results), results["growth"]["memory"][-1][1]
    upstream = upstream_of_booking(results)
    rows = [_row(bookings, cpu, megabytes, upstream) for bookings in BOOKINGS]
    head = (
        "bookings an hour",
        "API requests a second",
        "of a core",
        "gateways of one core",
        "memory of them",
        "requests upstream a second",
    )
    said = (
        f"For each booking: {PLANS_READ} reads of plans, {FREE_TIME_READ} questions about 400 slots, {HOLDS} holds and a checkout, "
        f"{cpu / 1000:.2f} s of processor time in all. The busiest minutes have {_PEAK} times the mean of their hour, and a core is then "
        f"{_BUSY:.0%} busy at most. Requests upstream are those of differing questions; PostgreSQL, Redis and the worker come on top."
    )
    return f"{titled('What a practice needs, in its busiest minutes', head, rows)}\n\n{said}"


def _row(bookings: int, cpu: float, megabytes: float, upstream: float) -> tuple[str, ...]:
    a_second = bookings * _PEAK / 3600
    cores = a_second * cpu / 1000
    gateways = max(1, math.ceil(cores / _BUSY))
    requests = PLANS_READ + FREE_TIME_READ + HOLDS + 2
    return (
        f"{bookings:,}",
        digits(a_second * requests),
        f"{cores:.1%}",
        str(gateways),
        f"{gateways * megabytes:,.0f} MB",
        digits(a_second * upstream),
    )
