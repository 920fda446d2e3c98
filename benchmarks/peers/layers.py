"""Where a request's processor time goes, layer by layer: the gateway beside the byte pass-through, and what lies between them."""

import json
import os
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import titled
from benchmarks.peers import contenders, rounds
from benchmarks.peers.cases import CASES
from benchmarks.peers.checks import check_all
from benchmarks.peers.gateways import GATEWAY, gateway
from benchmarks.peers.reads import HEADS, Pace
from benchmarks.peers.sampled import LAYERS, OTHER
from benchmarks.peers.stage import stage
from benchmarks.peers.table import digits

_CASES = ("plans", "slots400", "slots2000")
_CONNECTIONS = 8


def measure(pace: Pace) -> dict[str, Any]:
    """Milliseconds a request by layer, and those of the pass-through, for each case."""
    cases = [replace(CASES[name], connections=_CONNECTIONS) for name in _CASES]
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        told = ground.directory / "layers.json"
        program = [sys.executable, "-m", "benchmarks.peers.sampled", str(told)]
        ours = exits.enter_context(gateway(ground, program=program))
        floor = exits.enter_context(contenders.peer(ground, contenders.PASSTHROUGH))
        check_all([ours, floor], cases, ground.practice)
        figures: dict[str, Any] = {}
        for case in cases:
            loader = rounds.Loader(case, ground.practice)
            rounds.warm(loader, ours)
            _counted(ours.server.pid, told)
            counts: Counter[str] = Counter()
            costs: dict[str, list[float]] = {GATEWAY: [], contenders.PASSTHROUGH: []}
            for _ in range(pace.rounds):
                costs[GATEWAY].append(loader.ask(ours, pace.seconds).cpu)
                counts.update(_counted(ours.server.pid, told))
                costs[contenders.PASSTHROUGH].append(loader.ask(floor, pace.seconds).cpu)
            whole = statistics.median(costs[GATEWAY])
            figures[case.name] = {
                "whole": round(whole, 4),
                "floor": round(statistics.median(costs[contenders.PASSTHROUGH]), 4),
                "layers": {name: round(whole * count / counts.total(), 4) for name, count in counts.items()},
            }
    return figures


def _counted(pid: int, told: Path) -> Mapping[str, int]:
    """The samples since the last time."""
    told.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    while not told.exists():
        time.sleep(0.01)
    counts: dict[str, int] = json.loads(told.read_text())
    return counts


def shown(figures: Mapping[str, Any]) -> str:
    """A row a layer, the sum, and the floor."""
    rows = [
        (name, *(_cell(of_case["layers"].get(name, 0.0), of_case["whole"]) for of_case in figures.values()))
        for name in [*LAYERS, OTHER]
    ]
    rows.append(("**all of it**", *(digits(of_case["whole"]) for of_case in figures.values())))
    rows.append((contenders.PASSTHROUGH, *(digits(of_case["floor"]) for of_case in figures.values())))
    title = (
        "Where the CPU time of a request goes, in ms: what is left between the gateway and the pass-through"
    )
    return titled(title, ("", *(HEADS[case] for case in figures)), rows)


def _cell(milliseconds: float, whole: float) -> str:
    return f"{digits(milliseconds)} ({milliseconds / whole:.0%})"
