"""Errors of a request: the caller's mistakes that no result union speaks of. They end in `errors[]`.

RequestError
├── VisitorTokenRequired   a mutation from nobody
└── …                      the gateway's own: limits, idempotency keys, HTTP
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class RequestError(Exception):
    """The caller's mistake; `message` tells what to do and repeats nothing that was sent."""

    code = "BAD_REQUEST"
    message = "This request cannot be answered."
    status = 400  # of the HTTP answer
    retryable = False
    headers: Mapping[str, str] = MappingProxyType({})
    details: Mapping[str, Any] = MappingProxyType({})  # for programs, in `extensions`

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)


class VisitorTokenRequired(RequestError):
    """Whoever is not signed in needs a visitor token to own anything."""

    code = "VISITOR_TOKEN_REQUIRED"
    message = (
        "Query newVisitorToken once, keep the token, and send it with every request in the header "
        "Frontdoor-Visitor; or sign in."
    )
