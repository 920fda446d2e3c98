"""The gateway over time: how soon it starts, and what memory it has at its start and after many requests."""

import statistics
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.figures import titled
from benchmarks.peers.cases import CASES
from benchmarks.peers.checks import check
from benchmarks.peers.gateways import gateway
from benchmarks.peers.rounds import Loader
from benchmarks.peers.stage import stage

STARTS = 5

# Of the requests, those about free time; the others are about plans.
_SHARE = 0.1
_SLICE_SECONDS = 5.0


def measure(*, starts: int = STARTS, requests: int) -> dict[str, Any]:
    """Start it some times, then ask one so often."""
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        seconds, cpu, megabytes = [], [], []
        for _ in range(starts):
            with gateway(ground) as one:
                seconds.append(one.server.started)
                cpu.append(one.server.cpu_seconds())
                megabytes.append(one.server.megabytes())
        one = exits.enter_context(gateway(ground))
        cases = [CASES["plans"], CASES["slots100"]]
        loaders = [Loader(case, ground.practice) for case in cases]
        for case in cases:
            check(one, case, ground.practice)
        memory: list[tuple[int, float]] = []
        done = [0, 0]
        while sum(done) < requests:
            which = int(done[1] < _SHARE * sum(done))
            done[which] += loaders[which].ask(one, _SLICE_SECONDS).answers
            memory.append((sum(done), round(one.server.megabytes(), 1)))
            print(f"{sum(done):,} requests: {memory[-1][1]} MB", file=sys.stderr, flush=True)
    return {
        "starts": starts,
        "start_seconds": round(statistics.median(seconds), 2),
        "start_cpu": round(statistics.median(cpu), 2),
        "start_megabytes": round(statistics.median(megabytes), 1),
        "memory": memory,
    }


def shown(figures: Mapping[str, Any]) -> str:
    """The figures as a Markdown table."""
    memory = figures["memory"]
    rows = [
        (
            f"from a start until it listens, median of {figures['starts']}",
            f"{figures['start_seconds']:.2f} s",
        ),
        ("processor time of a start", f"{figures['start_cpu']:.2f} s"),
        ("memory then", f"{figures['start_megabytes']:.0f} MB"),
        *(
            (f"memory after {requests:,} requests", f"{megabytes:.0f} MB")
            for requests, megabytes in (_after(memory, share) for share in (0.1, 0.5, 1))
        ),
    ]
    return titled("One gateway process over time", ("", ""), rows)


def _after(memory: list[tuple[int, float]], share: float) -> tuple[int, float]:
    """The first figure taken after this share of the requests."""
    requests, megabytes = next(one for one in memory if one[0] >= memory[-1][0] * share)
    return requests, megabytes
