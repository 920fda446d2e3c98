"""The comparison as tables."""

from collections.abc import Mapping, Sequence

from benchmarks.figures import titled
from benchmarks.peers.ratios import Middle, best, middle, ratio

# Milliseconds of processor time a request, round by round, by case and contender.
Costs = Mapping[str, Mapping[str, Sequence[float]]]


def costs_table(costs: Costs, *, peers: Sequence[str]) -> str:
    """Processor time a request for every contender (rows) and case (columns), and its ratio to the best of these peers."""
    cases = list(costs)
    contenders = list(next(iter(costs.values())))
    rows = []
    for name in contenders:
        cells = []
        for case in cases:
            of_peers = {one: costs[case][one] for one in peers if one in costs[case]}
            own = _figure(middle(costs[case][name]))
            if not of_peers or (name in peers and name == best(of_peers)):
                cells.append(own)
            else:
                cells.append(f"{own}, {_ratio(ratio(costs[case][name], of_peers[best(of_peers)]))}")
        rows.append((name, *cells))
    return titled("CPU ms a request, median (10-90 %), and its ratio to the best peer", ("", *cases), rows)


def _figure(of: Middle) -> str:
    return f"{_digits(of.median)} ({_digits(of.low)}-{_digits(of.high)})"


def _ratio(of: Middle) -> str:
    return f"{_digits(of.median)}x ({_digits(of.low)}-{_digits(of.high)})"


def _digits(value: float) -> str:
    """Two or three significant digits."""
    if value >= 10:  # noqa: PLR2004
        return f"{value:.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"
