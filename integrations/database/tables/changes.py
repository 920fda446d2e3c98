"""Tables of requested changes of booked visits and memberships, and of their history."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from booking.changes.model import ChangeState
from integrations.database.columns import Counter, Document, UtcTime
from integrations.database.tables.declaring import metadata, partial_index

ENDS = (ChangeState.DONE, ChangeState.REFUSED, ChangeState.SUPERSEDED)
# The conditions of partial indexes; a query repeats one in these words (see tables/checkouts.py). A state of a newer version of the
# program counts as one that has not ended.
NOT_ENDED = "state NOT IN ({})".format(", ".join(f"'{state}'" for state in sorted(ENDS)))
MOVED = f"state = '{ChangeState.DONE}' AND new_starts_at IS NOT NULL"


requested_changes = Table(
    "requested_changes",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("by_staff", Boolean, nullable=False),
    Column("patient_id", String, nullable=False),
    Column("subject_kind", String, nullable=False),
    Column("subject_id", String, nullable=False),
    # Of a visit.
    Column("appointment_id", String),
    Column("clinician_id", String),
    Column("starts_at", UtcTime),  # as it was
    Column("slot", Document),
    Column("new_clinician_id", String),
    Column("new_starts_at", UtcTime),
    Column("new_ends_at", UtcTime),
    Column("new_slot", Document),
    Column("new_appointment_id", String),  # that the change booked
    Column("hold_id", String),
    Column("time_zone", String, nullable=False),
    Column("checkout_id", String, ForeignKey("checkouts.id")),
    Column("quote_id", String, nullable=False),
    Column("reason", Document),  # sealed; NULL once the change has ended
    Column("reason_id", String),
    Column("note", Document),  # staff's, sealed; kept
    Column("late", Boolean, nullable=False),
    Column("payment_id", String),
    Column("charge_id", String),
    Column("card_id", String),
    Column("charged_by", String),
    Column("refunded_before", Document),
    Column("recurring_payment_id", String),
    Column("actions", Document, nullable=False),
    Column("end_reason", String),
    Column("attention", String),
    Column("tries", Integer, nullable=False),
    Column(
        "freed_at", UtcTime
    ),  # when the visit's former time became free: cancelled or moved, and read back
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    partial_index(
        "requested_changes_open_subject", "subject_kind", "subject_id", where=NOT_ENDED, unique=True
    ),
    partial_index("requested_changes_live_hold_id", "hold_id", where=NOT_ENDED, unique=True),
    Index("requested_changes_appointment_id", "appointment_id", "created_at"),
    Index("requested_changes_subject", "subject_kind", "subject_id", "created_at"),
    partial_index(
        "requested_changes_new_appointment_id", "new_appointment_id", where="new_appointment_id IS NOT NULL"
    ),
    partial_index("requested_changes_checkout_id", "checkout_id", where="checkout_id IS NOT NULL"),
    Index("requested_changes_patient_id", "patient_id"),
    Index("requested_changes_created_at", "created_at", "id"),  # for lists, as is the next
    partial_index("requested_changes_attention", "created_at", "id", where="attention IS NOT NULL"),
    partial_index("requested_changes_not_ended", "state", "created_at", "id", where=NOT_ENDED),
    # For visits that were moved lately: all the others of a clinician, years of them, are not read.
    partial_index("requested_changes_moved", "new_clinician_id", "ended_at", where=MOVED),
    partial_index("requested_changes_due_at", "due_at", where="due_at IS NOT NULL"),
)

requested_change_events = Table(
    "requested_change_events",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("change_id", String, ForeignKey("requested_changes.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("by", String, nullable=False),
    Column("note", String),
    Index("requested_change_events_change_id", "change_id"),
)
