"""What the system of record offers of a clinician's day, as this process has last read it."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.ports import Clock
from booking.scheduling.recent_slots import STALE
from booking.slots import Interval, Slot

# A day shrinks as visits are booked: what was read longer ago than this counts for nothing.
KEPT = timedelta(minutes=5)

# Days of clinicians that are remembered; the one that was read longest ago goes first, and is then as good as unknown.
MOST = 10_000

_Day = tuple[str, date]  # clinician; UTC


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What one kind of visit was offered of a day."""

    at: datetime  # UTC
    offered: tuple[Interval, ...]  # apart from each other, ascending


class OfferedDays:
    """Remembers each day by kind of visit: a day's minutes are those that any of them may take."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._days: OrderedDict[_Day, dict[object, _Reading]] = OrderedDict()

    def learn(self, slot: Slot, offered: Iterable[Slot]) -> None:
        """Remember what was read just now of the slot's clinician, day, visit type and way to meet."""
        readings = self._days.setdefault(_day(slot), {})
        mine = [one.interval for one in offered if one.clinician_id == slot.clinician_id]
        readings[_kind(slot)] = _Reading(at=self._clock.now(), offered=_merged(mine))
        self._days.move_to_end(_day(slot))
        while len(self._days) > MOST:
            self._days.popitem(last=False)

    def offered(self, slot: Slot) -> tuple[Interval, ...]:
        """What is offered of the slot's day for any visit, apart from each other, ascending; empty when nobody has read it lately."""
        now = self._clock.now()
        known = self._days.get(_day(slot), {}).values()
        return _merged([span for one in known if now - one.at < KEPT for span in one.offered])

    def just_read(self, slot: Slot) -> bool:
        """Whether what is offered of this kind of visit on this day was read a moment ago."""
        reading = self._days.get(_day(slot), {}).get(_kind(slot))
        return reading is not None and self._clock.now() - reading.at < STALE


def minutes_of(spans: Iterable[Interval]) -> int:
    """How long they are together."""
    return sum((span.end - span.start) // timedelta(minutes=1) for span in spans)


def _day(slot: Slot) -> _Day:
    return slot.clinician_id, slot.day


def _kind(slot: Slot) -> object:
    return slot.visit_type_id, slot.contact_type, slot.location_id


def _merged(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same time without overlaps: a day's slots may begin every quarter of an hour and last an hour."""
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda one: one.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Interval(start=merged[-1].start, end=max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return tuple(merged)
