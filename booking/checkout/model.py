"""The checkout as a value: a row at a recovery point, its attempts, and its end. Transitions: checkout/transitions.py."""

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
    """Durable recovery points, named in the past tense; `…_intended`: the intent is committed and its call may be out."""

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
    NO_CREDIT_LEFT = "no_credit_left"  # of the package that was to pay for the visit; no visit stands
    ENDED_BY_PRACTICE = "ended_by_practice"  # an operator had everything undone


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try that could charge or book. Kept for good, so that reconciliation can recognize its late effects."""

    number: int  # part of the upstream key
    card_id: str | None  # on file upstream; None: nothing was due
    intended_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class LateFinding:
    """A charge or a visit that reconciliation found after the checkout's end; on the row while it is being undone."""

    ended_as: CheckoutState  # where the row goes back to
    attempt: int = 0  # number of the attempt that made the charge
    charge: Charge | None = None
    appointment_id: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Upstream ids of the finding, as they go to `Checkout.resolved_ids`."""
        charge = (self.charge.billing_item_id, self.charge.charge_id) if self.charge else ()
        return (*charge, *((self.appointment_id,) if self.appointment_id else ()))


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One patient buying one visit, or a plan without one: a row. Every write of it increments `version` (optimistic locking)."""

    id: str
    version: int = 0  # as read; a write is rejected when the row's version has moved on
    # Unknown: written by a newer release; may be read, not written.
    state: CheckoutState | Unknown = CheckoutState.STARTED
    owner: str  # Principal.key: the patient, or the guest of this checkout
    started_by: str  # Principal.key of the owner of the hold at the start; a second start of theirs joins this checkout
    hold_id: str
    slot: Slot | None  # None: a plan is bought, and no visit is booked with it
    time_zone: str  # IANA, the patient's
    quote: Quote
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    guest: GuestDetails | None = None
    # Digest of the code that was mailed to the guest, until it is entered.
    email_code: EmailCode | None = None
    email_verified_at: datetime | None = None  # UTC; when the guest verified their email address
    patient_id: str | None = None
    patient_created: bool = False  # by this checkout: only then is its card made the default
    attempt: int = 0  # number of confirms so far; part of the upstream key
    card: CardChoice | None = None  # of the last confirm, until a bank has accepted or declined it
    card_id: str | None = None  # on file upstream
    confirm_deadline: datetime | None = None  # UTC; no charge is sent after it
    declined: DeclineReason | Unknown | None = None  # of the last attempt
    cancel_requested: bool = False  # by the patient while a call was out: acted on when its outcome is known
    tries: int = 0  # failed tries of the step at this state; after the end: of the next check
    intended_at: datetime | None = None  # UTC; when the intent that the row stands at was first committed
    charge: Charge | None = None
    refunded: Money | None = None
    appointment_id: str | None = None
    end_reason: EndReason | Unknown | None = None
    attention: tuple[AttentionReason | Unknown, ...] = ()  # why it is on the attention list
    attention_from: CheckoutState | Unknown | None = None  # the state that it was escalated from
    attempts: tuple[Attempt, ...] = ()
    ended_at: datetime | None = None  # UTC; end or escalation: reconciliation counts from here
    checks: int = 0  # reconciliation checks done
    late: LateFinding | None = None
    # Ids of late findings that were undone or escalated: not acted on again.
    resolved_ids: tuple[str, ...] = ()
    lease_owner: str | None = None
    lease_until: datetime | None = None  # UTC
    due_at: datetime | None = None  # UTC; when a worker takes the row up, also after its end
    # UTC; a hold that is gone before then was lost by its store; None: unknown. Without a slot: until when it can be confirmed.
    hold_expires_at: datetime | None = None
    # Of a checkout without a slot: the clinician whose key charges, and who receives the payment.
    sold_by: str | None = None

    @property
    def known_state(self) -> CheckoutState:
        """The state, for code that acts on it. Raises UnknownState: a newer release wrote it, and drives the row."""
        if isinstance(self.state, Unknown):
            raise UnknownState(self.id)
        return self.state

    @property
    def clinician_id(self) -> str:
        """The clinician who is booked, or in whose name the plan is sold."""
        clinician_id = self.slot.clinician_id if self.slot is not None else self.sold_by
        if clinician_id is None:
            raise AssertionError("a checkout without a slot is sold by a clinician")
        return clinician_id

    @property
    def visit_slot(self) -> Slot:
        """The slot, for code that a checkout without one never comes to."""
        if self.slot is None:
            raise AssertionError("no visit is booked by this checkout")
        return self.slot

    @property
    def upstream_key(self) -> str:
        """The idempotency key of this attempt's charge, upstream and at the card processor."""
        return f"{self.id}-{self.attempt}"

    @property
    def card_unjudged(self) -> bool:
        """Whether no bank has accepted or declined the card of the last confirm: it was not sent, or not answered for."""
        return self.card is not None

    @property
    def stands(self) -> CheckoutState | Unknown:
        """The state as patients and operators see it: undoing a late finding does not change how the checkout ended."""
        return self.late.ended_as if self.late else self.state

    def flagged(self, reason: AttentionReason) -> Self:
        """Return the row with this reason among its reasons for attention."""
        return self if reason in self.attention else replace(self, attention=(*self.attention, reason))

    def hold_anew(self, *, now: datetime, expires_at: datetime) -> Hold:
        """Return the checkout's hold, to be taken again under its id; times in UTC."""
        return Hold(
            id=self.hold_id,
            owner=self.owner,
            taken_by=self.started_by,
            slot=self.visit_slot,
            time_zone=self.time_zone,
            created_at=now,
            expires_at=expires_at,
        )

    def changed(self, **changes: Any) -> Self:
        """Return a copy with these values; replace() checks the names."""
        return replace(self, **changes)
