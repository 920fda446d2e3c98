"""Resources: records of the system of record that are synchronized (visits, payments, patients, forms, cards, working hours).

A `ResourceState` is the part of a resource that is stored to detect later changes: ids, statuses, times, and digests of what must
not be stored in clear. It holds no patient data. A `Snapshot` is the last state read, with its version.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.models import AppointmentStatus
from booking.stored_names import Unknown


class Kind(StrEnum):
    """The kind of a resource."""

    VISIT = "visit"
    PAYMENT = "payment"
    DISPUTE = "dispute"
    PATIENT = "patient"
    FORM = "form"
    CARD = "card"
    AVAILABILITY = "availability"  # a clinician's working hours
    WAITLIST_OFFER = "waitlist_offer"  # ours, too
    CHECKOUT = "checkout"  # ours: the subject of domain events, never read from upstream


@dataclass(frozen=True, kw_only=True, order=True)
class Resource:
    """A reference to one record of the system of record.

    Ordered: a transaction that writes rows of several resources does so in this order, so that two never deadlock.
    """

    kind: Kind | Unknown
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, kw_only=True)
class ChangeHint:
    """A hint that a resource may have changed; it does not say what, and proves nothing. The resource must be read."""

    resource: Resource
    merged: bool = False  # two patients were merged, which no state of either shows
    about: str | None = None  # for a card: its patient's id, where the source named them


class Party(StrEnum):
    """Who made a change."""

    PATIENT = "patient"
    CLINICIAN = "clinician"  # the visit's own clinician
    STAFF = "staff"  # anybody else of the practice; also this program, on the organisation's key


class PaymentStatus(StrEnum):
    """The status of a payment."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SCHEDULED = "scheduled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class ResourceState:
    """Fields that every kind has. Times are upstream's own, in UTC."""

    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class VisitState(ResourceState):
    """A visit."""

    status: AppointmentStatus
    status_changed_at: datetime | None
    start: datetime | None
    minutes: int
    clinician_id: str | None
    patient_id: str | None
    visit_type_id: str | None
    checkout_id: str | None  # from the reference in our booking's metadata
    deleted_at: datetime | None
    changed_by: Party | None  # who set its status, else who changed it last


@dataclass(frozen=True, kw_only=True)
class PaymentState(ResourceState):
    """A payment. The refunded amount is kept as a digest: only that it changed matters."""

    status: PaymentStatus
    patient_id: str | None
    checkout_id: str | None  # from the reference in our charge's note
    refund: str | None  # digest of the refunded amount; None: nothing was refunded
    disputed: bool


@dataclass(frozen=True, kw_only=True)
class DisputeState(ResourceState):
    """A charge that the cardholder disputes."""

    payment_id: str | None
    patient_id: str | None
    status: str | None


@dataclass(frozen=True, kw_only=True)
class PatientState(ResourceState):
    """A patient's record; `details` is a digest of name, contact data and the like."""

    details: str
    active: bool


@dataclass(frozen=True, kw_only=True)
class FormState(ResourceState):
    """A form that a patient fills in."""

    patient_id: str | None
    completed: bool


@dataclass(frozen=True, kw_only=True)
class CardState(ResourceState):
    """A card on file, without any data of the card itself."""

    patient_id: str | None


@dataclass(frozen=True, kw_only=True)
class AvailabilityState(ResourceState):
    """A clinician's working hours; `hours` is a digest of them."""

    clinician_id: str | None
    hours: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The last known state of a resource."""

    resource: Resource
    version: int = 0  # incremented with each new state; part of the ids of events
    state: ResourceState | None = None  # the last one read; kept when the resource is gone
    gone: bool = False  # upstream no longer has it
    seen_at: datetime | None = field(default=None)  # UTC; None: never read


class ResourceReader(Protocol):
    """Reads the current state of a resource, never from a cache."""

    async def read(self, hint: ChangeHint, *, known: ResourceState | None) -> ResourceState | None:
        """The current state; None when upstream has no such record (any more). Raises UpstreamUnavailable.

        `known` is the last state read: upstream finds some records only by the one they belong to, such as a card's patient.
        """


class ChangedVisits(Protocol):
    """Finds changed visits by polling: upstream sends no webhook for those of a recurring series."""

    async def changed(self, since: datetime) -> "list[tuple[Resource, datetime]]":
        """Existing visits that changed at or after `since`, with the time of the change. Raises UpstreamUnavailable."""

    async def standing(self, first: datetime, last: datetime) -> frozenset[str]:
        """Ids of the existing visits that start between the two times. Raises UpstreamUnavailable."""


class Changes(Protocol):
    """Finds changes that no webhook reported, as far as upstream lists them (reconciliation)."""

    async def since(self, moment: datetime) -> Sequence[ChangeHint]:
        """Hints for every existing record that was created or changed at or after `moment`.

        Raises UpstreamUnavailable.
        """
