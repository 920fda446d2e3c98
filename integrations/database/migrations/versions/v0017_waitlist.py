"""The waitlist: entries, offers, and when each group is looked at.

History: it names its states and types itself, and never changes. The tables are new: the version before, which may still run, knows
nothing of them, and no lock is held on a table that it uses.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

WAITING = "state = 'waiting'"
LIVE_OFFER = "state IN ('intended', 'offered')"


def upgrade() -> None:
    op.create_table(
        "waitlist_entries",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("wish", Document, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("joined_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
    )
    _index("waitlist_entries_same_wish", "waitlist_entries", ["patient_id", "digest"], WAITING, unique=True)
    _index("waitlist_entries_waiting", "waitlist_entries", ["group_key", "joined_at", "id"], WAITING)
    op.create_index("waitlist_entries_patient", "waitlist_entries", ["patient_id", "joined_at"])
    op.create_index("waitlist_entries_ended_at", "waitlist_entries", ["ended_at"])
    op.create_table(
        "waitlist_offers",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "entry_id",
            sa.String(),
            sa.ForeignKey("waitlist_entries.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("slot", Document, nullable=False),
        sa.Column("hold_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("due_at", Moment),
        sa.Column("ended_at", Moment),
    )
    _index("waitlist_offers_live_entry", "waitlist_offers", ["entry_id"], LIVE_OFFER, unique=True)
    _index(
        "waitlist_offers_live_time", "waitlist_offers", ["clinician_id", "starts_at"], LIVE_OFFER, unique=True
    )
    _index("waitlist_offers_due", "waitlist_offers", ["due_at"], LIVE_OFFER)
    op.create_index("waitlist_offers_entry", "waitlist_offers", ["entry_id"])
    op.create_table(
        "waitlist_looks",
        sa.Column("group_key", sa.String(), primary_key=True),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("rested_at", Moment, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("marks", sa.Integer(), nullable=False),
    )
    op.create_index("waitlist_looks_due_at", "waitlist_looks", ["due_at"])


def downgrade() -> None:
    op.drop_table("waitlist_looks")
    op.drop_table("waitlist_offers")
    op.drop_table("waitlist_entries")


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
