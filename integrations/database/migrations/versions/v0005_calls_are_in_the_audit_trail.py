"""The upstream calls of checkouts are told from the audit trail; the table of their own goes, with what it held.

History: it never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_table("upstream_calls")


def downgrade() -> None:
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
