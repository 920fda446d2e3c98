"""Tables of synchronization: the webhook inbox, pending refreshes, snapshots, polls, and webhook subscriptions."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from integrations.database.columns import Counter, Document, UtcTime
from integrations.database.tables.declaring import metadata

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("received_at", UtcTime, nullable=False),
    Column("source", String, nullable=False),  # webhook | poll | operator | missed
    Column("event", String, nullable=False),  # upstream's own name for it
    Column("resource_type", String, nullable=False),  # upstream's own name
    Column("resource_id", String, nullable=False),
    Column("kind", String),  # ours; NULL: not about a resource that is synchronized
    Index("webhook_deliveries_received_at", "received_at"),
    Index("webhook_deliveries_resource", "resource_id", "event"),
)

pending_refreshes = Table(
    "resource_marks",
    metadata,
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("merged", Boolean, nullable=False),
    Column("about", String),  # the patient to whom it belongs, if the webhook named them
    # Notifications so far: if it grows during a refresh, another refresh follows.
    Column("marks", Integer, nullable=False),
    Column("first_marked_at", UtcTime, nullable=False),
    Column("marked_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", String),  # a code
    Column("dead_at", UtcTime),
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),  # NULL: a dead letter
    PrimaryKeyConstraint("kind", "resource_id"),
    Index("resource_marks_due_at", "due_at"),
)

resource_snapshots = Table(
    "resource_snapshots",
    metadata,
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Document),  # the last that existed: ids, statuses, times, digests
    Column("gone", Boolean, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("starts_at", UtcTime),  # of a visit that is not deleted
    PrimaryKeyConstraint("kind", "resource_id"),
    Index("resource_snapshots_starts_at", "starts_at"),
)

polls = Table(
    "polls",
    metadata,
    Column("name", String, primary_key=True),
    Column("next_at", UtcTime, nullable=False),  # the next round is due
    Column("seen_until", UtcTime, nullable=False),  # cursor: all changes until then were seen
)

webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column("id", String, primary_key=True),  # upstream's
    Column("secret", Document),  # signing secret, sealed; NULL: it does not send to us
    Column("well_at", UtcTime),  # when it was last found in order
)
