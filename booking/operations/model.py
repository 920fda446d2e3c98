"""The model of operations: attention reasons, alerts, the history of checkouts, and clinician blocks.

Values first, then the ports that store and send them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.stored_names import Unknown


class AttentionReason(StrEnum):
    """Why a person must act, or should know."""

    OUT_OF_TRIES = "out_of_tries"
    APPOINTMENT_NOT_DELETED = "appointment_not_deleted"
    # Of a requested change whose earlier actions are done: what the patient accepted, and upstream refused.
    VISIT_NOT_CANCELLED = "visit_not_cancelled"
    FEE_NOT_CHARGED = "fee_not_charged"
    CREDIT_NOT_GIVEN_BACK = "credit_not_given_back"  # the quote said so, and the ledger does not show it
    CREDIT_NOT_PROVED = (
        "credit_not_proved"  # a visit by credit stands, and visit and ledger contradict each other
    )
    RECURRING_NOT_CANCELLED = "recurring_payment_not_cancelled"
    MEMBERSHIP_NOT_CHANGED = "membership_not_changed"  # it could be neither paused nor resumed
    RESUMED_OTHERWISE = "membership_resumed_otherwise"  # with another next payment than its quote said
    REFUND_FAILED = "refund_failed"
    CHARGED_WRONGLY = "charged_wrongly"  # on other terms than the patient accepted
    # A recurring payment goes on that the patient did not accept, or of a payment that was given back.
    LIVE_SERIES = "live_series"
    # An operator resolved it as booked, and no check finds the visit, or the payment.
    BOOKING_UNPROVED = "booking_unproved"
    PACKAGE_REMAINS = "package_remains"  # after a refund: no call takes a bought package back
    OPEN_INVOICE = "open_invoice"  # raised by the booking of a visit that is paid
    # A guest's new record beside one with their email and name: to be merged.
    POSSIBLE_DUPLICATE_PATIENT = "possible_duplicate_patient"
    ARCHIVED_PATIENT = (
        "archived_patient"  # a verified guest came back to a record that the practice had archived
    )
    # The payment or visit that was found belongs to another checkout's row.
    ALREADY_COUNTED = "already_counted"
    LATE_CHARGE_UNCERTAIN = "late_charge_uncertain"  # a payment that may be this checkout's
    LATE_CHARGE = "late_charge"  # came while the checkout waited for a person
    # A visit that must not be deleted automatically: begun, moved, one of several, or a person has the checkout.
    LATE_VISIT = "late_visit"
    # Undone automatically by the reconciliation: alerted, and not on the attention list.
    LATE_FOUND = "late_found"
    # A call of a requested change landed after its end, and the visit may stand as nobody asked any more.
    CHANGE_LANDED_LATE = "change_landed_late"
    LATE_UNDO_FAILED = "late_undo_failed"
    LATE_CHECK_FAILED = "late_look_failed"  # upstream, or the card processor, could not be asked for days
    # An outcome unknown for too long, or a checkout still running long after its deadline.
    IN_DOUBT = "in_doubt"
    # A row in a state of another version of this program, without a migration.
    UNKNOWN_STATE = "unknown_state"
    PROVIDER_MISMATCH = "provider_mismatch"
    LOCKED_OUT = "upstream_locked_out"  # too many requests on one API key: nothing is sent on it for a while
    # Upstream reported a change as done, and the read-back differs from the request.
    SILENT_NO_OP = "silent_no_op"
    # The owner of an API key lacks a permission, which the subject names; beside another reason: that is why it could not be undone.
    NOT_PERMITTED = "upstream_not_permitted"
    # The part of the upstream's schema that we use has changed, or will; the subject says what.
    UPSTREAM_DRIFT = "upstream_drift"
    WEBHOOK_GIVEN_UP = "webhook_given_up"  # the resource that a webhook names could not be fetched for a day
    # More cards were declined than patients' own would be; the subject is the hour.
    CARD_TESTING = "card_testing"
    # Guests book more visits that cost nothing than usual; the subject is the day.
    UNPAID_VISITS = "unpaid_visits"
    # Guests create more patient records without paying than usual; the subject is the day.
    NEW_RECORDS = "new_records"
    DAY_HELD = "day_held"  # anonymous holds use up their share of a clinician's day; the subject is both
    WEBHOOK_MISSING = "webhook_missing"  # some events had no webhook subscription
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_FAILING = "webhook_failing"  # upstream has warned, and will disable it
    WEBHOOK_ELSEWHERE = "webhook_elsewhere"  # one of ours sends to an address that is not ours
    WEBHOOK_NOT_MENDED = "webhook_not_mended"  # a missing or disabled subscription could not be restored
    WEBHOOKS_SILENT = "webhooks_silent"  # none arrives, although visits change
    WEBHOOKS_UNCHECKED = "webhooks_unchecked"  # their health could not be checked
    # It has accepted no event for a while; deliveries are still retried.
    SUBSCRIBER_FAILING = "subscriber_failing"
    ENDPOINT_DISABLED = "endpoint_disabled"  # it accepted nothing for three days, or answered that it is gone
    # A dead letter: given up after three days, while other events were accepted.
    EVENT_NOT_DELIVERED = "event_not_told"
    HANDLER_UNUSABLE = "handler_unusable"  # an installed handler that cannot be loaded
    LEDGER_DIFFERENCE = "sweep_difference"  # the card processor's books and ours differ


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One thing that a person must know; kept until it was sent. Holds no patient data."""

    reason: str  # an AttentionReason, or a reconciliation's own
    subject: str  # the id of a checkout, requested change, clinician or charge
    raised_at: datetime  # UTC
    tries: int = 0  # failed attempts to send it

    @property
    def id(self) -> str:
        """The deduplication key: one alert for each reason and subject."""
        return f"{self.reason}:{self.subject}"


