"""Ids of slots: all fields of a slot as text, in URL-safe Base64. They hold no patient data; `Slot.from_id` reads them.

Base64 encodes three bytes at a time, so the ids of many slots are put together from pieces that they share: the clinician with the
kind of visit, and the time.
"""

import base64
from collections.abc import Iterable


def slot_id(
    *,
    clinician_id: str,
    visit_type_id: str,
    contact_type: str,
    location_id: str | None,
    start: int,
    minutes: int,
) -> str:
    """The id of one slot. `start` in seconds since 1970 (UTC)."""
    return _encoded(_whose(clinician_id, visit_type_id, contact_type, location_id) + _when(start, minutes))


def slot_ids(
    times: Iterable[tuple[int, int]],
    clinician_ids: Iterable[str],
    *,
    visit_type_id: str,
    contact_type: str,
    location_id: str | None,
) -> list[str]:
    """The ids of slots of one kind, each as `slot_id` gives it. `times` are starts with minutes."""
    people = _People(visit_type_id, contact_type, location_id)
    return [
        head + tails[time]
        for (head, tails), time in zip(map(people.__getitem__, clinician_ids), times, strict=True)
    ]


def _whose(clinician_id: str, visit_type_id: str, contact_type: str, location_id: str | None) -> bytes:
    return f"{clinician_id}|{visit_type_id}|{contact_type}|{location_id or ''}|".encode()


def _when(start: int, minutes: int) -> bytes:
    return f"{start}|{minutes}".encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class _Tails(dict[tuple[int, int], str]):
    """The last piece of an id by time, after the bytes that the first piece has left over."""

    def __init__(self, left_over: bytes) -> None:
        self._left_over = left_over

    def __missing__(self, time: tuple[int, int]) -> str:
        tail = self[time] = _encoded(self._left_over + _when(*time))
        return tail


class _People(dict[str, tuple[str, _Tails]]):
    """The first piece of an id by clinician, with the pieces that may follow it."""

    def __init__(self, visit_type_id: str, contact_type: str, location_id: str | None) -> None:
        self._kind = visit_type_id, contact_type, location_id
        self._tails: dict[bytes, _Tails] = {}

    def __missing__(self, clinician_id: str) -> tuple[str, _Tails]:
        whose = _whose(clinician_id, *self._kind)
        whole = len(whose) - len(whose) % 3
        left_over = whose[whole:]
        tails = self._tails.setdefault(left_over, _Tails(left_over))
        pieces = self[clinician_id] = _encoded(whose[:whole]), tails
        return pieces
