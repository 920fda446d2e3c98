"""Audit entries of upstream calls, and the port that stores them.

Entries hold ids (ours and upstream's), codes, times and shapes. They never hold names, addresses, dates of birth, card tokens,
keys, answers or free text of a person: the caller strips those before it makes an entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from booking.stored_names import Unknown

# Whole numbers only: a record is signed as text, and a fraction has more than one spelling.
Json: TypeAlias = bool | int | str | Sequence["Json"] | Mapping[str, "Json"] | None

# The actor of calls that no caller requested: the worker's own checks and jobs, and what a process does at its start.
SYSTEM_ACTOR = "system"


class AuditKind(StrEnum):
    """What a record is about."""

    ATTEMPTED = "attempted"  # a call is about to be sent; no record of it, no call
    ANSWERED = "answered"  # how that attempt ended
    ACCESSED = "accessed"  # an operator read the trail or checkouts, or acted on one


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One entry, before it has its number in the chain.

    An `answered` entry repeats what its `attempted` entry says of the call, so that either can be read alone.
    """

    kind: AuditKind | Unknown
    call_id: str  # pairs attempted with answered; one for each attempt, of no meaning elsewhere
    at: datetime  # aware, UTC; when the call was sent, or when it ended
    actor: str  # Principal.key, opaque: `patient:<upstream id>`, `guest:<checkout>`, `visitor:…`, `staff:…`, `operator:…`; "anonymous";
    # "worker", "worker for guest" (whose checkout it resumed); "operator NAME" at a command; or "system"
    operation: str  # the operation's name, never its document
    operation_kind: str  # query | mutation; command, where an operator read or acted
    attempt: int  # from 1
    acting: str | None = None  # on whose account: a clinician's id, or "organization"
    key_fingerprint: str | None = None  # of the API key, far too short to find it from
    # The patient's id upstream, or an HMAC of what identifies them before there is one.
    patient: str | None = None
    checkout_id: str | None = None
    request_id: str | None = None  # of our own request or job, as the logs have it
    shape: Json = None  # the variables' names and types, without their values; no fractions
    digest: str | None = None  # HMAC of the canonical variables: equal only for equal requests
    duration_ms: int | None = None  # answered only, as everything below
    status: int | None = None  # HTTP; None: no answer came
    error: str | None = None  # a code of ours; None: a usable answer
    upstream_request_id: str | None = None


class AuditTrail(Protocol):
    """Append-only store of entries, in the order in which it accepted them. Safe for many tasks and processes at once."""

    async def record(self, entry: AuditEntry) -> None:
        """Write the entry; it is durable when this returns.

        Raises AuditUnavailable when that fails or takes longer than some seconds. Before a call that means: do not send it. After
        a call the outcome stands whatever becomes of its record: give the `answered` entry to `later`, and go on.
        """

    async def record_soon(self, entry: AuditEntry) -> None:
        """Write the entry within about a second, or when the program ends: for an attempt that carries no patient data.

        Returns at once while the buffer in memory has room; a crash loses what is buffered. When it is full, the caller is slowed
        down (backpressure): it waits as for `record`, and AuditUnavailable is raised as there.
        """

    def later(self, entry: AuditEntry) -> None:
        """Buffer the entry as `record_soon` does, but never wait or raise: for the end of a call that was already sent."""
