"""Requested changes of booked visits and memberships, and slot claims that belong to one.

History: it names its states, types and constraints itself, and never changes. The version before may still run: it goes on writing
`slot_claims.checkout_id`, and PostgreSQL's exclusion constraint keeps it from what a reschedule has claimed.

The locks are taken in the order in which the program writes the tables, checkouts first, and each for an instant: the new tables are
empty, and the claims are those of this moment.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NOT_ENDED = "state NOT IN ('done', 'refused', 'superseded')"
ONE_OWNER = "(checkout_id IS NULL) <> (change_id IS NULL)"

# A table of SQLite is altered by making it anew.
CLAIMS_ON_SQLITE = (
    "DROP INDEX slot_claims_clinician",
    "ALTER TABLE slot_claims RENAME TO former_slot_claims",
    """CREATE TABLE slot_claims (
        sequence INTEGER NOT NULL,
        checkout_id VARCHAR,
        change_id VARCHAR,
        clinician_id VARCHAR NOT NULL,
        starts_at BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        PRIMARY KEY (sequence),
        CONSTRAINT slot_claims_one_owner CHECK ((checkout_id IS NULL) <> (change_id IS NULL)),
        FOREIGN KEY(checkout_id) REFERENCES checkouts (id),
        FOREIGN KEY(change_id) REFERENCES requested_changes (id)
    )""",
    """INSERT INTO slot_claims (checkout_id, clinician_id, starts_at, ends_at)
        SELECT checkout_id, clinician_id, starts_at, ends_at FROM former_slot_claims""",
    "DROP TABLE former_slot_claims",
    "CREATE INDEX slot_claims_clinician ON slot_claims (clinician_id, starts_at)",
)
FORMER_CLAIMS_ON_SQLITE = (
    "DROP INDEX slot_claims_clinician",
    "ALTER TABLE slot_claims RENAME TO later_slot_claims",
    """CREATE TABLE slot_claims (
        checkout_id VARCHAR NOT NULL,
        clinician_id VARCHAR NOT NULL,
        starts_at BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        PRIMARY KEY (checkout_id),
        FOREIGN KEY(checkout_id) REFERENCES checkouts (id)
    )""",
    """INSERT INTO slot_claims (checkout_id, clinician_id, starts_at, ends_at)
        SELECT checkout_id, clinician_id, starts_at, ends_at FROM later_slot_claims WHERE change_id IS NULL""",
    "DROP TABLE later_slot_claims",
    "CREATE INDEX slot_claims_clinician ON slot_claims (clinician_id, starts_at)",
)


def upgrade() -> None:
    _requested_changes()
    _history()
    if op.get_bind().dialect.name == "sqlite":
        for statement in CLAIMS_ON_SQLITE:
            op.execute(statement)
    else:
        op.drop_constraint("slot_claims_pkey", "slot_claims")
        op.execute("ALTER TABLE slot_claims ADD COLUMN sequence BIGSERIAL PRIMARY KEY")
        op.alter_column("slot_claims", "checkout_id", nullable=True)
        op.add_column("slot_claims", sa.Column("change_id", sa.String()))
        op.create_foreign_key(
            "slot_claims_change_id_fkey", "slot_claims", "requested_changes", ["change_id"], ["id"]
        )
        op.create_check_constraint("slot_claims_one_owner", "slot_claims", ONE_OWNER)
    op.create_index("slot_claims_checkout_id", "slot_claims", ["checkout_id"], unique=True)
    op.create_index("slot_claims_change_id", "slot_claims", ["change_id"], unique=True)


def downgrade() -> None:
    """Claims of reschedules are given up: the version before cannot carry a change on."""
    op.drop_index("slot_claims_change_id", "slot_claims")
    op.drop_index("slot_claims_checkout_id", "slot_claims")
    if op.get_bind().dialect.name == "sqlite":
        for statement in FORMER_CLAIMS_ON_SQLITE:
            op.execute(statement)
    else:
        op.execute("DELETE FROM slot_claims WHERE change_id IS NOT NULL")
        op.drop_constraint("slot_claims_one_owner", "slot_claims")
        op.drop_column("slot_claims", "change_id")
        op.drop_column("slot_claims", "sequence")
        op.create_primary_key("slot_claims_pkey", "slot_claims", ["checkout_id"])
    op.drop_table("requested_change_events")
    op.drop_table("requested_changes")


def _requested_changes() -> None:
    op.create_table(
        "requested_changes",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("appointment_id", sa.String()),
        sa.Column("clinician_id", sa.String()),
        sa.Column("starts_at", Moment),
        sa.Column("slot", Document),
        sa.Column("new_clinician_id", sa.String()),
        sa.Column("new_starts_at", Moment),
        sa.Column("new_ends_at", Moment),
        sa.Column("new_slot", Document),
        sa.Column("new_appointment_id", sa.String()),
        sa.Column("hold_id", sa.String()),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("checkout_id", sa.String(), sa.ForeignKey("checkouts.id")),
        sa.Column("quote_id", sa.String(), nullable=False),
        sa.Column("reason", Document),
        sa.Column("reason_id", sa.String()),
        sa.Column("note", Document),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("payment_id", sa.String()),
        sa.Column("charge_id", sa.String()),
        sa.Column("card_id", sa.String()),
        sa.Column("charged_by", sa.String()),
        sa.Column("refunded_before", Document),
        sa.Column("recurring_payment_id", sa.String()),
        sa.Column("actions", Document, nullable=False),
        sa.Column("end_reason", sa.String()),
        sa.Column("attention", sa.String()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("freed_at", Moment),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", Moment),
        sa.Column("due_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
    )
    _index("requested_changes_open_subject", "subject_kind", "subject_id", where=NOT_ENDED, unique=True)
    _index("requested_changes_live_hold_id", "hold_id", where=NOT_ENDED, unique=True)
    _index("requested_changes_appointment_id", "appointment_id", "created_at")
    _index("requested_changes_subject", "subject_kind", "subject_id", "created_at")
    _index(
        "requested_changes_new_appointment_id", "new_appointment_id", where="new_appointment_id IS NOT NULL"
    )
    _index("requested_changes_checkout_id", "checkout_id", where="checkout_id IS NOT NULL")
    _index("requested_changes_patient_id", "patient_id")
    _index("requested_changes_created_at", "created_at", "id")
    _index("requested_changes_attention", "created_at", "id", where="attention IS NOT NULL")
    _index("requested_changes_not_ended", "state", "created_at", "id", where=NOT_ENDED)
    moved = "state = 'done' AND new_starts_at IS NOT NULL"
    _index("requested_changes_moved", "new_clinician_id", "ended_at", where=moved)
    _index("requested_changes_due_at", "due_at", where="due_at IS NOT NULL")


def _history() -> None:
    op.create_table(
        "requested_change_events",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=True),
        sa.Column("change_id", sa.String(), sa.ForeignKey("requested_changes.id"), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String()),
    )
    op.create_index("requested_change_events_change_id", "requested_change_events", ["change_id"])


def _index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name,
        "requested_changes",
        list(columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
