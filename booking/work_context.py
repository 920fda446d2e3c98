"""What the present task does, for whom and until when: its upstream calls are audited by it, and wait for their turn by it.

Tasks that are made inherit it. Work that several callers share (see `SingleFlight`) is told as the first caller's; it waits where
the first of them would wait, and as long as one of them is there.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from booking.audit.model import SYSTEM_ACTOR
from booking.checkout.model import Checkout
from booking.checkout.transitions import LATE, UNDER_WAY
from booking.errors import UpstreamUnavailable
from booking.fair_queue import Asker, Sender
from booking.pacing import Lane
from booking.principals import block_of, is_anonymous, kind_of

# Who has not said who they are.
ANONYMOUS = "anonymous"


@dataclass(frozen=True, kw_only=True)
class WorkContext:
    """Who asked for what is being done, and what it is done for. Names and opaque ids, never patient data."""

    actor: str = SYSTEM_ACTOR  # or a principal's key, ANONYMOUS, "worker"
    client: str | None = None  # the network that they come from, made unreadable; None: not known
    request_id: str | None = None  # of the request to our own API
    checkout_id: str | None = None
    owner_kind: str | None = None  # of the checkout: visitor, guest or patient
    patient_id: str | None = None  # whom the checkout is for, once they are known
    lane: Lane | None = None  # None: the one of those who share it; of one's own work, browsing
    deadline: float | None = None  # of its reads, in the event loop's time; None: each has its own
    # Who waits for it at this moment, where it is shared.
    sharers: Collection["WorkContext"] | None = field(default=None, repr=False, compare=False)

    @property
    def sender(self) -> Sender:
        """In whose turn it waits.

        Names cost nothing until somebody has signed in, so all of a network are one sender, and so are all of whom neither is known.
        Nor do networks: whoever has an IPv6 /48 has thousands, so those of one block of addresses are one sender, too.
        """
        if self.actor == ANONYMOUS or is_anonymous(self.actor):
            client = self.client or ""
            return (f"block:{block_of(client)}", f"network:{client}", self.actor)
        return (self.actor,)

    def askers(self) -> list[Asker]:
        """Those who wait for it at this moment, and in which lane."""
        if self.sharers is None:
            return [Asker(sender=self.sender, lane=Lane.BROWSING if self.lane is None else self.lane)]
        return [
            asker if self.lane is None else replace(asker, lane=self.lane)
            for work in self.sharers
            for asker in work.askers()
        ]

    @property
    def urgent(self) -> bool:
        """Whether a checkout that is under way waits for it."""
        return any(asker.lane is Lane.CHECKOUT for asker in self.askers())

    @property
    def told_as(self) -> str:
        """The actor; where nobody asked in this moment, also whose kind of checkout it is done for."""
        asked = ":" in self.actor or self.owner_kind is None
        return self.actor if asked else f"{self.actor} for {self.owner_kind}"


_NOBODY = WorkContext()

current_work: ContextVar[WorkContext] = ContextVar("current_work", default=_NOBODY)


@contextmanager
def asked_by(actor: str, *, request_id: str | None = None, client: str | None = None) -> Iterator[None]:
    """Everything inside was asked for by this actor, from this network."""
    with _working(WorkContext(actor=actor, client=client, request_id=request_id)):
        yield


@contextmanager
def working_for(checkout: Checkout) -> Iterator[None]:
    """Everything inside is done for this checkout, by whoever asked before; a request's deadline is none of a checkout's."""
    with _working(
        replace(
            current_work.get(),
            checkout_id=checkout.id,
            owner_kind=kind_of(checkout.owner),
            patient_id=checkout.patient_id,
            lane=Lane.CHECKOUT if checkout.state in UNDER_WAY | LATE else None,
            deadline=None,
        )
    ):
        yield


@contextmanager
def waiting(*, lane: Lane | None, seconds: float | None = None) -> Iterator[None]:
    """Everything inside waits in this lane, and so many seconds at most; None: as before."""
    work = current_work.get()
    deadline = work.deadline if seconds is None else asyncio.get_running_loop().time() + seconds
    with _working(replace(work, lane=lane, deadline=deadline)):
        yield


@contextmanager
def shared_by(sharers: Collection[WorkContext]) -> Iterator[None]:
    """Everything inside is done for these, each of whom has a deadline of their own; they may come and go meanwhile."""
    with _working(replace(current_work.get(), lane=None, deadline=None, sharers=sharers)):
        yield


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """What is inside is given up at the deadline. Raises UpstreamUnavailable then."""
    try:
        async with asyncio.timeout_at(current_work.get().deadline) as limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise UpstreamUnavailable("the caller's time is over") from None
        raise


@contextmanager
def _working(work: WorkContext) -> Iterator[None]:
    token = current_work.set(work)
    try:
        yield
    finally:
        current_work.reset(token)
