"""Domain events: what happened at the practice, as names, ids and times. They hold no patient data.

An event is written to the outbox in the transaction that stores the state it was derived from (transactional outbox): no event
is delivered before its state is committed, and none is lost.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.resources import Party, Resource
from booking.stored_names import Unknown

# What packages with handlers may import; the rest of this module is for the program.
__all__ = ["DomainEvent", "EventName"]


class EventName(StrEnum):
    """The names of events, as subscribers receive them."""

    APPOINTMENT_CREATED = "appointment.created"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_CHECKED_IN = "appointment.checked_in"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    APPOINTMENT_REINSTATED = "appointment.reinstated"  # it stands again, as booked
    APPOINTMENT_DELETED = "appointment.deleted"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_REFUNDED = "payment.refunded"  # in part or in full; again when more is given back
    PAYMENT_DISPUTED = "payment.disputed"
    PATIENT_CREATED = "patient.created"
    PATIENT_UPDATED = "patient.updated"
    PATIENT_MERGED = "patient.merged"
    FORM_COMPLETED = "form.completed"
    CARD_ADDED = "card.added"
    CARD_REMOVED = "card.removed"
    AVAILABILITY_CHANGED = "availability.changed"
    CHECKOUT_CONFIRMED = "checkout.confirmed"  # paid and booked
    CHECKOUT_REFUNDED = "checkout.refunded"  # paid, not bookable, and given back in full
    CHECKOUT_CANCELLED = "checkout.cancelled"
    CHECKOUT_SLOT_LOST = "checkout.slot_lost"  # somebody else's claim was first
    CHECKOUT_EXPIRED = "checkout.expired"
    CHECKOUT_NEEDS_ATTENTION = "checkout.needs_attention"  # a new reason for a person to look
    WAITLIST_OFFERED = "waitlist.offered"  # a time that came free is held for a patient who waits
    WAITLIST_PASSED_ON = "waitlist.passed_on"  # they declined, let it pass, or somebody else has the time


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something that happened to one resource."""

    id: str  # deterministic: the same change of the same resource has the same id in every process
    name: EventName | Unknown
    at: datetime  # UTC; when this program derived it
    resource: Resource
    # Ids by what they identify: appointment, patient, clinician, payment, checkout, …
    ids: Mapping[str, str] = field(default_factory=dict)
    by: Party | Unknown | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedEvent:
    """An event with its sequence in the outbox, which follows the order of commits."""

    sequence: int
    event: DomainEvent


class EventOutbox(Protocol):
    """Port: the outbox inside one unit of work; append-only."""

    async def add(self, events: Sequence[DomainEvent]) -> None:
        """Append the events; they are dispatched once the unit of work has committed. Idempotent by event id."""


class EventLog(Protocol):
    """Port: the outbox as a log to read. Sequences follow the order of commits.

    Nothing appears later before a sequence that was read, so a reader may keep one as its cursor.
    """

    async def after(self, sequence: int, *, limit: int) -> Sequence[RecordedEvent]:
        """At most `limit` events after `sequence`, in order."""

    async def last(self) -> int:
        """The sequence of the latest event; 0 when there is none."""


def event_id(resource: Resource, version: int, name: str) -> str:
    """The deterministic id of the event `name` that came with this version of a snapshot, or of a checkout's row."""
    digest = hashlib.sha256(f"{resource.kind}/{resource.id}/{version}/{name}".encode()).hexdigest()
    return f"evt_{digest[:32]}"
