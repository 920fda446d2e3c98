"""Converts Healthie's scalars to and from Python values.

`ISO8601DateTime` is parsed in every format that Healthie has been observed to write:
`2026-01-30 12:15:00 -0700`, `2021-10-10 10:00:00 EDT -04:00` and plain ISO 8601.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

# An alias of ours: a generated field called `datetime` would hide the class from the fields after it.
Moment = datetime

Json = Any

# Availability returns hundreds of times in this format, so it is parsed by position, which is faster.
_PLAIN_LENGTH = len("2026-01-30 12:15:00 -0700")

_ZONE_NAME = re.compile(r"\s+(?:[A-Z]{1,5}\s+)?(?=(?:[+-]\d{2}:?\d{2}|Z)$)|\s+(?=UTC$)")


def parse_moment(value: object) -> datetime:
    """Parse a time with an offset; returns UTC. Raises ValueError for anything else: no zone is guessed."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        moment = datetime.fromisoformat(_iso(value))
    else:
        raise ValueError("a time is written as text")  # noqa: TRY004 - pydantic turns ValueError into a field error
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # in the first or the last hours of the calendar
        raise ValueError("a time that is none in UTC") from None


def _iso(text: str) -> str:
    """The text as plain ISO 8601, without the space or zone name before the offset."""
    if len(text) == _PLAIN_LENGTH and text[19] == " ":
        return text[:19] + text[20:]
    return _ZONE_NAME.sub("", text.strip(), count=1).replace("UTC", "Z")


def write_moment(value: datetime) -> str:
    """Format a time with its offset. Raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("a time without an offset")
    return value.isoformat(timespec="seconds")


def parse_json(value: object) -> Json:
    """Parse a JSON value, which Healthie returns either decoded or as the text that was sent.

    Invalid JSON stays text.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
