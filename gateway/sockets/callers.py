"""Whose socket it is: what it says of its caller, and how it ends when that is nobody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.datastructures import Headers

from gateway.callers.authentication import VISITOR_HEADER
from gateway.errors import as_request_error
from gateway.rates import TooManyRequests
from gateway.requests import request_id_of
from gateway.sockets.messages import Close, Malformed

# Read from the payload of connection_init, since pages cannot set headers; nothing else of it is.
CREDENTIALS = ("authorization", VISITOR_HEADER)

# What HTTP answers whoever is surely nobody.
FORBIDDEN = (401, 403)


@contextmanager
def who_asks() -> Iterator[None]:
    """Raise Close for what it meets: whoever may be somebody, as far as can be told now, is to come again."""
    try:
        yield
    except TooManyRequests as error:
        raise Close(1013, "Too many requests") from error
    except Exception as error:
        if as_request_error(error, request_id=request_id_of(None)).status in FORBIDDEN:
            raise Close(4403, "Forbidden") from error
        raise Close(1013, "Try again later") from error


def with_credentials(headers: Headers, payload: Mapping[str, Any]) -> Headers:
    """The upgrade's headers, with what the payload says of the caller in place of theirs."""
    given = {name.lower(): value for name, value in payload.items() if name.lower() in CREDENTIALS}
    if not all(isinstance(value, str | None) for value in given.values()):
        raise Malformed("payload names the caller by strings")
    said = {name: value.encode("latin-1", "replace") for name, value in given.items() if value is not None}
    kept = [(name, value) for name, value in headers.raw if name.decode("latin-1").lower() not in said]
    return Headers(raw=[*kept, *((name.encode(), value) for name, value in said.items())])
