"""WorkContext: on whose behalf the current task works, on which checkout, and its deadline. A context variable that child tasks inherit.

The audit trail records it with each upstream call, and the send queue takes sender, lane and deadline from it. Work that several
callers share (see `SingleFlight`) is audited as the first caller's; it has the rank of the best-placed caller, and goes on as
long as one of them waits.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from booking.audit.model import SYSTEM_ACTOR
from booking.changes.model import RequestedChange
from booking.checkout.model import Checkout
from booking.checkout.transitions import LATE, UNDER_WAY
from booking.errors import UpstreamUnavailable
from booking.fair_queue import Asker, Sender
from booking.pacing import Lane
from booking.principals import block_of, is_anonymous, kind_of

# The actor of a request without any credentials.
ANONYMOUS = "anonymous"


class Sent(Protocol):
    """Is told of a call that is about to be sent upstream."""

    def __call__(self, *, is_scarce: bool) -> object:
        """`is_scarce`: so many are sent that further ones may soon have to wait for the rate limit."""


@dataclass(frozen=True, kw_only=True)
class WorkContext:
    """Who asked for the work, and what it is for. Names and opaque ids, never patient data."""

    actor: str = SYSTEM_ACTOR  # or a principal's key, ANONYMOUS, "worker"
    client: str | None = None  # pseudonym of the network the request came from; None: unknown
    request_id: str | None = None  # of the request to our own API
    checkout_id: str | None = None
    owner_kind: str | None = None  # of the checkout: visitor, guest or patient
    patient_id: str | None = None  # the checkout's patient, once known
    lane: Lane | None = None  # None: that of the sharers, or browsing when it is not shared
    deadline: float | None = None  # of its reads, in the event loop's time; None: each has its own budget
    # The callers that currently wait for it, when it is shared.
    sharers: Collection["WorkContext"] | None = field(default=None, repr=False, compare=False)
    # Called when an upstream call is about to be sent, after its wait in the queue; again when it is sent again.
    sent: Sent | None = field(default=None, repr=False, compare=False)

    @cached_property
    def sender(self) -> Sender:
        """The sender in the fair queue.

        Anonymous callers get new identities for free, so they are grouped by network, and those of unknown network form one
        group. Networks are cheap too (an IPv6 /48 holds thousands), so they are grouped by block of addresses.
        """
        if self.actor == ANONYMOUS or is_anonymous(self.actor):
            client = self.client or ""
            return (f"block:{block_of(client)}", f"network:{client}", self.actor)
        return (self.actor,)

    def askers(self) -> Sequence[Asker]:
        """The callers that currently wait for it, each with their lane."""
        if self.sharers is None:
            return self._alone
        return [
            asker if self.lane is None else replace(asker, lane=self.lane)
            for work in self.sharers
            for asker in work.askers()
        ]

    @cached_property
    def _alone(self) -> Sequence[Asker]:
        """Whoever asked, without others: the same as long as the work lasts, and asked for at each choice of the send queue."""
        return (Asker(sender=self.sender, lane=Lane.BROWSING if self.lane is None else self.lane),)

    @property
    def urgent(self) -> bool:
        """Whether a checkout under way waits for it."""
        return any(asker.lane is Lane.CHECKOUT for asker in self.askers())

    @property
    def audited_as(self) -> str:
        """The actor's name in the audit; for background work on a checkout, with the kind of the checkout's owner."""
        asked = ":" in self.actor or self.owner_kind is None
        return self.actor if asked else f"{self.actor} for {self.owner_kind}"


_DEFAULT = WorkContext()

current_work: ContextVar[WorkContext] = ContextVar("current_work", default=_DEFAULT)


class _Working:
    """Sets the work of everything inside."""

    __slots__ = ("_token", "_work")

    def __init__(self, work: WorkContext) -> None:
        self._work = work
        self._token: Token[WorkContext] | None = None

    def __enter__(self) -> None:
        self._token = current_work.set(self._work)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            current_work.reset(self._token)


def asked_by(
    actor: str,
    *,
    request_id: str | None = None,
    client: str | None = None,
    lane: Lane | None = None,
    seconds: float | None = None,
) -> AbstractContextManager[None]:
    """Everything inside is done at the request of this actor, from this network; it waits as `waiting` says."""
    deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
    return _Working(
        WorkContext(actor=actor, client=client, request_id=request_id, lane=lane, deadline=deadline)
    )


def working_for(checkout: Checkout) -> AbstractContextManager[None]:
    """Everything inside is done for this checkout, with the actor unchanged. Removes the request's deadline."""
    return _Working(
        replace(
            current_work.get(),
            checkout_id=checkout.id,
            owner_kind=kind_of(checkout.owner),
            patient_id=checkout.patient_id,
            lane=Lane.CHECKOUT if checkout.state in UNDER_WAY | LATE else None,
            deadline=None,
        )
    )


def working_for_change(change: RequestedChange) -> AbstractContextManager[None]:
    """Everything inside is done for this change of a visit, as `working_for` a checkout.

    The audit trail shows it under the checkout that booked the visit; under the change itself where the practice booked it.
    """
    return _Working(
        replace(
            current_work.get(),
            checkout_id=change.checkout_id or change.id,
            owner_kind=kind_of(change.owner),
            patient_id=change.patient_id,
            lane=Lane.CHECKOUT,
            deadline=None,
        )
    )


def waiting(*, lane: Lane | None, seconds: float | None = None) -> AbstractContextManager[None]:
    """Everything inside waits in this lane (None: that of its sharers, or browsing), for `seconds` at most (None: as before)."""
    work = current_work.get()
    deadline = work.deadline if seconds is None else asyncio.get_running_loop().time() + seconds
    return _Working(replace(work, lane=lane, deadline=deadline))


def noting_sends(sent: Sent) -> AbstractContextManager[None]:
    """Call `sent` whenever an upstream call is sent inside: what was asked then is what the answer tells."""
    return _Working(replace(current_work.get(), sent=sent))


def note_send(*, is_scarce: bool = False) -> None:
    """An upstream call is about to be sent; `is_scarce`: further ones may soon have to wait for the rate limit."""
    if (sent := current_work.get().sent) is not None:
        sent(is_scarce=is_scarce)


def shared_by(sharers: Collection[WorkContext]) -> AbstractContextManager[None]:
    """Everything inside is done for these callers, each with their own deadline.

    The collection may change meanwhile.
    """
    return _Working(replace(current_work.get(), lane=None, deadline=None, sharers=sharers))


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Cancel what is inside at the context's deadline, and raise UpstreamUnavailable."""
    try:
        async with asyncio.timeout_at(current_work.get().deadline) as limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise UpstreamUnavailable("the caller's time is over") from None
        raise
