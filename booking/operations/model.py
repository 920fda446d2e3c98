"""What people who run the practice are told: why a checkout needs them, the story of each, and who is not bookable.

Values first, then the ports that keep and tell them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.stored_names import Unknown


class AttentionReason(StrEnum):
    """Why somebody must look."""

    OUT_OF_TRIES = "out_of_tries"
    APPOINTMENT_NOT_DELETED = "appointment_not_deleted"
    RECURRING_NOT_CANCELLED = "recurring_payment_not_cancelled"
    REFUND_FAILED = "refund_failed"
    CHARGED_WRONGLY = "charged_wrongly"  # on other terms than the patient accepted
    # A recurring payment goes on that the patient did not accept, or of a payment that was given back.
    LIVE_SERIES = "live_series"
    # An operator said that it is booked, and no look finds the visit, or the payment.
    BOOKING_UNPROVED = "booking_unproved"
    PACKAGE_REMAINS = "package_remains"  # after a refund: no call takes a bought package back
    OPEN_INVOICE = "open_invoice"  # raised by the booking of a visit that is paid
    # A guest's new record beside one with their email and name: to be merged.
    POSSIBLE_DUPLICATE_PATIENT = "possible_duplicate_patient"
    ALREADY_COUNTED = "already_counted"  # what was found stands on another checkout's row
    LATE_CHARGE_UNCERTAIN = "late_charge_uncertain"  # a payment that may be this checkout's
    LATE_CHARGE = "late_charge"  # came while the checkout waited for a person
    LATE_VISIT = "late_visit"  # a visit that no machine should delete: begun, moved, one of several, or a person has the checkout
    LATE_FOUND = "late_found"  # what the sweep undoes by itself: alerted, and on no list
    LATE_UNDO_FAILED = "late_undo_failed"
    LATE_LOOK_FAILED = "late_look_failed"  # upstream, or the card processor, could not be asked for days
    IN_DOUBT = "in_doubt"  # an outcome unknown for too long, or a row that goes on long after its deadline
    UNKNOWN_STATE = "unknown_state"  # a row of another version of this program, and no migration
    PROVIDER_MISMATCH = "provider_mismatch"
    LOCKED_OUT = "upstream_locked_out"  # too many requests on one API key: nothing is sent on it for a while
    SILENT_NO_OP = "silent_no_op"  # a change upstream that answered as done, and was not what was asked
    # What our calls stand on has changed upstream, or will; the subject says what.
    UPSTREAM_DRIFT = "upstream_drift"
    WEBHOOK_GIVEN_UP = "webhook_given_up"  # what a webhook is about could not be fetched for a day
    CARD_TESTING = "card_testing"  # more cards were declined than patients' are; the subject is the hour
    # Guests book more visits that cost nothing than usual; the subject is the day.
    UNPAID_VISITS = "unpaid_visits"
    # Guests make more records of patients, and do not pay, than usual; the subject is the day.
    NEW_RECORDS = "new_records"
    DAY_HELD = "day_held"  # strangers hold what they may of a clinician's day; the subject is both
    WEBHOOK_MISSING = "webhook_missing"  # some events were subscribed to by nobody
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_FAILING = "webhook_failing"  # upstream has warned, and will disable it
    WEBHOOK_ELSEWHERE = "webhook_elsewhere"  # one of ours sends to an address that is not ours
    WEBHOOK_NOT_MENDED = "webhook_not_mended"
    WEBHOOKS_SILENT = "webhooks_silent"  # none comes, although visits change
    WEBHOOKS_UNCHECKED = "webhooks_unchecked"  # nobody could look whether they are well
    SUBSCRIBER_FAILING = "subscriber_failing"  # it has taken no event for a while; it is tried on
    ENDPOINT_DISABLED = "endpoint_disabled"  # it took nothing for three days, or said that it wants no more
    EVENT_NOT_TOLD = "event_not_told"  # given up after three days, while others were taken
    HANDLER_UNUSABLE = "handler_unusable"  # an installed handler that cannot be loaded
    SWEEP_DIFFERENCE = "sweep_difference"  # the card processor's books and ours differ


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One thing that somebody must know; kept until it was told. Holds no patient data."""

    reason: str  # an Attention, or a reconciliation's own
    subject: str  # the id of a checkout, clinician or charge
    raised_at: datetime  # UTC
    tries: int = 0  # at telling it

    @property
    def id(self) -> str:
        """The same reason for the same subject is told once."""
        return f"{self.reason}:{self.subject}"


