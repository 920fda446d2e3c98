"""Tables of checkouts and of their history."""

from collections.abc import Iterable

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from booking.checkout.model import CheckoutState
from booking.checkout.transitions import ENDED, IN_FLIGHT, TERMINAL
from integrations.database.columns import Counter, Document, UtcTime
from integrations.database.tables.declaring import metadata, partial_index


def _states(states: Iterable[CheckoutState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


# The conditions of partial indexes. A query repeats one in these words, not by parameters: only then any plan may use the index.
NOT_ENDED = f"state NOT IN ({_states(ENDED)})"
NOT_OVER = f"state NOT IN ({_states(TERMINAL)})"
# The ends of few; nearly all of the history is confirmed or expired.
RARE_ENDS = TERMINAL - {CheckoutState.CONFIRMED, CheckoutState.EXPIRED}
OVER_RARELY = f"state IN ({_states(RARE_ENDS)})"


checkouts = Table(
    "checkouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("started_by", String, nullable=False),
    Column("hold_id", String, nullable=False),
    Column("hold_expires_at", UtcTime),  # NULL: started by a version that did not store it yet
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("slot", Document, nullable=False),
    Column("quote", Document, nullable=False),
    Column("guest", Document),  # sealed; NULL once the patient is known upstream
    Column("patient_id", String),
    Column("patient_created", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    # Sealed: a single-use token or the id of a card on file, until the bank has answered or the checkout has ended.
    Column("card", Document),
    Column("card_id", String),
    Column("confirm_deadline", UtcTime),
    Column("declined", String),
    Column("charge", Document),
    Column("billing_item_id", String),  # of the charge, for its unique index
    Column("charge_id", String),  # of the charge, for lookups
    Column("refunded", Document),
    Column("appointment_id", String),
    Column("end_reason", String),
    Column("attention", String),
    Column("attention_from", String),
    Column("attempts", Document, nullable=False),  # every attempt that could charge or book; never deleted
    Column("ended_at", UtcTime),
    # Reconciliation checks made after the end; the next is at due_at.
    Column("looks", Integer, nullable=False),
    Column("late", Document),  # a late charge or booking that was found, while it is being undone
    Column("settled", Document, nullable=False),  # upstream ids of late findings that are resolved
    Column("cancel_requested", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("intended_at", UtcTime),
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("email_code", Document),  # its keyed digest, until it is entered or the checkout has ended
    Column("email_verified_at", UtcTime),
    partial_index("checkouts_live_hold_id", "hold_id", where=NOT_ENDED, unique=True),
    partial_index(
        "checkouts_in_flight_patient_id", "patient_id", where=f"state IN ({_states(IN_FLIGHT)})", unique=True
    ),
    Index("checkouts_unique_billing_item_id", "billing_item_id", unique=True),  # NULLs do not collide
    Index("checkouts_unique_appointment_id", "appointment_id", unique=True),
    Index("checkouts_patient_id", "patient_id"),
    Index("checkouts_created_at", "created_at", "id"),  # for lists, as is the next
    partial_index("checkouts_attention", "created_at", "id", where="attention IS NOT NULL"),
    partial_index("checkouts_not_over", "state", "created_at", "id", where=NOT_OVER),
    partial_index("checkouts_over_rarely", "state", "created_at", "id", where=OVER_RARELY),
    # For visits that were confirmed lately: all the others of a clinician, years of them, are not read.
    partial_index("checkouts_clinician_ended_at", "clinician_id", "ended_at", where="ended_at IS NOT NULL"),
    partial_index("checkouts_due_at", "due_at", where="due_at IS NOT NULL"),
)

checkout_events = Table(
    "checkout_events",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("checkout_id", String, ForeignKey("checkouts.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("note", String),
    Index("checkout_events_checkout_id", "checkout_id"),
)
