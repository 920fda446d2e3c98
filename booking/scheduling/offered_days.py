"""Offered days: the time that the system of record offers of each clinician's day, as this process last read it."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.ports import Clock
from booking.scheduling.offer_windows import STALE
from booking.slots import Interval, Slot

# An offer shrinks as visits are booked: readings older than this are ignored.
KEPT = timedelta(minutes=5)

# Clinician-days in the cache; the least recently read one is evicted first, and is then unknown again.
MOST = 10_000

_Day = tuple[str, date]  # clinician; UTC


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """The offer of one day for one kind of visit."""

    at: datetime  # UTC
    offered: tuple[Interval, ...]  # disjoint, ascending


class OfferedDays:
    """Caches the offer of each day by kind of visit; the time on offer is the union over the kinds."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._days: OrderedDict[_Day, dict[object, _Reading]] = OrderedDict()

    def learn(self, slot: Slot, offered: Iterable[Slot]) -> None:
        """Store what was read just now for the slot's clinician, day, visit type, contact type and location."""
        readings = self._days.setdefault(_day(slot), {})
        mine = [one.interval for one in offered if one.clinician_id == slot.clinician_id]
        readings[_kind(slot)] = _Reading(at=self._clock.now(), offered=_merged(mine))
        self._days.move_to_end(_day(slot))
        while len(self._days) > MOST:
            self._days.popitem(last=False)

    def offered(self, slot: Slot) -> tuple[Interval, ...]:
        """The intervals offered on the slot's day for any visit, disjoint and ascending; empty when it was not read lately."""
        now = self._clock.now()
        known = self._days.get(_day(slot), {}).values()
        return _merged([span for one in known if now - one.at < KEPT for span in one.offered])

    def just_read(self, slot: Slot) -> bool:
        """Whether the offer of this kind of visit on this day was read less than 15 seconds ago."""
        reading = self._days.get(_day(slot), {}).get(_kind(slot))
        return reading is not None and self._clock.now() - reading.at < STALE


def minutes_of(spans: Iterable[Interval]) -> int:
    """The total length in whole minutes."""
    return sum((span.end - span.start) // timedelta(minutes=1) for span in spans)


def _day(slot: Slot) -> _Day:
    return slot.clinician_id, slot.day


def _kind(slot: Slot) -> object:
    return slot.visit_type_id, slot.contact_type, slot.location_id


def _merged(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """The union as disjoint intervals: slots may begin every quarter of an hour and last an hour."""
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda one: one.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Interval(start=merged[-1].start, end=max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return tuple(merged)
