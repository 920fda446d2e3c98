"""The audit of upstream calls: what a record says, and the port that keeps it.

Records hold ids of ours and upstream's, codes, times and shapes. No names, addresses, dates of birth, card tokens, keys or
answers, and no text of a person's: whoever makes an entry has taken them out before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from booking.stored_names import Unknown

# Whole numbers only: a record is signed as text, and fractions have more than one.
Json: TypeAlias = bool | int | str | Sequence["Json"] | Mapping[str, "Json"] | None

# Who acts when nobody asked: the worker's own looks, chores, and what a process does at its start.
SYSTEM_ACTOR = "system"


class AuditKind(StrEnum):
    """What a record tells of."""

    ATTEMPTED = "attempted"  # a call is about to be sent; no record of it, no call
    ANSWERED = "answered"  # how that attempt ended
    ACCESSED = "accessed"  # somebody of the practice read the trail or checkouts, or acted on one


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One record, before it has its place in the chain.

    What an `attempted` entry says of the call, its `answered` entry says again: either can be read alone.
    """

    kind: AuditKind | Unknown
    call_id: str  # pairs attempted with answered; one for each attempt, of no meaning elsewhere
    at: datetime  # aware, UTC; of the sending, or of the end
    actor: str  # Principal.key, opaque: `patient:<upstream id>`, `guest:<checkout>`, `visitor:…`, `staff:…`, `operator:…`; "anonymous";
    # "worker", "worker for guest" (whose checkout it resumed); "operator NAME" at a command; or "system"
    operation: str  # the operation's name, never its document
    operation_kind: str  # query | mutation; command, where a person looked or acted
    attempt: int  # from 1
    acting: str | None = None  # on whose account: a clinician's id, or "organization"
    key_fingerprint: str | None = None  # of the API key, far too short to find it from
    # The patient's id upstream, or an HMAC of what stands for them before there is one.
    patient: str | None = None
    checkout_id: str | None = None
    request_id: str | None = None  # of our own request or job, as the logs have it
    shape: Json = None  # the variables' names and types, values taken out; no fractions
    digest: str | None = None  # HMAC of the canonical variables: tells whether two calls asked the same
    duration_ms: int | None = None  # answered only, as everything below
    status: int | None = None  # HTTP; None: no answer came
    error: str | None = None  # a code of ours; None: a usable answer
    upstream_request_id: str | None = None


class AuditTrail(Protocol):
    """Keeps entries in the order in which it took them, for good. Many tasks and processes may write at once."""

    async def record(self, entry: AuditEntry) -> None:
        """Keep the entry; it is durable when this returns.

        Raises AuditUnavailable when that cannot be had within some seconds. Before a call: do not send it. After a call
        the outcome stands whatever becomes of its record: give the `answered` entry to `later`, and go on.
        """

    async def record_soon(self, entry: AuditEntry) -> None:
        """Keep the entry within about a second, or when the program ends: for an attempt that carries no patient data.

        Returns at once, as long as no more than a bounded number waits in memory; a crash loses what waits. Beyond that its
        caller is slowed down (backpressure): it waits as for `record`, and AuditUnavailable is raised as there.
        """

    def later(self, entry: AuditEntry) -> None:
        """Keep the entry as `record_soon` does, and never wait or refuse: for the end of an attempt, so that what was sent is told."""
