"""A guest's mailbox: the one-time code that was sent there, and when it was proved.

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
