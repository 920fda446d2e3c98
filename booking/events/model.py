"""What happens at the practice, told to whoever subscribed: names, ids and times, and no patient data.

An event is written in the transaction that remembers the state it was derived from, so none is told before its state is
committed, and none is lost.
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
    """The names of events, as subscribers know them."""

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


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """One event."""

    id: str  # the same change of the same resource has the same id, whoever derived it
    name: EventName | Unknown
    at: datetime  # UTC; when this program saw it
    resource: Resource
    # By what they are of: appointment, patient, clinician, payment, checkout, …
    ids: Mapping[str, str] = field(default_factory=dict)
    by: Party | Unknown | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedEvent:
    """An event with its place in the order in which events were committed."""

    sequence: int
    event: DomainEvent


class EventOutbox(Protocol):
    """The outbox, inside one unit of work; append-only."""

    async def add(self, events: Sequence[DomainEvent]) -> None:
        """Write them, to be told once the unit of work is committed. One that is there already is left as it is."""


class EventLog(Protocol):
    """The outbox as those who tell it read it. Sequences are given in the order of commits: nothing comes in before them later."""

    async def after(self, sequence: int, *, limit: int) -> Sequence[RecordedEvent]:
        """Events after this place, in order."""

    async def last(self) -> int:
        """The place of the latest event; 0 when there is none."""


def event_id(resource: Resource, version: int, name: str) -> str:
    """The id of what a new version of a snapshot, or of a checkout's row, brought."""
    digest = hashlib.sha256(f"{resource.kind}/{resource.id}/{version}/{name}".encode()).hexdigest()
    return f"evt_{digest[:32]}"
