"""What a resolver knows about its request, and nothing else."""

from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import strawberry

from booking.principals import Caller, PrincipalKind
from booking.services import Services
from schema.errors import VisitorTokenRequired


class TokenIssuer(Protocol):
    """Tokens that the API hands out."""

    def visitor(self) -> str:
        """A fresh visitor token."""

    def guest(self, checkout_id: str) -> str:
        """The token that opens this checkout; the same one every time."""


@dataclass(kw_only=True)
class ResponseNotes:
    """What the answer to this request shall carry besides its body."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Course:
    """How far a request has come."""

    changing: bool = False  # a mutation has begun: it is finished, whoever has left


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request."""

    services: Services
    tokens: TokenIssuer
    caller: Caller | None  # None: nobody that we know
    request_id: str
    client: str | None = None  # the network that they come from, made unreadable; None: not known
    idempotency_key: str | None = None  # from the header
    response: ResponseNotes = field(default_factory=ResponseNotes)
    course: Course = field(default_factory=Course)

    @property
    def identified(self) -> Caller:
        """Whoever asks. Raises VisitorTokenRequired when nobody does."""
        if self.caller is None:
            raise VisitorTokenRequired
        return self.caller

    @property
    def shopper(self) -> Caller:
        """Whoever asks, as the owner of new holds and checkouts: a guest token opens its checkout and starts nothing.

        Raises VisitorTokenRequired.
        """
        caller = self.identified
        if caller.principal.kind is not PrincipalKind.GUEST:
            return caller
        if caller.visitor is None:
            raise VisitorTokenRequired
        return replace(caller, principal=caller.visitor)


Info: TypeAlias = strawberry.Info[Context, None]
