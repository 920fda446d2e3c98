"""Indexes by which no statement reads years of history.

History: it names its states itself, and never changes. `IF NOT EXISTS`, so that on a very large database an operator can build them
beforehand, CONCURRENTLY; in here they keep writers of the table waiting.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TERMINAL = "'cancelled', 'confirmed', 'expired', 'refunded', 'slot_lost'"
RARE_ENDS = "'cancelled', 'refunded', 'slot_lost'"


def upgrade() -> None:
    by_state = "state", "created_at", "id"
    _index("checkouts_not_over", "checkouts", *by_state, where=f"state NOT IN ({TERMINAL})")
    _index("checkouts_over_rarely", "checkouts", *by_state, where=f"state IN ({RARE_ENDS})")
    _index(
        "checkouts_clinician_ended_at", "checkouts", "clinician_id", "ended_at", where="ended_at IS NOT NULL"
    )
    _index("event_letters_dead", "event_letters", "subscriber_id", "sequence", where="dead_at IS NOT NULL")
    _index("event_letters_due_at", "event_letters", "subscriber_id", "due_at", where="due_at IS NOT NULL")
    # Last, since it keeps readers waiting as well until the commit. The version before, which may still run, uses the new one.
    op.drop_index("checkouts_clinician", "checkouts")


def downgrade() -> None:
    op.create_index("checkouts_clinician", "checkouts", ["clinician_id", "starts_at"])
    op.drop_index("event_letters_due_at", "event_letters")
    op.drop_index("event_letters_dead", "event_letters")
    op.drop_index("checkouts_clinician_ended_at", "checkouts")
    op.drop_index("checkouts_over_rarely", "checkouts")
    op.drop_index("checkouts_not_over", "checkouts")


def _index(name: str, table: str, *columns: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, list(columns), if_not_exists=True, sqlite_where=condition, postgresql_where=condition
    )
