"""The HTTP connection to a system of record: one pool, the timeouts, and what one attempt brought back.

What goes over the wire (addresses, headers, bodies) and what an answer's body says are the adapter family's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from integrations.upstream.errors import (
    CallError,
    NoAnswer,
    NotSent,
    RateLimited,
    Unauthorized,
    UnknownOutcome,
)

# Catalogues and records are answered well within this; a patient waits for them.
READ_TIMEOUT = 10.0
# Availability is computed over calendars and is known to be slow.
SLOW_READ_TIMEOUT = 15.0
# Charges and bookings reach a card processor and calendars; one and the reads around it fit into a step's minute.
MUTATION_TIMEOUT = 20.0
# A host that does not accept a connection within this is not there; nothing has been sent yet.
CONNECT_TIMEOUT = 5.0
# More at once would only queue upstream: Healthie locks out callers of some forty rapid requests.
MAX_CONNECTIONS = 20

# What these mean is the same in every API: nothing was executed. Any other status may have come after.
_STATUS_REFUSALS: Mapping[int, type[CallError]] = {401: Unauthorized, 403: Unauthorized, 429: RateLimited}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One operation, ready to be sent; what the pool sends for it is a Message."""

    operation: str  # the adapter family's name for it
    mutation: bool  # it changes something: it is sent once, and what became of it may stay unknown
    kind: str  # operations of one kind fail together: they share a breaker
    public: bool = False  # what is asked and what comes back holds no patient data
    patient_id: str | None = None  # upstream's id of the patient whom it names
    variables: Mapping[str, Any] = field(repr=False)  # its parameters, as JSON has them
    timeout: float  # seconds, for the whole answer to begin and between its parts
    budget: float  # seconds for all attempts at a read together


@dataclass(frozen=True, kw_only=True)
class Message:
    """What goes over the wire for one attempt."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(default=None, repr=False)  # JSON; None: there is none


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one attempt brought back: data to decode, or what went wrong."""

    status: int | None = None  # HTTP; None: no answer came
    request_id: str | None = None  # upstream's own, for its support
    data: Any = field(default=None, repr=False)
    error: CallError | None = None


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What a server answered, before anybody has judged it."""

    status: int
    request_id: str | None  # upstream's own, for its support
    body: Any = field(repr=False)  # JSON; None: it is none

    def failed(self, error: CallError) -> Reply:
        """The reply that it is when it cannot be used."""
        return Reply(status=self.status, request_id=self.request_id, error=error)

    def brought(self, data: object) -> Reply:
        """The reply that it is with this to decode."""
        return Reply(status=self.status, request_id=self.request_id, data=data)


class HttpPool:
    """One pooled HTTP client per process. `transport` replaces the network (tests, other HTTP stacks)."""

    def __init__(self, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._client = httpx2.AsyncClient(
            transport=transport,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            # All keys share this client: a session that one was given must not be sent with another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def aclose(self) -> None:
        """Close it."""
        await self._client.aclose()

    async def send(self, request: Request, message: Message) -> HttpAnswer | Reply:
        """Make one attempt: the answer, to be judged by the adapter family (`refused_by` and `unusable` help), or why there is none.

        Never raises for what upstream or the network does.
        """
        try:
            response = await self._client.request(
                message.method,
                message.url,
                json=message.body,
                headers=dict(message.headers),
                timeout=httpx2.Timeout(request.timeout, connect=CONNECT_TIMEOUT),
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol):
            return Reply(error=NotSent(request.operation))
        except httpx2.TimeoutException:
            return Reply(error=lost(request, "timeout"))
        except httpx2.HTTPError:
            return Reply(error=lost(request, "connection_lost"))
        return HttpAnswer(
            status=response.status_code,
            request_id=response.headers.get("x-request-id"),
            body=_json(response),
        )


def refused_by(request: Request, status: int) -> CallError | None:
    """The refusal that an HTTP status is by itself: who asks may not, or asks too often."""
    refused = _STATUS_REFUSALS.get(status)
    return refused(request.operation) if refused else None


def unusable(request: Request, status: int) -> CallError:
    """The error for an answer that cannot be used, by its status."""
    return lost(request, f"http_{status}" if httpx2.codes.is_error(status) else "unreadable_answer")


def lost(request: Request, code: str) -> CallError:
    """The error for an attempt whose outcome was not seen: of a change it is not known, a read may be repeated."""
    return UnknownOutcome(request.operation, code) if request.mutation else NoAnswer(request.operation, code)


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
