"""What authentication, limits, audit and logs cost a public read: the gateway with all of them, and with each left out in turn."""

import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.figures import titled
from benchmarks.peers.cases import CASES
from benchmarks.peers.gateways import GATEWAY, gateway
from benchmarks.peers.ratios import middle
from benchmarks.peers.reads import HEADS, Pace, measured
from benchmarks.peers.stage import stage
from benchmarks.peers.table import digits, spread
from benchmarks.peers.without import DUTIES

_CASES = ("plans", "slots400")
ALL = "all four"

# Milliseconds: the most that all four together may add.
AIM = 0.1


def measure(pace: Pace) -> dict[str, Any]:
    """The gateway, and one gateway for each duty without it, in interleaved rounds."""
    left_out = {**{name: name for name in DUTIES}, ALL: ",".join(DUTIES)}
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        compared = [exits.enter_context(gateway(ground))]
        for name, duties in left_out.items():
            program = [sys.executable, "-m", "benchmarks.peers.without", duties]
            compared.append(exits.enter_context(gateway(ground, f"without {name}", program=program)))
        return measured(ground, compared, [CASES[name] for name in _CASES], pace)


def shown(figures: Mapping[str, Any]) -> str:
    """What each adds, as the difference within a round."""
    costs = figures["costs"]

    def added(case: str, name: str) -> str:
        return spread(middle(_differences(costs[case][GATEWAY], costs[case][f"without {name}"])))

    rows = [
        (name, *(added(case, name) for case in costs), digits(AIM) if name == ALL else "")
        for name in [*DUTIES, ALL]
    ]
    whole = ("(the whole request)", *(digits(statistics.median(costs[case][GATEWAY])) for case in costs), "")
    head = ("", *(HEADS[case] for case in costs), "aim at most")
    return titled("CPU ms that a public read takes more with it: median (10-90 %)", head, [*rows, whole])


def _differences(whole: Sequence[float], without: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(whole, without, strict=True)]
