"""Which patient each signed-in person was found to be."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "patient_links",
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("linked_at", Moment, nullable=False),
    )
    op.create_index("patient_links_patient_id", "patient_links", ["patient_id"])


def downgrade() -> None:
    op.drop_table("patient_links")
