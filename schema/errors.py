"""RequestError: mistakes of the caller that are in no result union. They are returned in `errors[]`.

RequestError
├── VisitorTokenRequired   the request has no credentials
└── …                      the gateway's own: limits, idempotency keys, HTTP
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class RequestError(Exception):
    """A mistake of the caller. `message` says what to do and never repeats anything that was sent."""

    code = "BAD_REQUEST"
    message = "This request cannot be answered."
    status = 400  # HTTP
    retryable = False
    headers: Mapping[str, str] = MappingProxyType({})
    details: Mapping[str, Any] = MappingProxyType({})  # for programs, in `extensions`

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)


class VisitorTokenRequired(RequestError):
    """A caller who is not signed in needs a visitor token to own anything."""

    code = "VISITOR_TOKEN_REQUIRED"
    message = (
        "Query newVisitorToken once, keep the token, and send it with every request in the header "
        "Frontdoor-Visitor; or sign in."
    )
