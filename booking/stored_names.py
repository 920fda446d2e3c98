"""Names that are stored: states, reasons, kinds and events. Two versions of this program may share one database for a while.

What a newer version stored is kept, and written back, as the text that it is. It is never guessed at.
"""

from enum import StrEnum
from typing import TypeVar

from booking.errors import UpstreamUnavailable

E = TypeVar("E", bound=StrEnum)


class Unknown(str):
    """A stored name that this version does not know. It equals its text, and no name that is known."""

    __slots__ = ()


def known(kind: type[E], text: str) -> E | Unknown:
    """The name that the text stands for, or the text."""
    try:
        return kind(text)
    except ValueError:
        return Unknown(text)


def known_here(kind: type[E], text: str, *, where: str) -> E:
    """The name that the text stands for. Raises UpstreamUnavailable: it is for the newer version that stored it there."""
    try:
        return kind(text)
    except ValueError:
        raise UpstreamUnavailable(where) from None


def known_or_none(kind: type[E], text: str | None) -> E | Unknown | None:
    """The same of a column that may be empty."""
    return known(kind, text) if text else None
