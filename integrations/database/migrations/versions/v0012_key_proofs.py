"""Whose the clinicians' keys are, remembered between processes and starts.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "key_proofs",
        sa.Column("clinician_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("theirs", sa.Boolean()),
        sa.Column("answered_at", Moment),
        sa.Column("lease_until", Moment),
        sa.PrimaryKeyConstraint("clinician_id", "fingerprint"),
    )


def downgrade() -> None:
    op.drop_table("key_proofs")
