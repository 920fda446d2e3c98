"""The database tables. A change here needs a migration: a test compares the two on SQLite and PostgreSQL.

Importing any module of this package registers all tables in `metadata`: foreign keys refer to tables by name, and the
comparison with the migrations needs the complete set.
"""

from integrations.database.tables import (
    callers,
    changes,
    checkouts,
    events,
    operations,
    slots,
    waitlist,
    webhooks,
)
from integrations.database.tables.declaring import metadata

__all__ = [
    "callers",
    "changes",
    "checkouts",
    "events",
    "metadata",
    "operations",
    "slots",
    "waitlist",
    "webhooks",
]
