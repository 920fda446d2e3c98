"""Webhooks: the inbox, dirty marks, what was last seen, the outbox of events, and when we asked by ourselves.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=True),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("resource_type", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String()),
    )
    op.create_index("webhook_deliveries_received_at", "webhook_deliveries", ["received_at"])
    op.create_index("webhook_deliveries_resource", "webhook_deliveries", ["resource_id", "event"])
    op.create_table(
        "resource_marks",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("merged", sa.Boolean(), nullable=False),
        sa.Column("about", sa.String()),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.Column("first_marked_at", Moment, nullable=False),
        sa.Column("marked_at", Moment, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment),
        sa.Column("error", sa.String()),
        sa.Column("dead_at", Moment),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", Moment),
        sa.Column("due_at", Moment),
        sa.PrimaryKeyConstraint("kind", "resource_id"),
    )
    op.create_index("resource_marks_due_at", "resource_marks", ["due_at"])
    op.create_table(
        "resource_snapshots",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", Document),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("starts_at", Moment),
        sa.PrimaryKeyConstraint("kind", "resource_id"),
    )
    op.create_index("resource_snapshots_starts_at", "resource_snapshots", ["starts_at"])
    op.create_table(
        "practice_events",
        sa.Column("sequence", Counter, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("ids", Document, nullable=False),
        sa.Column("by", sa.String()),
    )
    op.create_index("practice_events_id", "practice_events", ["id"], unique=True)
    op.create_index("practice_events_at", "practice_events", ["at"])
    op.create_index("practice_events_resource", "practice_events", ["kind", "resource_id"])
    op.create_table(
        "polls",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("next_at", Moment, nullable=False),
        sa.Column("seen_until", Moment, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "polls",
        "practice_events",
        "resource_snapshots",
        "resource_marks",
        "webhook_deliveries",
    ):
        op.drop_table(table)
