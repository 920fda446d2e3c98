"""From samples to figures."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


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
