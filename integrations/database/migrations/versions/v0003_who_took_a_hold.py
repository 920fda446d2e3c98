"""Who took a hold, which it counts for whoever owns it now."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("holds", recreate=_recreate()) as holds:
        holds.add_column(sa.Column("taken_by", sa.String()))
    op.execute("UPDATE holds SET taken_by = owner")
    op.drop_index("holds_owner", "holds")
    op.create_index("holds_taken_by", "holds", ["taken_by"])


def downgrade() -> None:
    op.drop_index("holds_taken_by", "holds")
    op.create_index("holds_owner", "holds", ["owner"])
    with op.batch_alter_table("holds", recreate=_recreate()) as holds:
        holds.drop_column("taken_by")


def _recreate() -> Literal["always", "never"]:
    """SQLite would write an added column behind the primary key, where a new database does not have it."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
