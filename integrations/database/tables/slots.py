"""Tables of clinicians' occupied time: holds, which expire, and the slot claims of checkouts and of reschedules, which do not."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, column, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from integrations.database.columns import Counter, UtcTime
from integrations.database.tables.declaring import metadata

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
    Column("taken_by", String),  # NULL: by the owner, written by a version that did not store it yet
    Index("holds_clinician", "clinician_id", "starts_at"),
    Index("holds_taken_by", "taken_by"),
    Index("holds_client", "client"),
    Index("holds_expires_at", "expires_at"),
)

slot_claims = Table(
    "slot_claims",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    # The owner is a checkout or a reschedule. The version before writes only the first.
    Column("checkout_id", String, ForeignKey("checkouts.id")),
    Column("change_id", String, ForeignKey("requested_changes.id")),
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    CheckConstraint("(checkout_id IS NULL) <> (change_id IS NULL)", name="slot_claims_one_owner"),
    Index("slot_claims_checkout_id", "checkout_id", unique=True),
    Index("slot_claims_change_id", "change_id", unique=True),
    Index("slot_claims_clinician", "clinician_id", "starts_at"),
    # Guarantees that two visits never overlap. On SQLite the single writer guarantees it, see claims.py.
    ExcludeConstraint(
        (column("clinician_id"), "="),
        (func.tstzrange(column("starts_at"), column("ends_at"), text("'[)'")), "&&"),
        using="gist",
        name="slot_claims_no_overlap",
    ).ddl_if(dialect="postgresql"),
)
