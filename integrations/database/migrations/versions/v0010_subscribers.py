"""Subscribers of events, and what each of them is to be told.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("url", sa.String()),
        sa.Column("events", Document),
        sa.Column("secrets", Document),
        sa.Column("disabled_at", Moment),
        sa.Column("disabled_because", sa.String()),
    )
    op.create_table(
        "event_letters",
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment),
        sa.Column("error", sa.String()),
        sa.Column("told_at", Moment),
        sa.Column("dead_at", Moment),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", Moment),
        sa.Column("due_at", Moment),
        sa.PrimaryKeyConstraint("subscriber_id", "sequence"),
    )
    op.create_index("event_letters_sequence", "event_letters", ["sequence"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "event_letters_due",
        "event_letters",
        ["subscriber_id", "sequence"],
        sqlite_where=due,
        postgresql_where=due,
    )


def downgrade() -> None:
    op.drop_table("event_letters")
    op.drop_table("subscribers")
