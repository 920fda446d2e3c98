"""Parts of the report that are about reads: who is asked what by how many, in interleaved rounds."""

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.figures import titled
from benchmarks.peers import contenders, rounds
from benchmarks.peers.cases import CASES
from benchmarks.peers.checks import check_all
from benchmarks.peers.contenders import Contender
from benchmarks.peers.gateways import GATEWAY, gateway
from benchmarks.peers.practice import CLINICIANS
from benchmarks.peers.questions import Case
from benchmarks.peers.ratios import middle, ratio
from benchmarks.peers.rounds import Sample
from benchmarks.peers.stage import Stage, stage
from benchmarks.peers.table import costs_table, digits, spread

# What a gateway is held against: those who answer the same GraphQL, and ask for it each time.
RIVALS = (contenders.MERCURIUS, contenders.NAIVE)

_ALL = (*RIVALS, contenders.MERCURIUS_CACHED, contenders.PASSTHROUGH, contenders.CANNED)
# Callers at once of large answers: with more the last of them would wait longer than a request may.
_FEW = 8

_SOME = (contenders.MERCURIUS, contenders.PASSTHROUGH)

HEADS = {
    "plans": "plans (20)",
    "slots400": "400 slots",
    "slots2000": "2,000 slots",
    "same400": "400 slots, one question",
    "same2000": "2,000 slots, one question",
}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long is measured."""

    rounds: int
    seconds: float  # of a contender and a case in a round
    requests: int = 100_000  # after which memory is looked at
    connections: int = 32  # callers at once, where nothing else is said


def peers(pace: Pace) -> dict[str, Any]:
    """The gateway and all peers: plans, few and many slots, differing questions and one identical one."""
    cases = [replace(CASES[name], connections=pace.connections) for name in HEADS]
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        figures = measured(ground, [*_opened(exits, ground, _ALL)], cases, pace)
    return figures | {"connections": pace.connections}


def sizes(pace: Pace) -> dict[str, Any]:
    """By slots of an answer."""
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        cases = [replace(CASES[f"slots{size}"], connections=_FEW) for size in (100, 400, 1000, 2000, 5000)]
        return measured(ground, [*_opened(exits, ground, _SOME)], cases, pace)


def connections(pace: Pace) -> dict[str, Any]:
    """By callers at once."""
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        cases = [
            replace(CASES[name], name=f"{name}, {width} at once", connections=width)
            for name in ("plans", "slots400")
            for width in (1, 32, 128)
        ]
        return measured(ground, [*_opened(exits, ground, _SOME)], cases, pace)


def clinicians(pace: Pace) -> dict[str, Any]:
    """By clinicians of the practice, each 400 slots. Each practice has processes of its own, so these are no rounds across sizes."""
    figures: dict[str, Any] = {}
    for count in (1, CLINICIANS, 200):
        with ExitStack() as exits:
            ground = exits.enter_context(stage(clinicians=count))
            case = replace(CASES["slots400"], name=f"clinicians: {count}")
            one = measured(ground, [*_opened(exits, ground, _SOME)], [case], pace)
        figures = one | {
            "costs": figures.get("costs", {}) | one["costs"],
            "waits": figures.get("waits", {}) | one["waits"],
        }
    return figures


def _opened(exits: ExitStack, ground: Stage, names: Sequence[str]) -> Sequence[Contender]:
    ours = exits.enter_context(gateway(ground))
    return [ours, *(exits.enter_context(contenders.peer(ground, name)) for name in names)]


def measured(
    ground: Stage, compared: Sequence[Contender], cases: Sequence[Case], pace: Pace
) -> dict[str, Any]:
    """Check that all answer what is asked, measure, and return the figures as JSON values."""
    check_all(compared, cases, ground.practice)
    samples = rounds.measure(compared, cases, ground.practice, rounds=pace.rounds, seconds=pace.seconds)
    return {
        "rounds": pace.rounds,
        "seconds": pace.seconds,
        "costs": {
            case: {name: [round(each.cpu, 4) for each in of] for name, of in row.items()}
            for case, row in samples.items()
        },
        "waits": {case: {name: _waits(of) for name, of in row.items()} for case, row in samples.items()},
    }


def _waits(samples: Sequence[Sample]) -> dict[str, float]:
    """Medians over the rounds: requests a second, and milliseconds that 50, 90 and 99 % of them took at most."""
    fifty, ninety, ninety_nine = (
        round(statistics.median(one.milliseconds[which] for one in samples), 2) for which in range(3)
    )
    rate = round(statistics.median(one.rate for one in samples), 1)
    return {"rate": rate, "p50": fifty, "p90": ninety, "p99": ninety_nine}


def shown(title: str, figures: Mapping[str, Any]) -> str:
    """The figures of a part as a Markdown table."""
    return costs_table(figures["costs"], against=RIVALS, title=title, heads=HEADS)


def shown_peers(figures: Mapping[str, Any]) -> str:
    """The table of all peers, and the gateway's ratios that have an aim."""
    costs = figures["costs"]

    def against(case: str, name: str) -> str:
        return spread(ratio(costs[case][GATEWAY], costs[case][name]))

    rows = [
        (
            "plans (20), against Mercurius, which asks each time",
            against("plans", contenders.MERCURIUS),
            "1.0",
        ),
        ("400 slots, against Mercurius", against("slots400", contenders.MERCURIUS), "1.5"),
        ("2,000 slots, against Mercurius", against("slots2000", contenders.MERCURIUS), "1.0"),
        ("plans (20), against a canned answer", against("plans", contenders.CANNED), "4"),
        (
            "plans (20), against Mercurius with plans in memory",
            against("plans", contenders.MERCURIUS_CACHED),
            "",
        ),
        ("400 slots, one question against many", against_itself(costs, "same400", "slots400"), ""),
        ("2,000 slots, one question against many", against_itself(costs, "same2000", "slots2000"), ""),
    ]
    table = shown(
        f"CPU ms a request at {figures['connections']} connections: median (10-90 %) of {figures['rounds']} rounds, and its ratio to the better of Mercurius and Strawberry",
        figures,
    )
    return (
        f"{table}\n\n{titled('CPU time of the gateway, as a ratio', ('', 'measured', 'aim at most'), rows)}"
    )


def against_itself(costs: Mapping[str, Mapping[str, Sequence[float]]], one: str, other: str) -> str:
    """The gateway's cost of one case over its cost of another."""
    return spread(ratio(costs[one][GATEWAY], costs[other][GATEWAY]))


def shown_connections(figures: Mapping[str, Any]) -> str:
    """CPU and latency by callers at once."""
    costs, waits = figures["costs"], figures["waits"]
    rows = [
        (
            case,
            name,
            spread(middle(costs[case][name])),
            f"{waits[case][name]['rate']:,.0f}",
            " / ".join(digits(waits[case][name][share]) for share in ("p50", "p90", "p99")),
        )
        for case in costs
        for name in costs[case]
    ]
    head = ("", "", "CPU ms a request", "requests a second", "latency, ms: 50 / 90 / 99 %")
    return titled("By callers at once", head, rows)
