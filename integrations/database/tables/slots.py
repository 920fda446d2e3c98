"""Tables of clinicians' occupied time: holds, which expire, and the slot claims of checkouts, which do not."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, column, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from integrations.database.columns import UtcTime
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
    Column("checkout_id", String, ForeignKey("checkouts.id"), primary_key=True),
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Index("slot_claims_clinician", "clinician_id", "starts_at"),
    # Guarantees that two visits never overlap. On SQLite the single writer guarantees it, see claims.py.
    ExcludeConstraint(
        (column("clinician_id"), "="),
        (func.tstzrange(column("starts_at"), column("ends_at"), text("'[)'")), "&&"),
        using="gist",
        name="slot_claims_no_overlap",
    ).ddl_if(dialect="postgresql"),
)
