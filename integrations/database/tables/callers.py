"""Tables of callers: the patient records of signed-in persons, and the idempotency keys of mutations."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from integrations.database.columns import Document, UtcTime
from integrations.database.tables.declaring import metadata

patient_links = Table(
    "patient_links",
    metadata,
    Column("person", String, primary_key=True),  # SHA-256 of the sign-in provider's issuer and subject
    Column("patient_id", String, nullable=False),
    Column("linked_at", UtcTime, nullable=False),
    Index("patient_links_patient_id", "patient_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("field", String, nullable=False),
    Column("key_digest", String, nullable=False),  # SHA-256: clients may put anything into a key
    Column("fingerprint", String, nullable=False),  # HMAC of the arguments
    # Counts claims of the row; completing it must match (fencing).
    Column("attempt", Integer, nullable=False),
    Column("in_flight_until", UtcTime, nullable=False),
    Column("completed", Boolean, nullable=False),
    Column("reference", Document),  # ids of the result
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "principal", "field", "key_digest"),
    Index("idempotency_keys_created_at", "created_at"),
)
