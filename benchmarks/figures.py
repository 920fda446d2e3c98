"""Statistics of samples, and Markdown tables of them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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


def titled(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table with a title above it."""
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{title}**\n\n{table}"
