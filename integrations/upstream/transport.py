"""HTTP transport to a system of record: one connection pool, the timeouts, and the reply of one attempt.

URLs, headers, bodies and the meaning of a response body are up to the adapter family.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from integrations.upstream.errors import (
    CallError,
    NoAnswer,
    NotSent,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
)
from integrations.upstream.http_wire import HttpWire
from integrations.upstream.wire import ConnectionLost, HttpRequest, NotConnected, TimedOut, Wire

# Catalogues and records are answered well within this, and a patient waits for them.
READ_TIMEOUT = 10.0
# Availability is computed over calendars and is known to be slow.
SLOW_READ_TIMEOUT = 15.0
# Charges and bookings involve a card processor and calendars; one and the reads around it fit into a step's minute.
MUTATION_TIMEOUT = 20.0
# More at once would only queue upstream: Healthie locks out callers of some forty rapid requests.
MAX_CONNECTIONS = 20

# In every API these mean that nothing was executed. Any other status may come after execution.
_STATUS_REFUSALS: Mapping[int, type[CallError]] = {401: Unauthorized, 403: Unauthorized, 429: RateLimited}

_ERRORS = range(400, 600)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One operation, ready to be sent. The pool sends a Message for it."""

    operation: str  # the adapter family's name for it
    mutation: bool  # sent only once; its outcome may stay unknown
    kind: str  # operations of one kind share a breaker, because they fail together
    public: bool = False  # neither request nor response holds patient data
    patient_id: str | None = None  # upstream's id of the patient whom it names
    variables: Mapping[str, Any] = field(repr=False)  # its parameters as JSON values
    timeout: float  # seconds until the response begins, and between its parts
    budget: float  # seconds for all attempts at a read together


@dataclass(frozen=True, kw_only=True)
class Message:
    """The HTTP request of one attempt."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(default=None, repr=False)  # JSON; None: no body


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The result of one attempt: data to decode, or an error."""

    status: int | None = None  # HTTP; None: no response
    request_id: str | None = None  # upstream's own, for its support
    data: Any = field(default=None, repr=False)
    error: CallError | None = None


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """A raw HTTP response, not yet classified."""

    status: int
    request_id: str | None  # upstream's own, for its support
    content: bytes = field(repr=False)

    @cached_property
    def body(self) -> Any:
        """The content as JSON; None: not JSON."""
        return _json(self.content)

    def failed(self, error: CallError) -> Reply:
        """A reply with this error."""
        return Reply(status=self.status, request_id=self.request_id, error=error)

    def brought(self, data: object) -> Reply:
        """A reply with this data to decode."""
        return Reply(status=self.status, request_id=self.request_id, data=data)


class HttpPool:
    """One pool of connections per process. `wire` replaces the network in tests."""

    def __init__(self, *, wire: Wire | None = None) -> None:
        self._wire = wire or HttpWire(connections=MAX_CONNECTIONS)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._wire.aclose()

    async def send(self, request: Request, message: Message) -> HttpAnswer | Reply:
        """Make one attempt. Returns the response for the adapter family to classify (see `refused_by`, `unusable`), or a failed Reply.

        Never raises for anything that upstream or the network does.
        """
        try:
            received = await self._wire.exchange(_http_request(message), within=request.timeout)
        except NotConnected:
            return Reply(error=NotSent(request.operation))
        except TimedOut:
            return Reply(error=lost(request, "timeout"))
        except ConnectionLost:
            return Reply(error=lost(request, "connection_lost"))
        return HttpAnswer(
            status=received.status,
            request_id=received.headers.get("x-request-id"),
            content=received.content,
        )


def _http_request(message: Message) -> HttpRequest:
    if message.body is None:
        return HttpRequest(method=message.method, url=message.url, headers=message.headers)
    body = json.dumps(message.body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return HttpRequest(
        method=message.method,
        url=message.url,
        headers={**message.headers, "Content-Type": "application/json"},
        content=body.encode(),
    )


def refused_by(request: Request, status: int) -> CallError | None:
    """The error for an HTTP status that is a refusal by itself: 401, 403 or 429. None for any other status."""
    refused = _STATUS_REFUSALS.get(status)
    return refused(request.operation) if refused else None


def unusable(request: Request, status: int) -> CallError:
    """The error for a response that cannot be used, by its status."""
    return lost(request, f"http_{status}" if status in _ERRORS else "unreadable_answer")


def lost(request: Request, code: str) -> CallError:
    """The error for an attempt without a usable response: UnknownOutcome for a mutation, NoAnswer for a read."""
    return UnknownOutcome(request.operation, code) if request.mutation else NoAnswer(request.operation, code)


def _json(content: bytes) -> Any:
    """The JSON value; None where it is none. What the fast decoder refuses, such as half of a surrogate pair, the lenient one decides."""
    for decode in (msgspec.json.decode, json.loads):
        try:
            return decode(content)
        except (ValueError, RecursionError):
            continue
    return None
