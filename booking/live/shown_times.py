"""Shown times: what live queries show as held or claimed, so that the change poller compares that with what is.

The poller's own last look is not enough: a reading may have met a hold that came after one look and went before the next. To the poller
nothing differs then, and the subscribers would see a time as taken that is free.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from booking.slots import Busy, Interval

Taken = Mapping[str, frozenset[Interval]]


@dataclass(frozen=True, kw_only=True)
class _Shown:
    span: Interval
    clinician_ids: frozenset[str]
    taken: Taken


@dataclass(frozen=True, kw_only=True)
class ShownTimes:
    """What each reader last read; it is forgotten with its reader."""

    _readers: WeakKeyDictionary[object, _Shown] = field(default_factory=WeakKeyDictionary)

    def show(
        self, reader: object, *, clinician_ids: frozenset[str], span: Interval, busy: Iterable[Busy]
    ) -> None:
        """The reader shows these holds and claims of these clinicians within the span, and no others."""
        self._readers[reader] = _Shown(span=span, clinician_ids=clinician_ids, taken=by_clinician(busy))

    def outdated(self, taken: Taken) -> set[str]:
        """The clinicians of whom a reader shows something else than this."""
        return {
            one
            for shown in list(self._readers.values())
            for one in shown.clinician_ids
            if _within(shown.span, taken.get(one)) != _within(shown.span, shown.taken.get(one))
        }


def by_clinician(busy: Iterable[Busy]) -> dict[str, frozenset[Interval]]:
    """The taken intervals of each clinician who has any."""
    taken: dict[str, set[Interval]] = {}
    for one in busy:
        taken.setdefault(one.clinician_id, set()).add(one.interval)
    return {one: frozenset(intervals) for one, intervals in taken.items()}


def _within(span: Interval, intervals: Iterable[Interval] | None) -> set[Interval]:
    return {one for one in intervals or () if one.overlaps(span)}
