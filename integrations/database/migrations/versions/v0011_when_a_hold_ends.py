"""When the hold of a checkout ends, on the checkout's own row: a hold store that was emptied does not know it any more.

History: it names its types itself, and never changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("hold_expires_at", Moment))
    # Of a row that nobody has confirmed yet this is when a worker looks at it. Of others it stays unknown.
    op.execute("UPDATE checkouts SET hold_expires_at = due_at WHERE state = 'started' AND attempt = 0")


def downgrade() -> None:
    op.drop_column("checkouts", "hold_expires_at")
