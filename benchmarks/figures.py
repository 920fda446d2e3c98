"""Statistics of samples, and Markdown tables of them."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The names of the databases by their SQLAlchemy dialects.
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median and 95th percentile of samples, in milliseconds."""

    median: float
    p95: float
    samples: int


def spread(seconds: Sequence[float]) -> Spread:
    """The spread of samples in seconds."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Spread(
        median=round(statistics.median(ordered) * 1000, 3), p95=round(p95 * 1000, 3), samples=len(ordered)
    )


def put_between(document: str, begin: str, figures: str, end: str) -> str:
    """The document with these figures between its markers."""
    head, _, rest = document.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{figures}{end}{tail}"


def measured_when(results: Mapping[str, Any]) -> str:
    """The days on which the parts were measured, such as "between 2030-01-01 and 2030-01-03"."""
    days = sorted(set(results["measured"].values()))
    return str(days[0]) if len(days) == 1 else f"between {days[0]} and {days[-1]}"


def titled(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table with a title above it."""
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{title}**\n\n{table}"
