"""Checkouts with their story, alerts, slot claims, holds and idempotency keys.

History: it names its states, types and constraints itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ENDED = (
    "'cancelled', 'confirmed', 'expired', 'late_deletion_intended', 'late_recurring_cancel_intended', "
    "'late_refund_intended', 'refunded', 'slot_lost'"
)
IN_FLIGHT = (
    "'booked', 'booking_intended', 'card_intended', 'card_ready', 'charge_intended', 'charged', 'compensating', "
    "'deletion_intended', 'recurring_cancel_intended', 'recurring_cancelled', 'refund_intended'"
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")  # text = text inside a GiST index
    _checkouts()
    _story()
    _alerts()
    _slot_claims()
    if on_postgresql:
        op.execute(
            "ALTER TABLE slot_claims ADD CONSTRAINT slot_claims_no_overlap EXCLUDE USING gist "
            "(clinician_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&)"
        )
    _holds()
    _idempotency_keys()


def downgrade() -> None:
    for table in (
        "idempotency_keys",
        "holds",
        "slot_claims",
        "clinician_blocks",
        "alerts",
        "upstream_calls",
        "checkout_events",
        "checkouts",
    ):
        op.drop_table(table)


def _checkouts() -> None:
    op.create_table(
        "checkouts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("hold_id", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("slot", Document, nullable=False),
        sa.Column("quote", Document, nullable=False),
        sa.Column("guest", Document),
        sa.Column("patient_id", sa.String()),
        sa.Column("patient_created", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("card", Document),
        sa.Column("card_id", sa.String()),
        sa.Column("confirm_deadline", Moment),
        sa.Column("declined", sa.String()),
        sa.Column("charge", Document),
        sa.Column("billing_item_id", sa.String()),
        sa.Column("charge_id", sa.String()),
        sa.Column("refunded", Document),
        sa.Column("appointment_id", sa.String()),
        sa.Column("end_reason", sa.String()),
        sa.Column("attention", sa.String()),
        sa.Column("attention_from", sa.String()),
        sa.Column("attempts", Document, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("late", Document),
        sa.Column("settled", Document, nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("intended_at", Moment),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", Moment),
        sa.Column("due_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )
    _index("checkouts_live_hold_id", "hold_id", unique=True, where=f"state NOT IN ({ENDED})")
    _index("checkouts_in_flight_patient_id", "patient_id", unique=True, where=f"state IN ({IN_FLIGHT})")
    _index("checkouts_unique_billing_item_id", "billing_item_id", unique=True)
    _index("checkouts_unique_appointment_id", "appointment_id", unique=True)
    _index("checkouts_patient_id", "patient_id")
    _index("checkouts_due_at", "due_at", where="due_at IS NOT NULL")


def _index(name: str, column: str, *, unique: bool = False, where: str | None = None) -> None:
    predicate = sa.text(where) if where else None
    op.create_index(
        name, "checkouts", [column], unique=unique, sqlite_where=predicate, postgresql_where=predicate
    )


def _story() -> None:
    op.create_table(
        "checkout_events",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=True),
        sa.Column("checkout_id", sa.String(), sa.ForeignKey("checkouts.id"), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String()),
    )
    op.create_index("checkout_events_checkout_id", "checkout_events", ["checkout_id"])
    op.create_table(
        "upstream_calls",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=True),
        sa.Column("checkout_id", sa.String(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("acting", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.String()),
        sa.Column("request_id", sa.String()),
    )
    op.create_index("upstream_calls_checkout_id", "upstream_calls", ["checkout_id"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("raised_at", Moment, nullable=False),
        sa.Column("told_at", Moment),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment),
    )
    op.create_index("alerts_due_at", "alerts", ["due_at"])
    op.create_index("alerts_subject", "alerts", ["subject"])
    op.create_table(
        "clinician_blocks",
        sa.Column("clinician_id", sa.String(), primary_key=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("checkout_id", sa.String(), nullable=False),
        sa.Column("blocked_at", Moment, nullable=False),
    )


def _slot_claims() -> None:
    op.create_table(
        "slot_claims",
        sa.Column("checkout_id", sa.String(), sa.ForeignKey("checkouts.id"), primary_key=True),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
    )
    op.create_index("slot_claims_clinician", "slot_claims", ["clinician_id", "starts_at"])


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("visit_type_id", sa.String(), nullable=False),
        sa.Column("contact_type", sa.String(), nullable=False),
        sa.Column("location_id", sa.String()),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("client", sa.String()),
    )
    op.create_index("holds_clinician", "holds", ["clinician_id", "starts_at"])
    op.create_index("holds_owner", "holds", ["owner"])
    op.create_index("holds_client", "holds", ["client"])
    op.create_index("holds_expires_at", "holds", ["expires_at"])


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("key_digest", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("in_flight_until", Moment, nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("reference", Document),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "principal", "field", "key_digest"),
    )
    op.create_index("idempotency_keys_created_at", "idempotency_keys", ["created_at"])
