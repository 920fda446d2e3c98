"""Free slots: an offer without what is held, claimed or too soon, cut into days. Plain numbers throughout; see `SlotColumns`."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain, pairwise
from math import ceil, floor

from booking.slot_columns import SlotColumns
from booking.slots import Busy
from booking.zones import day_start


def bookable_of(slots: SlotColumns, *, now: datetime, notice: timedelta) -> SlotColumns:
    """The slots that have not begun, and start after the notice."""
    return slots.between(max(floor(now.timestamp()) + 1, ceil((now + notice).timestamp())))


def free_of(slots: SlotColumns, busy: Iterable[Busy]) -> SlotColumns:
    """The slots that overlap no held or claimed interval of their clinician; the same object where that is all of them.

    An overlap is that of `Interval.overlaps`. Only slots near a taken time are looked at, each against one span of its clinician.
    """
    taken = _by_clinician(busy)
    if not taken:
        return slots
    free = [True] * len(slots)
    for index in _near(slots, taken.values()):
        start, spans = slots.starts[index], taken.get(slots.clinician_ids[index])
        free[index] = spans is None or spans.are_free(start, start + 60 * slots.minutes[index])
    return slots if all(free) else slots.selected(free)


def cut_into_days(
    slots: SlotColumns, *, first: date, last: date, time_zone: str
) -> Iterator[tuple[date, SlotColumns]]:
    """Each day first..last in the time zone with the slots that start on it."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 2)]
    for day, following in pairwise(days):
        yield day, slots.between(day_start(day, time_zone), day_start(following, time_zone))


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


def _near(slots: SlotColumns, taken: Iterable[_Spans]) -> Iterator[int]:
    """The indices of the slots that overlap any taken time, whoever's it is, and of some beside them; each once."""
    longest = 60 * max(slots.minutes, default=0)
    near = _Spans()
    for start, end in sorted(chain.from_iterable(zip(one.starts, one.ends, strict=True) for one in taken)):
        near.add(start - longest, end)
    for start, end in zip(near.starts, near.ends, strict=True):
        yield from range(bisect_left(slots.starts, start), bisect_left(slots.starts, end))


def _by_clinician(busy: Iterable[Busy]) -> dict[str, _Spans]:
    """The taken time of each clinician who has any. Slots start and end on whole seconds, so parts of one count as all of it."""
    spans: dict[str, _Spans] = {}
    for clinician_id, start, end in sorted(map(_whole_seconds, busy)):
        spans.setdefault(clinician_id, _Spans()).add(start, end)
    return spans


def _whole_seconds(busy: Busy) -> tuple[str, int, int]:
    return busy.clinician_id, floor(busy.interval.start.timestamp()), ceil(busy.interval.end.timestamp())
