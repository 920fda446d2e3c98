"""Wire: carries one HTTP request to a system of record and its answer back. What it cannot carry it raises by what is known of it.

`http_wire.HttpWire` is the real one; tests put another in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

# A host that does not accept a connection within this (seconds) is unreachable; nothing has been sent yet.
CONNECT_TIMEOUT = 5.0


class WireError(Exception):
    """There is no whole answer. Its text holds nothing of request or answer."""


class NotConnected(WireError):
    """No connection was made: certainly nothing was sent."""


class TimedOut(WireError):
    """The answer, or its next part, did not come in time. The request may have been executed."""


class ConnectionLost(WireError):
    """The connection broke, or brought no HTTP. The request may have been executed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResponse:
    """One HTTP response, read to its end and decompressed. Header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Wire(Protocol):
    """Sends a request once and never again by itself; follows no redirect, and keeps no cookie."""

    async def exchange(self, request: HttpRequest, *, within: float) -> HttpResponse:
        """Send the request and read the answer. Raises WireError.

        `within`: seconds to wait for a free connection, and for each part of the answer. Connecting has CONNECT_TIMEOUT.
        """

    async def aclose(self) -> None:
        """Close all connections."""
