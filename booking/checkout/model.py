"""The checkout itself: a row at a recovery point, what was tried on it, and how it ended. Its legal moves are in checkout/transitions.py."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from booking.errors import UnknownState
from booking.models import CardChoice, Charge, EmailCode, GuestDetails, Hold, Quote
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.refusals import DeclineReason
from booking.slots import Slot
from booking.stored_names import Unknown


class CheckoutState(StrEnum):
    """Durable recovery points, named in the past tense; `…_intended` means: committed, and the call may be out."""

    STARTED = "started"
    PATIENT_INTENDED = "patient_intended"
    PATIENT_READY = "patient_ready"
    CARD_INTENDED = "card_intended"
    CARD_READY = "card_ready"
    CHARGE_INTENDED = "charge_intended"
    CHARGED = "charged"
    BOOKING_INTENDED = "booking_intended"
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    SLOT_LOST = "slot_lost"
    DELETION_INTENDED = "deletion_intended"
    COMPENSATING = "compensating"
    RECURRING_CANCEL_INTENDED = "recurring_cancel_intended"
    RECURRING_CANCELLED = "recurring_cancelled"
    REFUND_INTENDED = "refund_intended"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    NEEDS_ATTENTION = "needs_attention"
    LATE_DELETION_INTENDED = "late_deletion_intended"
    LATE_RECURRING_CANCEL_INTENDED = "late_recurring_cancel_intended"
    LATE_REFUND_INTENDED = "late_refund_intended"


class EndReason(StrEnum):
    """Why a checkout did not end in a visit."""

    SLOT_TAKEN = "slot_taken"
    CLINICIAN_NOT_BOOKABLE = "clinician_not_bookable"
    PROVIDER_MISMATCH = "provider_mismatch"
    CANCELLED_BY_PATIENT = "cancelled_by_patient"
    HOLD_EXPIRED = "hold_expired"
    PAYMENT_UNAVAILABLE = "payment_unavailable"
    AMOUNT_NOT_CHARGEABLE = "amount_not_chargeable"
    BOOKING_REFUSED = "booking_refused"
    BOOKING_TIMED_OUT = "booking_timed_out"
    TOO_LATE = "too_late"  # the visit has begun, or begins sooner than the practice takes bookings
    TERMS_CHANGED = "terms_changed"  # what was accepted is not sold any more, or not on these terms
    CHARGED_WRONGLY = "charged_wrongly"  # on other terms than accepted: undone, and given back
    ENDED_BY_PRACTICE = "ended_by_practice"  # an operator had everything undone


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try that could charge or book: what a late effect of it would look like. Never forgotten."""

    number: int  # part of the upstream key
    card_id: str | None  # on file upstream; None: nothing was due
    intended_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class LateFinding:
    """Something upstream that a checkout did not know of when it ended, while it is being undone: a charge, or a visit."""

    ended_as: CheckoutState  # where the row goes back to
    attempt: int = 0  # that made the charge
    charge: Charge | None = None
    appointment_id: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of what was found."""
        charge = (self.charge.billing_item_id, self.charge.charge_id) if self.charge else ()
        return (*charge, *((self.appointment_id,) if self.appointment_id else ()))


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One patient buying one visit: a row whose every write bumps `version`."""

    id: str
    version: int = 0  # of the row as read; a write that expects another version does nothing
    state: CheckoutState | Unknown = CheckoutState.STARTED  # Unknown: only to be looked at
    owner: str  # Principal.key: the patient, or the guest of this checkout
    started_by: str  # Principal.key of whoever held the slot; a second start of theirs joins this checkout
    hold_id: str
    slot: Slot
    time_zone: str  # IANA, the patient's
    quote: Quote
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    guest: GuestDetails | None = None
    email_code: EmailCode | None = None  # that was mailed to the guest, until it is given
    email_verified_at: datetime | None = None  # UTC; when the guest verified their email address
    patient_id: str | None = None
    patient_created: bool = False  # by this checkout: only then is its card made the default
    attempt: int = 0  # one for each card tried; part of the upstream key
    card: CardChoice | None = None  # of the last confirm, until a bank has said something about it
    card_id: str | None = None  # on file upstream
    confirm_deadline: datetime | None = None  # UTC; no charge is sent after it
    declined: DeclineReason | Unknown | None = None  # of the last attempt
    cancel_requested: bool = False  # while a call was out: acted on when its outcome is known
    tries: int = 0  # of the step that the row stands at
    intended_at: datetime | None = None  # UTC; when the intent that the row stands at was first committed
    charge: Charge | None = None
    refunded: Money | None = None
    appointment_id: str | None = None
    end_reason: EndReason | Unknown | None = None
    attention: tuple[AttentionReason | Unknown, ...] = ()  # why an operator must look
    attention_from: CheckoutState | Unknown | None = None  # where it stood when it was given to a person
    attempts: tuple[Attempt, ...] = ()
    ended_at: datetime | None = None  # UTC; or given to a person: late truth is looked for from here on
    checks: int = 0  # for late truth, done
    late: LateFinding | None = None
    resolved_ids: tuple[str, ...] = ()  # upstream ids of late findings that were undone, or given to a person
    lease_owner: str | None = None
    lease_until: datetime | None = None  # UTC
    due_at: datetime | None = None  # UTC; when a worker shall look at the row, also after its end
    hold_expires_at: datetime | None = None  # UTC; a hold that is gone before it was lost; None: not known

    @property
    def known_state(self) -> CheckoutState:
        """The state, for whoever acts on it. Raises UnknownState: the row is for the newer version that wrote it."""
        if isinstance(self.state, Unknown):
            raise UnknownState(self.id)
        return self.state

    @property
    def upstream_key(self) -> str:
        """The idempotency key of this attempt's charge, upstream and at the card processor."""
        return f"{self.id}-{self.attempt}"

    @property
    def card_unjudged(self) -> bool:
        """Whether no bank has said anything about the card of the last confirm: it was not sent, or not answered."""
        return self.card is not None

    @property
    def stands(self) -> CheckoutState | Unknown:
        """The state to the outside: undoing a late finding does not change how the checkout ended."""
        return self.late.ended_as if self.late else self.state

    def flagged(self, reason: AttentionReason) -> Self:
        """The row on the attention list, for this reason too."""
        return self if reason in self.attention else replace(self, attention=(*self.attention, reason))

    def hold_anew(self, *, now: datetime, expires_at: datetime) -> Hold:
        """The hold that this checkout stands on, to be taken again."""
        return Hold(
            id=self.hold_id,
            owner=self.owner,
            taken_by=self.started_by,
            slot=self.slot,
            time_zone=self.time_zone,
            created_at=now,
            expires_at=expires_at,
        )

    def changed(self, **changes: Any) -> Self:
        """The row with other values; replace() checks the names."""
        return replace(self, **changes)
