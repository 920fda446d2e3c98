"""A guest's email address: the one-time code that was mailed there, and when it was verified.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("email_code", Document))
    op.add_column("checkouts", sa.Column("email_verified_at", Moment))


def downgrade() -> None:
    op.drop_column("checkouts", "email_verified_at")
    op.drop_column("checkouts", "email_code")
