"""Tables of the waitlist: entries, offers, and when each group is looked at."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from booking.waitlist.model import LIVE, EntryState
from integrations.database.columns import Document, UtcTime
from integrations.database.tables.declaring import metadata, partial_index

# The conditions of partial indexes; a query repeats one in these words.
WAITING = f"state = '{EntryState.WAITING}'"
LIVE_OFFER = "state IN ({})".format(", ".join(f"'{state}'" for state in sorted(LIVE)))

waitlist_entries = Table(
    "waitlist_entries",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient_id", String, nullable=False),
    Column("group_key", String, nullable=False),  # visit type, contact type, location
    Column("digest", String, nullable=False),  # of the wish
    Column("wish", Document, nullable=False),
    Column("state", String, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("joined_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    partial_index("waitlist_entries_same_wish", "patient_id", "digest", where=WAITING, unique=True),
    partial_index("waitlist_entries_waiting", "group_key", "joined_at", "id", where=WAITING),
    Index("waitlist_entries_patient", "patient_id", "joined_at"),
    Index("waitlist_entries_ended_at", "ended_at"),
)

waitlist_offers = Table(
    "waitlist_offers",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("entry_id", String, ForeignKey("waitlist_entries.id", ondelete="CASCADE"), nullable=False),
    Column("patient_id", String, nullable=False),
    Column("clinician_id", String, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("slot", Document, nullable=False),
    Column("hold_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("ended_at", UtcTime),
    # One offer to an entry at a time, and no time to two entries; times that overlap otherwise are kept apart by the hold store.
    partial_index("waitlist_offers_live_entry", "entry_id", where=LIVE_OFFER, unique=True),
    partial_index("waitlist_offers_live_time", "clinician_id", "starts_at", where=LIVE_OFFER, unique=True),
    partial_index("waitlist_offers_due", "due_at", where=LIVE_OFFER),
    Index("waitlist_offers_entry", "entry_id"),
)

waitlist_looks = Table(
    "waitlist_looks",
    metadata,
    Column("group_key", String, primary_key=True),
    Column("due_at", UtcTime, nullable=False),
    Column("rested_at", UtcTime, nullable=False),  # no look before
    Column("lease_until", UtcTime),
    Column("marks", Integer, nullable=False),  # how often a look was asked for
    Index("waitlist_looks_due_at", "due_at"),
)
