"""Flat answers: the answer with thousands of records is decoded from its bytes into plain structs, twenty times faster.

Knows only the form that Healthie writes in practice. Any other answer (errors, another type in a field, a time that is none) is left
to the generated types, so that the one rule for what is lenient, skipped or refused is `decoding`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from integrations.healthie.generated.available_slots import AvailableSlots
from integrations.healthie.scalars import parse_moment

# The times of a practice's whole week in quarters of an hour, many times over; clinicians share most of them.
MOST_TIMES = 10_000


class FlatSlot(msgspec.Struct, gc=False):
    """A record of `AvailableSlots`, with the fields and types of the generated one."""

    user_id: str | None
    date: Any  # text; a time in UTC once the answer is read
    length: int | None
    is_fully_booked: bool | None


class _Data(msgspec.Struct):
    slots: list[FlatSlot] = msgspec.field(name="availableSlotsForRange")


class _Body(msgspec.Struct):
    data: _Data
    errors: Any = None
    extensions: Any = None


_SLOTS = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, kw_only=True)
class FlatAnswer:
    """A decoded answer without errors."""

    data: AvailableSlots  # its records are FlatSlots
    extensions: Any


def flat_answer(operation: str, content: bytes) -> FlatAnswer | None:
    """The decoded answer; None where the operation has no flat form, or its answer is not of that form."""
    if operation != "AvailableSlots":
        return None
    try:
        body = _SLOTS.decode(content)
        moments = {text: _moment(text) for text in {each.date for each in body.data.slots}}
        for each in body.data.slots:
            each.date = moments[each.date]
    except (ValueError, TypeError, RecursionError):
        return None
    if body.errors:
        return None
    slots: list[Any] = body.data.slots
    return FlatAnswer(
        data=AvailableSlots.model_construct(available_slots_for_range=slots), extensions=body.extensions
    )


@lru_cache(maxsize=MOST_TIMES)
def _moment(text: str | None) -> datetime | None:
    """The time, shared by all answers and records that have it. Raises ValueError."""
    return None if text is None else parse_moment(text)
