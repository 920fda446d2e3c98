"""Tables of operations: audit trail, alerts, blocked clinicians, daily jobs, key proofs and write probes."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, Text

from integrations.database.append_only import only_added_to
from integrations.database.columns import Counter, UtcTime
from integrations.database.tables.declaring import metadata

# A hash chain: each record is signed together with the one before it, see booking/audit/chain.py. Append-only.
audit_records = Table(
    "audit_records",
    metadata,
    Column("sequence", Counter, primary_key=True, autoincrement=False),  # unique: a chain cannot fork
    Column("at", String, nullable=False),  # a timestamp, for searches
    Column("checkout_id", String),  # for searches
    Column("record", Text, nullable=False),  # the very text that was signed; JSON
    Column("mac", String, nullable=False),
    Index("audit_records_at", "at"),
    Index("audit_records_checkout_id", "checkout_id"),
)
only_added_to(audit_records)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),  # made of reason and subject, so that each is raised once
    Column("reason", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("told_at", UtcTime),  # delivered
    Column("tries", Integer, nullable=False),
    Column("due_at", UtcTime),  # NULL: delivered
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

daily_runs = Table(
    "daily_runs",
    metadata,
    Column("job", String, nullable=False),
    Column("day", String, nullable=False),  # a date, of the practice's zone
    Column("lease_owner", String),
    Column("lease_until", UtcTime),
    Column("finished_at", UtcTime),
    Column("tries", Integer, nullable=False),  # failed runs since the last success
    Column("due_at", UtcTime),  # of the retry; NULL: none is pending
    Column("seen_until", UtcTime),  # cursor: everything until then has been seen
    PrimaryKeyConstraint("job", "day"),
)

key_proofs = Table(
    "key_proofs",
    metadata,
    Column("clinician_id", String, nullable=False),
    Column("fingerprint", String, nullable=False),  # a keyed digest; the key itself is nowhere
    Column("theirs", Boolean),  # NULL, as answered_at: not answered yet
    Column("answered_at", UtcTime),
    Column("lease_until", UtcTime),  # a process is asking upstream until then
    PrimaryKeyConstraint("clinician_id", "fingerprint"),
)

# A row is written to test whether writes succeed, and deleted at once.
write_probes = Table(
    "write_probes",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("filler", LargeBinary, nullable=False),  # random bytes: as many as a mutation writes
)
