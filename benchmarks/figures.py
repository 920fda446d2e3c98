"""From samples to figures, and from figures to a table."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# How the databases are called, by their dialects.
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How samples lie, in milliseconds."""

    median: float
    p95: float
    samples: int


def spread(seconds: Sequence[float]) -> Spread:
    """Say where the samples lie."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Spread(
        median=round(statistics.median(ordered) * 1000, 3), p95=round(p95 * 1000, 3), samples=len(ordered)
    )


def titled(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """The rows under their head as a table of Markdown, with its title above it."""
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{title}**\n\n{table}"
