"""The tables. A change here needs a migration: a test compares the two on both databases."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TextClause,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from booking.models import CheckoutState
from booking.saga_table import ENDED, IN_FLIGHT
from integrations.database.append_only import only_added_to
from integrations.database.columns import Counter, Document, UtcTime

metadata = MetaData()


def _states(states: Iterable[CheckoutState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


def _partial_unique(name: str, column_name: str, where: str) -> Index:
    predicate: TextClause = text(where)
    return Index(name, column_name, unique=True, sqlite_where=predicate, postgresql_where=predicate)


checkouts = Table(
    "checkouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("started_by", String, nullable=False),
    Column("hold_id", String, nullable=False),
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("slot", Document, nullable=False),
    Column("quote", Document, nullable=False),
    Column("guest", Document),  # sealed; NULL once the patient is known upstream
    Column("patient_id", String),
    Column("patient_created", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column(
        "card", Document
    ),  # sealed: a single-use token or the id of a card on file, while the attempt needs it
    Column("card_id", String),
    Column("confirm_deadline", UtcTime),
    Column("declined", String),
    Column("charge", Document),
    Column("billing_item_id", String),  # of the charge, for its unique index
    Column("charge_id", String),  # of the charge, to be found by
    Column("refunded", Document),
    Column("appointment_id", String),
    Column("end_reason", String),
    Column("attention", String),
    Column("attention_from", String),
    Column("attempts", Document, nullable=False),  # every one that could charge or book, never forgotten
    Column("ended_at", UtcTime),
    Column("looks", Integer, nullable=False),  # for late truth, done; the next is at due_at
    Column("late", Document),  # what was found late, while it is being undone
    Column("settled", Document, nullable=False),  # upstream ids of late findings that were dealt with
    Column("cancel_requested", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("intended_at", UtcTime),
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    _partial_unique("checkouts_live_hold_id", "hold_id", f"state NOT IN ({_states(ENDED)})"),
    _partial_unique("checkouts_in_flight_patient_id", "patient_id", f"state IN ({_states(IN_FLIGHT)})"),
    Index("checkouts_unique_billing_item_id", "billing_item_id", unique=True),  # NULLs do not collide
    Index("checkouts_unique_appointment_id", "appointment_id", unique=True),
    Index("checkouts_patient_id", "patient_id"),
    Index("checkouts_created_at", "created_at", "id"),  # for lists, as the next
    Index(
        "checkouts_attention",
        "created_at",
        "id",
        sqlite_where=text("attention IS NOT NULL"),
        postgresql_where=text("attention IS NOT NULL"),
    ),
    Index("checkouts_clinician", "clinician_id", "starts_at"),  # for claims
    Index(
        "checkouts_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)

checkout_events = Table(
    "checkout_events",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("checkout_id", String, ForeignKey("checkouts.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("note", String),
    Index("checkout_events_checkout_id", "checkout_id"),
)

# Each record is signed together with the one before it: booking/audit_chain.py. Added to, and nothing else.
audit_records = Table(
    "audit_records",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=False),  # unique: a chain cannot fork
    Column("at", String, nullable=False),  # a stamp, to be searched by
    Column("checkout_id", String),  # to be searched by
    Column("record", Text, nullable=False),  # the very text that was signed; JSON
    Column("mac", String, nullable=False),
    Index("audit_records_at", "at"),
    Index("audit_records_checkout_id", "checkout_id"),
)
only_added_to(audit_records)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),  # reason and subject: raised once
    Column("reason", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("told_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("due_at", UtcTime),  # NULL: told
    Index("alerts_due_at", "due_at"),
    Index("alerts_subject", "subject"),
)

clinician_blocks = Table(
    "clinician_blocks",
    metadata,
    Column("clinician_id", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("checkout_id", String, nullable=False),
    Column("blocked_at", UtcTime, nullable=False),
)

patient_links = Table(
    "patient_links",
    metadata,
    Column("person", String, primary_key=True),  # SHA-256 of the sign-in provider's issuer and subject
    Column("patient_id", String, nullable=False),
    Column("linked_at", UtcTime, nullable=False),
    Index("patient_links_patient_id", "patient_id"),
)

slot_claims = Table(
    "slot_claims",
    metadata,
    Column("checkout_id", String, ForeignKey("checkouts.id"), primary_key=True),
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Index("slot_claims_clinician", "clinician_id", "starts_at"),
    # The promise that two visits never overlap. SQLite keeps it by its single writer, see claims.py.
    ExcludeConstraint(
        (column("clinician_id"), "="),
        (func.tstzrange(column("starts_at"), column("ends_at"), text("'[)'")), "&&"),
        using="gist",
        name="slot_claims_no_overlap",
    ).ddl_if(dialect="postgresql"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("clinician_id", String, nullable=False),
    Column("visit_type_id", String, nullable=False),
    Column("contact_type", String, nullable=False),
    Column("location_id", String),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("extensions", Integer, nullable=False),
    Column("client", String),  # the network that it was taken from, as an HMAC
    Column("taken_by", String),  # NULL: by the owner, through a program that did not write it down yet
    Index("holds_clinician", "clinician_id", "starts_at"),
    Index("holds_taken_by", "taken_by"),
    Index("holds_client", "client"),
    Index("holds_expires_at", "expires_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("field", String, nullable=False),
    Column("key_digest", String, nullable=False),  # SHA-256: clients may put anything into a key
    Column("fingerprint", String, nullable=False),  # HMAC of the arguments
    Column("attempt", Integer, nullable=False),  # counts claims of the row; whoever finishes must name it
    Column("in_flight_until", UtcTime, nullable=False),
    Column("completed", Boolean, nullable=False),
    Column("reference", Document),  # ids of what came of it
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "principal", "field", "key_digest"),
    Index("idempotency_keys_created_at", "created_at"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("received_at", UtcTime, nullable=False),
    Column("source", String, nullable=False),  # webhook | poll | operator | missed
    Column("event", String, nullable=False),  # upstream's own name for it
    Column("resource_type", String, nullable=False),  # upstream's own name
    Column("resource_id", String, nullable=False),
    Column("kind", String),  # ours; NULL: about nothing that is watched
    Index("webhook_deliveries_received_at", "received_at"),
    Index("webhook_deliveries_resource", "resource_id", "event"),
)

resource_marks = Table(
    "resource_marks",
    metadata,
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("merged", Boolean, nullable=False),
    Column("about", String),  # the patient whose it is, where the delivery named them
    Column("marks", Integer, nullable=False),  # another one while it is looked at means another look
    Column("first_marked_at", UtcTime, nullable=False),
    Column("marked_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", String),  # a code
    Column("dead_at", UtcTime),
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),  # NULL: given to a person
    PrimaryKeyConstraint("kind", "resource_id"),
    Index("resource_marks_due_at", "due_at"),
)

resource_snapshots = Table(
    "resource_snapshots",
    metadata,
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Document),  # the last there was: ids, statuses, times, digests
    Column("gone", Boolean, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("starts_at", UtcTime),  # of a visit that stands
    PrimaryKeyConstraint("kind", "resource_id"),
    Index("resource_snapshots_starts_at", "starts_at"),
)

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
    Column("place", BigInteger, nullable=False),  # up to which events its letters are written
    Column("failing_since", UtcTime),  # nothing was taken since
    Column("created_at", UtcTime, nullable=False),
    Column("url", String),  # of an endpoint; NULL: a handler
    Column("events", Document),  # that an endpoint wants; NULL: all
    Column("secrets", Document),  # of an endpoint, sealed
    Column("disabled_at", UtcTime),
    Column("disabled_because", String),  # a code
)

event_letters = Table(
    "event_letters",
    metadata,
    Column("subscriber_id", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # of the event
    Column("tries", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", String),  # a code
    Column("told_at", UtcTime),
    Column("dead_at", UtcTime),
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("due_at", UtcTime),  # NULL: told, or given up
    PrimaryKeyConstraint("subscriber_id", "sequence"),
    Index("event_letters_sequence", "sequence"),
    Index(
        "event_letters_due",
        "subscriber_id",
        "sequence",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)

polls = Table(
    "polls",
    metadata,
    Column("name", String, primary_key=True),
    Column("next_at", UtcTime, nullable=False),
    Column("seen_until", UtcTime, nullable=False),
)

daily_runs = Table(
    "daily_runs",
    metadata,
    Column("job", String, nullable=False),
    Column("day", String, nullable=False),  # a date, of the practice's zone
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("finished_at", UtcTime),
    Column("tries", Integer, nullable=False),  # that failed since it was last finished
    Column("due_at", UtcTime),  # of the next try; NULL: none failed
    Column("seen_until", UtcTime),  # up to when the job has seen everything
    PrimaryKeyConstraint("job", "day"),
)

webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column("id", String, primary_key=True),  # upstream's
    Column("secret", Document),  # sealed: what it signs with; NULL: it does not send to us
    Column("well_at", UtcTime),  # when it was last seen as it should be
)
