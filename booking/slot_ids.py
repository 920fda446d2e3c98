"""Ids of slots: all fields of a slot as text, in URL-safe Base64. They hold no patient data; `Slot.from_id` reads them.

Base64 encodes three bytes at a time, so an id is put together from two pieces that many slots share: the clinician with the kind of
visit, and the time. Both are remembered.
"""

import base64
from collections.abc import Iterable, Sequence
from functools import lru_cache

# The clinicians of a large practice with some kinds of visits, and the times of some weeks: 2 MB in all.
_MOST_CLINICIANS = 2_000
_MOST_TIMES = 8_000


def slot_ids(
    clinician_ids: Sequence[str],
    starts: Iterable[int],
    minutes: Iterable[int],
    *,
    visit_type_id: str,
    contact_type: str,
    location_id: str | None,
    time_zone: str | None = None,
) -> list[str]:
    """The ids of slots of one kind. `starts` in seconds since 1970 (UTC). `time_zone`: in which they are shown; part of the id."""
    kind = (visit_type_id, contact_type, location_id, time_zone)
    first = {one: _first(one, *kind) for one in {*clinician_ids}}
    return [
        head + _last(left_over, start, length)
        for (head, left_over), start, length in zip(
            map(first.__getitem__, clinician_ids), starts, minutes, strict=True
        )
    ]


@lru_cache(maxsize=_MOST_CLINICIANS)
def _first(
    clinician_id: str, visit_type_id: str, contact_type: str, location_id: str | None, time_zone: str | None
) -> tuple[str, bytes]:
    """The first piece of an id, and the bytes that are left over for the last one."""
    shown_in = f"{time_zone}|" if time_zone else ""
    raw = f"{shown_in}{clinician_id}|{visit_type_id}|{contact_type}|{location_id or ''}|".encode()
    whole = len(raw) - len(raw) % 3
    return _encoded(raw[:whole]), raw[whole:]


@lru_cache(maxsize=_MOST_TIMES)
def _last(left_over: bytes, start: int, minutes: int) -> str:
    """The last piece of an id."""
    return _encoded(left_over + f"{start}|{minutes}".encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
