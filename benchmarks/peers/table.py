"""The comparison as a table."""

from collections.abc import Mapping, Sequence

from benchmarks.figures import titled
from benchmarks.peers.ratios import Middle, best, middle, ratio

# Milliseconds of processor time a request, round by round, by case and contender.
Costs = Mapping[str, Mapping[str, Sequence[float]]]


def costs_table(
    costs: Costs,
    *,
    against: Sequence[str],
    title: str = "CPU ms a request: median (10-90 %), and its ratio to the best peer",
    heads: Mapping[str, str] | None = None,
) -> str:
    """A row a contender, a column a case: the processor time of a request, and its ratio to the best of those that it is held against."""
    names = list(dict.fromkeys(name for of_case in costs.values() for name in of_case))
    rows = [(name, *(_cell(costs[case], name, against) for case in costs)) for name in names]
    return titled(title, ("", *((heads or {}).get(case, case) for case in costs)), rows)


def _cell(of_case: Mapping[str, Sequence[float]], name: str, against: Sequence[str]) -> str:
    if name not in of_case:
        return ""
    own = spread(middle(of_case[name]))
    held_against = {one: of_case[one] for one in against if one in of_case}
    if not held_against or name == best(held_against):
        return own
    return f"{own}, {spread(ratio(of_case[name], held_against[best(held_against)]), unit='x')}"


def spread(of: Middle, unit: str = "") -> str:
    """`1.2x (1.1-1.3)`."""
    return f"{digits(of.median)}{unit} ({digits(of.low)}-{digits(of.high)})"


def digits(value: float) -> str:
    """The value with two or three significant digits."""
    hundreds, tens = 100, 10
    if value >= hundreds:
        return f"{value:,.0f}"
    if value >= tens:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"
