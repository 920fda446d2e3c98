"""Figures of rounds: medians with their spread, and ratios of what was measured in the same round."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Middle:
    """The median of samples, with the range that eight of ten lie in."""

    median: float
    low: float  # 10 %
    high: float  # 90 %


def middle(samples: Sequence[float]) -> Middle:
    """The median and the spread of at least one sample."""
    ordered = sorted(samples)
    return Middle(median=statistics.median(ordered), low=_at(ordered, 0.1), high=_at(ordered, 0.9))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Middle:
    """Ours over theirs, round by round: what slows the machine for a while slows both."""
    return middle([one / other for one, other in zip(ours, theirs, strict=True)])


def best(samples: Mapping[str, Sequence[float]]) -> str:
    """The name with the lowest median."""
    return min(samples, key=lambda name: statistics.median(samples[name]))


def _at(ordered: Sequence[float], share: float) -> float:
    """The value below which this share lies, between the two nearest samples."""
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
