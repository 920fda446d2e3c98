"""Slots and days as the API shows them, mapped once as long as nothing of them changes.

A list of slots is built column by column, of plain values instead of Strawberry objects, which cost ten times as much.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
from strawberry import ID

from booking.catalog.model import ContactType
from booking.scheduling.search import Day
from booking.slot_columns import SlotColumns
from booking.slot_ids import slot_ids
from booking.zones import zone
from schema import slots as api
from schema.catalog import Clinician
from schema.catalog import ContactType as ApiContactType
from schema.shared import SharedList

Clinicians = Mapping[str, Clinician]

# Times are converted into the time zones of a country once, since all slots of a week share them; 6 MB at most.
_MOST_ZONES = 8
_MOST_MOMENTS = 4_000

_CONTACT_TYPES = {way: ApiContactType[way.name] for way in ContactType}


class SlotRow(msgspec.Struct, frozen=True, gc=False):
    """A slot with the attributes of `schema.slots.Slot`, which is what a resolver reads of it."""

    id: ID
    clinician_id: ID
    clinician: Clinician | None
    visit_type_id: ID
    contact_type: ApiContactType
    location_id: ID | None
    start: datetime  # in the time zone; slots at one time share it
    end: datetime
    time_zone: str
    minutes: int


def slot_rows(slots: SlotColumns, *, time_zone: str, clinicians: Clinicians) -> list[api.Slot]:
    """Map slots, with times in the time zone. The list is shared: never modify it."""
    ids = slot_ids(
        slots.clinician_ids,
        slots.starts,
        slots.minutes,
        visit_type_id=slots.visit_type_id,
        contact_type=slots.contact_type.value,
        location_id=slots.location_id,
    )
    moments = _moments(time_zone)
    ends = [start + 60 * minutes for start, minutes in zip(slots.starts, slots.minutes, strict=True)]
    rows = map(
        SlotRow,
        ids,
        slots.clinician_ids,
        map(clinicians.get, slots.clinician_ids),
        repeat(slots.visit_type_id),
        repeat(_CONTACT_TYPES[slots.contact_type]),
        repeat(slots.location_id),
        map(moments.__getitem__, slots.starts),
        map(moments.__getitem__, ends),
        repeat(time_zone),
        slots.minutes,
    )
    return cast("list[api.Slot]", SharedList(rows))


class _Moments(dict[int, datetime]):
    """Times in one zone by seconds since 1970."""

    def __init__(self, tz: ZoneInfo) -> None:
        self._tz = tz

    def __missing__(self, seconds: int) -> datetime:
        if len(self) >= _MOST_MOMENTS:
            self.clear()
        moment = self[seconds] = datetime.fromtimestamp(seconds, self._tz)
        return moment


@lru_cache(maxsize=_MOST_ZONES)
def _moments(time_zone: str) -> _Moments:
    return _Moments(zone(time_zone))


class _Content:
    """What is on a day, as a key. Its hash is of all slots: it is worked out once, not at each look and when the day is forgotten."""

    __slots__ = ("_hash", "parts")

    def __init__(self, *parts: object) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.parts == other.parts


class ShownDays:
    """Mapped days by what is on them. The results are shared: never modify them.

    A day that was read again and has the same slots is shown by the same list of slots, so whoever encodes it can remember the text.
    """

    def __init__(self, *, most_slots: int) -> None:
        """At most `most_slots` slots are remembered; the days that were mapped first are forgotten first."""
        self._most_slots = most_slots
        self._slots = 0
        self._clinicians: Clinicians = {}
        self._days: dict[_Content, api.Day] = {}

    def day(self, day: Day, *, time_zone: str, clinicians: Clinicians) -> api.Day:
        """Map a day. `clinicians` are all bookable ones; with another mapping of them all days are mapped anew."""
        if clinicians is not self._clinicians:
            self._days.clear()
            self._slots, self._clinicians = 0, clinicians
        key = _Content(day.date, time_zone, day.slots)
        shown = self._days.get(key)
        if shown is not None and (shown.as_of, shown.stale) == (day.as_of, day.stale):
            return shown
        if shown is None:
            slots = slot_rows(day.slots, time_zone=time_zone, clinicians=clinicians)
            self._make_room_for(len(slots))
        else:
            slots = shown.slots
        shown = self._days[key] = api.Day(date=day.date, slots=slots, as_of=day.as_of, stale=day.stale)
        return shown

    def _make_room_for(self, slots: int) -> None:
        self._slots += slots + 1
        while self._slots > self._most_slots and self._days:
            oldest = self._days.pop(next(iter(self._days)))
            self._slots -= len(oldest.slots) + 1
