"""Free slots: an offer without what is held, claimed or too soon, cut into days. Plain numbers throughout; see `SlotColumns`."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil, floor

from booking.slot_columns import SlotColumns
from booking.slots import Busy
from booking.zones import day_start


def bookable_of(slots: SlotColumns, *, now: datetime, notice: timedelta) -> SlotColumns:
    """The slots that have not begun, and start after the notice."""
    return slots.between(max(floor(now.timestamp()) + 1, ceil((now + notice).timestamp())))


def free_of(slots: SlotColumns, busy: Iterable[Busy]) -> SlotColumns:
    """The slots that overlap no held or claimed interval of their clinician; the same object where that is all of them.

    An overlap is that of `Interval.overlaps`. A slot is compared with at most one interval, since those of a clinician are disjoint
    and ascending here.
    """
    taken = _by_clinician(busy)
    if not taken:
        return slots
    free = [
        (spans := taken.get(clinician_id)) is None or spans.are_free(start, start + 60 * minutes)
        for start, clinician_id, minutes in slots.rows
    ]
    return slots if all(free) else slots.selected(free)


def days_of(
    slots: SlotColumns, *, first: date, last: date, time_zone: str
) -> Iterator[tuple[date, SlotColumns]]:
    """Each day first..last in the time zone with the slots that start on it."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 2)]
    starts = [day_start(day, time_zone) for day in days]
    for day, (start, end) in zip(days, pairwise(starts), strict=False):
        yield day, slots.between(start, end)


@dataclass(frozen=True, kw_only=True)
class _Spans:
    """Disjoint half-open spans in seconds since 1970, ascending."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, start: int, end: int) -> None:
        """Add a span that starts no sooner than those before it; one that touches the last extends it."""
        if self.ends and start <= self.ends[-1]:
            self.ends[-1] = max(self.ends[-1], end)
        else:
            self.starts.append(start)
            self.ends.append(end)

    def are_free(self, start: int, end: int) -> bool:
        """Whether none of them overlaps [start, end)."""
        after = bisect_right(self.ends, start)
        return after == len(self.ends) or end <= self.starts[after]


def _by_clinician(busy: Iterable[Busy]) -> dict[str, _Spans]:
    """The taken time of each clinician who has any. Slots start and end on whole seconds, so parts of one count as all of it."""
    spans: dict[str, _Spans] = {}
    for clinician_id, start, end in sorted(map(_whole_seconds, busy)):
        spans.setdefault(clinician_id, _Spans()).add(start, end)
    return spans


def _whole_seconds(busy: Busy) -> tuple[str, int, int]:
    return busy.clinician_id, floor(busy.interval.start.timestamp()), ceil(busy.interval.end.timestamp())
