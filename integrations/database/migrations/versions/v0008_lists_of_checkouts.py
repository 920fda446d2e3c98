"""Lists of checkouts by when they were started, all of them and those that need a person."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("checkouts_created_at", "checkouts", ["created_at", "id"])
    needing = sa.text("attention IS NOT NULL")
    op.create_index(
        "checkouts_attention",
        "checkouts",
        ["created_at", "id"],
        sqlite_where=needing,
        postgresql_where=needing,
    )


def downgrade() -> None:
    op.drop_index("checkouts_attention", "checkouts")
    op.drop_index("checkouts_created_at", "checkouts")
