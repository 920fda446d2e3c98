"""Context: the request's data that resolvers may use."""

from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import strawberry

from booking.principals import Caller, PrincipalKind
from booking.services import Services
from booking.work_context import ANONYMOUS
from schema.errors import VisitorTokenRequired


class TokenIssuer(Protocol):
    """Issues the tokens of the API."""

    def visitor(self) -> str:
        """A new visitor token."""

    def guest(self, checkout_id: str) -> str:
        """The guest token of this checkout; always the same one."""


@dataclass(kw_only=True)
class ResponseNotes:
    """The status and headers to set on the HTTP response; written by resolvers and extensions."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Course:
    """The progress of a request."""

    changing: bool = False  # a mutation has begun: it runs to its end, even when the client disconnects


@dataclass(frozen=True, kw_only=True)
class Context:
    """The context of one request."""

    services: Services
    tokens: TokenIssuer
    caller: Caller | None  # None: no credentials
    request_id: str
    client: str | None = None  # pseudonym of the network the request came from; None: unknown
    idempotency_key: str | None = None  # from the header
    response: ResponseNotes = field(default_factory=ResponseNotes)
    course: Course = field(default_factory=Course)

    @property
    def actor(self) -> str:
        """The caller's name in logs and audit records: their principal's key, or `anonymous`."""
        return ANONYMOUS if self.caller is None else self.caller.principal.key

    @property
    def sender(self) -> str:
        """By whom fair queues of the gateway count: the network's pseudonym; the caller where the network is not known."""
        return self.client or self.actor

    @property
    def identified(self) -> Caller:
        """The caller. Raises VisitorTokenRequired when the request has no credentials."""
        if self.caller is None:
            raise VisitorTokenRequired
        return self.caller

    @property
    def shopper(self) -> Caller:
        """The caller as the owner of new holds and checkouts. A guest token cannot own new ones: its visitor token is used.

        Raises VisitorTokenRequired.
        """
        caller = self.identified
        if caller.principal.kind is not PrincipalKind.GUEST:
            return caller
        if caller.visitor is None:
            raise VisitorTokenRequired
        return replace(caller, principal=caller.visitor)


Info: TypeAlias = strawberry.Info[Context, None]
