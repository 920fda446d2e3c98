"""Stored names: enum values in the database (states, reasons, kinds, events) that may come from a newer version of the program.

Two versions share one database during a deployment. A name that this version does not know is kept and written back as
text, never mapped to a known one.
"""

from enum import StrEnum
from typing import TypeVar

from booking.errors import UpstreamUnavailable

E = TypeVar("E", bound=StrEnum)


class Unknown(str):
    """A stored name that this version does not know. It equals its own text, and no known name."""

    __slots__ = ()


def known(kind: type[E], text: str) -> E | Unknown:
    """The enum member for the text, or the text as an Unknown."""
    try:
        return kind(text)
    except ValueError:
        return Unknown(text)


def known_here(kind: type[E], text: str, *, where: str) -> E:
    """The enum member for the text.

    Raises UpstreamUnavailable (text: `where`): only the newer version that stored it can act on it.
    """
    try:
        return kind(text)
    except ValueError:
        raise UpstreamUnavailable(where) from None


def known_or_none(kind: type[E], text: str | None) -> E | Unknown | None:
    """As `known`, for a nullable column."""
    return known(kind, text) if text else None
