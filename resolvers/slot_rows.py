"""Slots and days as the API shows them, mapped once as long as nothing of them changes.

A list of slots is built column by column, of plain values instead of Strawberry objects, which cost ten times as much.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast, overload
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
from schema.shared import SharedTable, shared

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


@shared
class SlotRows(SharedTable[SlotRow]):
    """Slots in the time zone, as columns: each is made when it is read. The rows are made when somebody looks at one."""

    def __init__(self, slots: SlotColumns, *, time_zone: str, clinicians: Clinicians) -> None:
        self._slots = slots
        self._time_zone = time_zone
        self._clinicians = clinicians
        self._rows: list[SlotRow] | None = None

    def column(self, name: str) -> Sequence[Any]:
        """Read this attribute of each slot, in order."""
        return _COLUMNS[name](self._slots, self._time_zone, self._clinicians)

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> SlotRow: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[SlotRow]: ...

    def __getitem__(self, index: int | slice) -> SlotRow | Sequence[SlotRow]:
        return self._all[index]

    def __iter__(self) -> Iterator[SlotRow]:
        return iter(self._all)

    @property
    def _all(self) -> list[SlotRow]:
        if self._rows is None:
            self._rows = list(map(SlotRow, *map(self.column, SlotRow.__struct_fields__)))
        return self._rows


def slot_rows(slots: SlotColumns, *, time_zone: str, clinicians: Clinicians) -> list[api.Slot]:
    """Map slots, with times in the time zone. The list is shared: never modify it."""
    return cast("list[api.Slot]", SlotRows(slots, time_zone=time_zone, clinicians=clinicians))


def _ids(slots: SlotColumns, time_zone: str) -> list[str]:
    return slot_ids(
        slots.clinician_ids,
        slots.starts,
        slots.minutes,
        visit_type_id=slots.visit_type_id,
        contact_type=slots.contact_type.value,
        location_id=slots.location_id,
        time_zone=time_zone,
    )


def _times(seconds: Iterable[int], time_zone: str) -> list[datetime]:
    return list(map(_moments(time_zone).__getitem__, seconds))


# How each attribute of a SlotRow is made of slots, the time zone and the clinicians.
_COLUMNS: Mapping[str, Callable[[SlotColumns, str, Clinicians], Sequence[Any]]] = {
    "id": lambda slots, time_zone, _: _ids(slots, time_zone),
    "clinician_id": lambda slots, _, __: slots.clinician_ids,
    "clinician": lambda slots, _, clinicians: list(map(clinicians.get, slots.clinician_ids)),
    "visit_type_id": lambda slots, _, __: [slots.visit_type_id] * len(slots),
    "contact_type": lambda slots, _, __: [_CONTACT_TYPES[slots.contact_type]] * len(slots),
    "location_id": lambda slots, _, __: [slots.location_id] * len(slots),
    "start": lambda slots, time_zone, _: _times(slots.starts, time_zone),
    "end": lambda slots, time_zone, _: _times(
        [start + 60 * minutes for start, minutes in zip(slots.starts, slots.minutes, strict=True)], time_zone
    ),
    "time_zone": lambda slots, time_zone, _: [time_zone] * len(slots),
    "minutes": lambda slots, _, __: slots.minutes,
}


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
