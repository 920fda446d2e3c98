"""Tables of domain events: the outbox, its subscribers, and the deliveries to each."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from integrations.database.columns import Counter, Document, UtcTime
from integrations.database.tables.declaring import metadata, partial_index

practice_events = Table(
    "practice_events",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),  # in the order of commits
    Column("id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("ids", Document, nullable=False),
    Column("by", String),
    Index("practice_events_id", "id", unique=True),
    Index("practice_events_at", "at"),
    Index("practice_events_resource", "kind", "resource_id"),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", String, primary_key=True),
    Column("place", BigInteger, nullable=False),  # cursor: sequence up to which events were fanned out to it
    Column("failing_since", UtcTime),  # nothing was accepted since
    Column("created_at", UtcTime, nullable=False),
    Column("url", String),  # of an endpoint; NULL: a handler
    Column("events", Document),  # that an endpoint wants; NULL: all
    Column("secrets", Document),  # of an endpoint, sealed
    Column("disabled_at", UtcTime),
    Column("disabled_because", String),  # a code
)

event_deliveries = Table(
    "event_letters",
    metadata,
    Column("subscriber_id", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # of the event
    Column("tries", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", String),  # a code
    Column("told_at", UtcTime),  # delivered
    Column("dead_at", UtcTime),  # became a dead letter
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),  # NULL: delivered, or a dead letter
    PrimaryKeyConstraint("subscriber_id", "sequence"),
    Index("event_letters_sequence", "sequence"),
    partial_index("event_letters_dead", "subscriber_id", "sequence", where="dead_at IS NOT NULL"),
    # For whether one is due at all, while thousands may wait for an endpoint that fails.
    partial_index("event_letters_due_at", "subscriber_id", "due_at", where="due_at IS NOT NULL"),
    partial_index("event_letters_due", "subscriber_id", "sequence", where="due_at IS NOT NULL"),
)
