"""What the present task does, and for whom: told in the audit of the upstream calls that it makes.

Tasks that are made inherit it. Work that several callers share (see `SingleFlight`) is told as the first caller's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from booking.audit import SYSTEM_ACTOR
from booking.checkout_row import Checkout
from booking.saga_table import LATE, UNDER_WAY


@dataclass(frozen=True, kw_only=True)
class Work:
    """Who asked for what is being done, and what it is done for. Names and opaque ids, never patient data."""

    actor: str = SYSTEM_ACTOR  # or a principal's key, "anonymous", "worker"
    client: str | None = None  # the network that they come from, made unreadable; None: not known
    request_id: str | None = None  # of the request to our own API
    checkout_id: str | None = None
    owner_kind: str | None = None  # of the checkout: visitor, guest or patient
    patient_id: str | None = None  # whom the checkout is for, once they are known
    urgent: bool = False  # a checkout is under way: it comes before whoever only looks around

    @property
    def told_as(self) -> str:
        """The actor; where nobody asked in this moment, also whose kind of checkout it is done for."""
        asked = ":" in self.actor or self.owner_kind is None
        return self.actor if asked else f"{self.actor} for {self.owner_kind}"


_NOBODY = Work()

current_work: ContextVar[Work] = ContextVar("current_work", default=_NOBODY)


@contextmanager
def asked_by(actor: str, *, request_id: str | None = None, client: str | None = None) -> Iterator[None]:
    """Everything inside was asked for by this actor, from this network."""
    with _working(Work(actor=actor, client=client, request_id=request_id)):
        yield


@contextmanager
def working_for(checkout: Checkout) -> Iterator[None]:
    """Everything inside is done for this checkout, by whoever asked before."""
    with _working(
        replace(
            current_work.get(),
            checkout_id=checkout.id,
            owner_kind=checkout.owner.partition(":")[0],
            patient_id=checkout.patient_id,
            urgent=checkout.state in UNDER_WAY | LATE,
        )
    ):
        yield


@contextmanager
def _working(work: Work) -> Iterator[None]:
    token = current_work.set(work)
    try:
        yield
    finally:
        current_work.reset(token)
