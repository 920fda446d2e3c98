"""The tables. A change here needs a migration: a test compares the two on both databases.

Whoever imports any of them, or `metadata`, has them all: a foreign key is found by its table's name, and migrations compare the
whole.
"""

from integrations.database.tables import callers, checkouts, events, slots, webhooks
from integrations.database.tables import operations as operations
from integrations.database.tables.declaring import metadata

__all__ = ["callers", "checkouts", "events", "metadata", "oversight", "slots", "webhooks"]
