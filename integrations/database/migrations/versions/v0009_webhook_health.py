"""Work that is done once a day, and what is remembered of our webhooks upstream.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "daily_runs",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("lease_owner", sa.String()),
        sa.Column("lease_until", Moment),
        sa.Column("finished_at", Moment),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment),
        sa.Column("seen_until", Moment),
        sa.PrimaryKeyConstraint("job", "day"),
    )
    op.create_table(
        "webhook_subscriptions",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("secret", Document),
        sa.Column("well_at", Moment),
    )


def downgrade() -> None:
    op.drop_table("webhook_subscriptions")
    op.drop_table("daily_runs")
