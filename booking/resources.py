"""What is watched in the system of record: visits, payments, patients, forms, cards, working hours.

A `State` is what is remembered of one of them to tell later what has changed: ids, statuses, times, and digests of what
must not be kept in clear. It holds no patient data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.models import AppointmentStatus
from booking.stored_names import Unknown


class Kind(StrEnum):
    """What kind of thing changed."""

    VISIT = "visit"
    PAYMENT = "payment"
    DISPUTE = "dispute"
    PATIENT = "patient"
    FORM = "form"
    CARD = "card"
    AVAILABILITY = "availability"  # a clinician's working hours
    CHECKOUT = "checkout"  # ours: events tell of it, and nobody looks for it upstream


@dataclass(frozen=True, kw_only=True, order=True)
class Resource:
    """One thing in the system of record.

    They have an order: whoever marks several in one transaction does it in this, so that nobody waits in a circle.
    """

    kind: Kind | Unknown
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, kw_only=True)
class ChangeHint:
    """Word that something about a resource may have changed: never what, and never proof that it did."""

    resource: Resource
    merged: bool = False  # two patients became one: no state of either says so
    about: str | None = None  # the patient whose card it is, where the word named them


class Party(StrEnum):
    """Who did it."""

    PATIENT = "patient"
    CLINICIAN = "clinician"  # the visit's own
    STAFF = "staff"  # anybody else of the practice; this program too, on the organisation's key


class PaymentStatus(StrEnum):
    """What became of a payment."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SCHEDULED = "scheduled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class State:
    """What every kind has in common. Times are UTC, and upstream's own."""

    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class VisitState(State):
    """A visit."""

    status: AppointmentStatus
    status_changed_at: datetime | None
    start: datetime | None
    minutes: int
    clinician_id: str | None
    patient_id: str | None
    visit_type_id: str | None
    checkout_id: str | None  # the reference that our booking carried
    deleted_at: datetime | None
    changed_by: Party | None  # who gave it its status, or changed it last


@dataclass(frozen=True, kw_only=True)
class PaymentState(State):
    """A payment. What was given back is a digest: that it changed is all that is to be known."""

    status: PaymentStatus
    patient_id: str | None
    checkout_id: str | None  # the reference that our charge carried
    refund: str | None  # digest of what was given back; None: nothing
    disputed: bool


@dataclass(frozen=True, kw_only=True)
class DisputeState(State):
    """A charge that the cardholder disputes."""

    payment_id: str | None
    patient_id: str | None
    status: str | None


@dataclass(frozen=True, kw_only=True)
class PatientState(State):
    """A patient's record, as a digest of who they are."""

    details: str
    active: bool


@dataclass(frozen=True, kw_only=True)
class FormState(State):
    """A form that a patient fills."""

    patient_id: str | None
    completed: bool


@dataclass(frozen=True, kw_only=True)
class CardState(State):
    """A card on file; nothing of the card itself."""

    patient_id: str | None


@dataclass(frozen=True, kw_only=True)
class AvailabilityState(State):
    """Working hours, as a digest of when they are."""

    clinician_id: str | None
    hours: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What was last seen of a resource."""

    resource: Resource
    version: int = 0  # counts what was seen anew; part of the ids of events
    state: State | None = None  # the last there was
    gone: bool = False  # it is no longer there
    seen_at: datetime | None = field(default=None)  # UTC; None: never


class ResourceReader(Protocol):
    """Reads the present state of what is watched, always afresh."""

    async def read(self, hint: ChangeHint, *, known: State | None) -> State | None:
        """The state now; None: there is no such thing (any more). Raises UpstreamUnavailable.

        `known` is what was last seen: upstream finds some things only by what they belong to.
        """


class ChangedVisits(Protocol):
    """Finds visits that changed without a word: those of a series send none."""

    async def changed(self, since: datetime) -> "list[tuple[Resource, datetime]]":
        """Visits that changed at or after the moment and still stand, with when. Raises UpstreamUnavailable."""

    async def standing(self, first: datetime, last: datetime) -> frozenset[str]:
        """Ids of the visits that stand and start between the moments. Raises UpstreamUnavailable."""


class Changes(Protocol):
    """Finds what changed while we were told nothing, as far as upstream lists it."""

    async def since(self, moment: datetime) -> Sequence[ChangeHint]:
        """Everything that changed or came at or after the moment and is still there. Raises UpstreamUnavailable."""
