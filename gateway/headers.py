"""The headers of a request, indexed once: each lookup is one step, and only values that somebody asks for are decoded."""

from collections.abc import Sequence
from typing import Protocol


class Headers(Protocol):
    """What authentication and limits read of a request's headers; Starlette's `Headers` fit too."""

    def get(self, key: str, /) -> str | None:
        """The first value of the header of this name, in any case; None when there is none."""

    def getlist(self, key: str, /) -> list[str]:
        """The values of all headers of this name, in the order in which they were sent."""


class RequestHeaders:
    """Implements Headers over the pairs of an ASGI scope, whose names are in lower case."""

    __slots__ = ("_first", "raw")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self.raw = raw
        self._first = dict(reversed(raw))  # of several values the first remains

    def get(self, key: str, /) -> str | None:
        """The first value of this name; None when there is none."""
        value = self._first.get(key.lower().encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def getlist(self, key: str, /) -> list[str]:
        """All values of this name."""
        name = key.lower().encode("latin-1")
        return [value.decode("latin-1") for found, value in self.raw if found == name]