class HistoryKind(StrEnum):
    """What the story of a checkout is made of."""

    STARTED = "started"
    REQUOTED = "requoted"
    EMAIL_CODE_SENT = "email_code_sent"  # to the guest
    EMAIL_CODE_WRONG = "email_code_wrong"
    EMAIL_VERIFIED = "email_verified"  # the guest gave the code that was sent there
    ACCEPTED = "accepted"  # the patient confirmed
    CANCEL_REQUESTED = "cancel_requested"
    MOVED = "moved"
    FLAGGED = "flagged"  # it came onto the attention list; the note says why
    RETRIED = "retried"  # by an operator
    RESOLVED = "resolved"  # by an operator
    UNBLOCKED = "unblocked"  # the clinician, by an operator


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One entry of a checkout's story, committed with the write that it tells of."""

    checkout_id: str
    at: datetime  # UTC
    kind: HistoryKind | Unknown
    before: str  # state
    after: str  # state
    attempt: int
    by: str  # a driver, a principal's kind, or an operator's name on their machine
    note: str | None = field(default=None)  # an operator's, or an Attention


@dataclass(frozen=True, kw_only=True)
class ClinicianBlock:
    """A clinician who is not bookable until somebody clears it."""

    clinician_id: str
    reason: str  # an Attention
    checkout_id: str  # whose visit came back under another name
    blocked_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class CheckoutSummary:
    """A checkout as operators list it, whatever version of this program wrote its row: nothing of whose it is."""

    id: str
    state: str
    attention: tuple[str, ...]  # why a person must look
    clinician_id: str
    starts_at: datetime  # UTC; of the visit
    tries: int  # of the step that it stands at
    created_at: datetime  # UTC
    updated_at: datetime  # UTC
    due_at: datetime | None  # UTC; when a worker takes it up


@dataclass(frozen=True, kw_only=True)
class ListPlace:
    """A place in the list of checkouts: that of the row with this id."""

    created_at: datetime  # UTC
    id: str


class CheckoutHistory(Protocol):
    """What happened to each checkout, inside one unit of work; append-only."""

    async def add(self, event: HistoryEntry) -> None:
        """Write an entry."""


class AlertOutbox(Protocol):
    """Alerts that wait to be told, inside one unit of work: committed with their cause, so that a crash loses none."""

    async def raise_once(self, alert: Alert) -> None:
        """Write the alert, unless this reason was raised for this subject already."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[Alert]:
        """Alerts to be told now, oldest first."""

    async def claim(self, alert: Alert, *, now: datetime, until: datetime) -> bool:
        """Keep a due alert from other workers until then; answers whether it was still due."""

    async def mark_sent(self, alert: Alert, at: datetime) -> None:
        """Note that it was told."""

    async def defer(self, alert: Alert, due_at: datetime) -> None:
        """Note that telling it failed; it is due again at that time."""

    async def forget(self, subject: str) -> None:
        """Let every reason be raised for the subject anew: somebody has tried to mend it."""


class ClinicianBlocks(Protocol):
    """Clinicians who are not bookable until cleared, inside one unit of work."""

    async def block(self, block: ClinicianBlock) -> None:
        """Block; a block that stands is left as it is."""

    async def is_blocked(self, clinician_id: str) -> bool:
        """Whether a block stands."""

    async def standing(self) -> Sequence[ClinicianBlock]:
        """All blocks, oldest first."""

    async def clear(self, clinician_id: str) -> bool:
        """Take the block away; answers whether there was one."""


class BlockedClinicians(Protocol):
    """Who is blocked, to be asked often."""

    async def blocked(self) -> frozenset[str]:
        """Ids of clinicians who are not bookable until cleared."""


class AlertChannel(Protocol):
    """A way to tell people."""

    async def send(self, alert: Alert) -> None:
        """Tell it, or raise AlertDeliveryFailed; telling it twice is possible after a crash."""