class HistoryKind(StrEnum):
    """The kinds of entries in a checkout's history."""

    STARTED = "started"
    REQUESTED = "requested"  # a change of a booked visit: its patient, or staff, accepted its quote
    REQUOTED = "requoted"
    EMAIL_CODE_SENT = "email_code_sent"  # to the guest
    EMAIL_CODE_WRONG = "email_code_wrong"
    EMAIL_VERIFIED = "email_verified"  # the guest entered the code that was mailed
    ACCEPTED = "accepted"  # the patient confirmed
    CANCEL_REQUESTED = "cancel_requested"
    MOVED = "moved"  # a transition of the state machine
    FLAGGED = "flagged"  # put on the attention list; the note says why
    RETRIED = "retried"  # by an operator
    RESOLVED = "resolved"  # by an operator
    UNBLOCKED = "unblocked"  # the clinician, by an operator


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One entry of a checkout's history, committed in the same transaction as the write that it records."""

    checkout_id: str
    at: datetime  # UTC
    kind: HistoryKind | Unknown
    before: str  # state
    after: str  # state
    attempt: int
    by: str  # a driver, a principal's kind, or an operator's account name on their machine
    note: str | None = field(default=None)  # an operator's, or an AttentionReason


@dataclass(frozen=True, kw_only=True)
class ClinicianBlock:
    """A clinician who is not bookable until an operator clears the block."""

    clinician_id: str
    reason: str  # an AttentionReason
    checkout_id: str  # whose visit was read back under another clinician
    blocked_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class CheckoutSummary:
    """A checkout as operators list it, whatever version of this program wrote its row. Holds no patient data."""

    id: str
    state: str
    attention: tuple[str, ...]  # why a person must look
    clinician_id: str
    starts_at: datetime  # UTC; of the visit
    tries: int  # of its present step
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    due_at: datetime | None  # UTC; when a worker runs it next


@dataclass(frozen=True, kw_only=True)
class ChangeSummary:
    """A change as operators list it, whatever version of this program wrote its row. Holds no patient data."""

    id: str
    kind: str
    state: str
    attention: tuple[str, ...]  # why a person must look
    subject_kind: str  # what is changed: a SubjectKind
    subject_id: str
    # Of a change of a visit:
    appointment_id: str | None
    checkout_id: str | None  # that booked the visit; None: the practice did
    clinician_id: str | None
    starts_at: datetime | None  # UTC; of the visit as it was
    tries: int  # of the present action
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    due_at: datetime | None  # UTC; when a worker takes it up next


@dataclass(frozen=True, kw_only=True)
class ListCursor:
    """A cursor into a list of checkouts or changes: the position of the row with this id."""

    created_at: datetime  # UTC
    id: str


class CheckoutHistory(Protocol):
    """The append-only history of checkouts, inside one unit of work."""

    async def add(self, *entries: HistoryEntry) -> None:
        """Append an entry."""


class AlertOutbox(Protocol):
    """The outbox of alerts, inside one unit of work: an alert is committed with its cause, so that a crash loses none."""

    async def raise_once(self, alert: Alert) -> None:
        """Write the alert, unless this reason was raised for this subject already."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[Alert]:
        """Alerts that are due to be sent, oldest first."""

    async def claim(self, alert: Alert, *, now: datetime, until: datetime) -> bool:
        """Lease a due alert, so that other workers skip it `until` then; returns whether it was still due."""

    async def mark_sent(self, alert: Alert, at: datetime) -> None:
        """Record that it was sent."""

    async def defer(self, alert: Alert, due_at: datetime) -> None:
        """Record a failed attempt to send it; it is due again at that time."""

    async def forget(self, subject: str) -> None:
        """Delete the subject's sent alerts, so that each reason can be raised again: an operator has tried to fix the cause."""


class ClinicianBlocks(Protocol):
    """Clinicians who are not bookable until cleared, inside one unit of work."""

    async def block(self, block: ClinicianBlock) -> None:
        """Block the clinician; an existing block is left as it is."""

    async def is_blocked(self, clinician_id: str) -> bool:
        """Whether the clinician is blocked."""

    async def standing(self) -> Sequence[ClinicianBlock]:
        """All blocks, oldest first."""

    async def clear(self, clinician_id: str) -> bool:
        """Remove the block; returns whether there was one."""


class BlockedClinicians(Protocol):
    """The blocked clinicians, by a read that is cheap enough for every request."""

    async def blocked(self) -> frozenset[str]:
        """Ids of clinicians who are not bookable until cleared."""


class AlertChannel(Protocol):
    """A channel that carries alerts to people."""

    async def send(self, alert: Alert) -> None:
        """Send it (at least once: again after a crash). Raises AlertDeliveryFailed."""
