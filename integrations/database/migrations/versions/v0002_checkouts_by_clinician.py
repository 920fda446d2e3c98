"""Checkouts are found by clinician and time: a claim conflicts with a visit that was confirmed meanwhile."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("checkouts_clinician", "checkouts", ["clinician_id", "starts_at"])


def downgrade() -> None:
    op.drop_index("checkouts_clinician", "checkouts")
