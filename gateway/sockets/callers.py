"""Authentication of sockets: credentials from `connection_init`, and the close codes for callers that are rejected."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.callers.authentication import VISITOR_HEADER
from gateway.errors import as_request_error
from gateway.headers import RequestHeaders
from gateway.rates import TooManyRequests
from gateway.requests import request_id_of
from gateway.sockets.messages import Close, Malformed

# Read from the payload of connection_init, since pages cannot set headers. The rest of the payload is ignored.
CREDENTIALS = ("authorization", VISITOR_HEADER)

# HTTP statuses that mean the caller is rejected for good.
FORBIDDEN = (401, 403)


@contextmanager
def who_asks() -> Iterator[None]:
    """Turns errors inside the block into Close: 4403 when the caller is rejected, 1013 when a later attempt may succeed."""
    try:
        yield
    except TooManyRequests as error:
        raise Close(1013, "Too many requests") from error
    except Exception as error:
        if as_request_error(error, request_id=request_id_of(None)).status in FORBIDDEN:
            raise Close(4403, "Forbidden") from error
        raise Close(1013, "Try again later") from error


def with_credentials(headers: RequestHeaders, payload: Mapping[str, Any]) -> RequestHeaders:
    """The upgrade's headers, overridden by the payload's credentials. Raises Malformed when one is not a string or null."""
    given = {name.lower(): value for name, value in payload.items() if name.lower() in CREDENTIALS}
    if not all(isinstance(value, str | None) for value in given.values()):
        raise Malformed("payload names the caller by strings")
    overrides = {
        name.encode(): value.encode("latin-1", "replace")
        for name, value in given.items()
        if value is not None
    }
    kept = [(name, value) for name, value in headers.raw if name not in overrides]
    return RequestHeaders([*kept, *overrides.items()])
