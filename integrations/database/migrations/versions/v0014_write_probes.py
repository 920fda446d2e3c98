"""Rows that show whether the database takes writes.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "write_probes",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("filler", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("write_probes")
