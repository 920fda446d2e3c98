"""Appends records to the chain of the audit trail, whoever else does so: on PostgreSQL in one statement, which commits by itself.

A writer remembers the head that it wrote last, and appends to that. If the chain has grown since, nothing is written, and the
statement answers the head that it found. So a record takes one round trip where one process writes, two where several take turns,
and a transaction under the lock where they meet again and again.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, BigInteger, String, bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.audit.chain import NOTHING_YET, Anchor, AuditKey, Link, Record, extended
from integrations.database.direct import driver_reads, driver_writes
from integrations.database.engine import committing_itself, reading
from integrations.database.tables.operations import audit_records

# How often the chain may have grown in between before a writer locks it first.
TRIES = 3

# The key of the advisory lock. Any number, the same in every process: "fd_audit" in ASCII.
_LOCK = int.from_bytes(b"fd_audit", "big")

_LOCK_CHAIN = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_HEAD = driver_reads(
    select(audit_records.c.sequence, audit_records.c.mac).order_by(audit_records.c.sequence.desc()).limit(1)
)
_ADD = insert(audit_records)
_COLUMNS = {"sequence": BigInteger, "at": String, "checkout_id": String, "record": String, "mac": String}

# Writers take turns by the lock, which is held until the statement has committed. What a statement sees is from before it waited
# for the lock, so the number of the first record is what shows whether the chain has grown; the others are written if that one is.
# The record that it continues must be there: a database that was restored meanwhile gets no gap.
_APPEND = driver_writes(
    text(
        f"""
    WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock({_LOCK})),
    fresh AS (
      SELECT * FROM unnest(
        CAST(:sequence AS bigint[]), CAST(:at AS text[]), CAST(:checkout_id AS text[]),
        CAST(:record AS text[]), CAST(:mac AS text[])
      ) AS given (sequence, at, checkout_id, record, mac)
    ),
    first AS (
      INSERT INTO audit_records (sequence, at, checkout_id, record, mac)
      SELECT fresh.* FROM turn, fresh
      WHERE fresh.sequence = CAST(:known AS bigint) + 1 AND (CAST(:known AS bigint) = 0 OR EXISTS (
        SELECT 1 FROM audit_records WHERE sequence = CAST(:known AS bigint) AND mac = CAST(:known_mac AS text)
      ))
      ON CONFLICT DO NOTHING RETURNING sequence
    ),
    others AS (
      INSERT INTO audit_records (sequence, at, checkout_id, record, mac)
      SELECT fresh.* FROM first, fresh WHERE fresh.sequence > first.sequence
    )
    SELECT EXISTS (SELECT 1 FROM first),
      (SELECT sequence FROM audit_records ORDER BY sequence DESC LIMIT 1),
      (SELECT mac FROM audit_records ORDER BY sequence DESC LIMIT 1)
    """  # noqa: S608  # the only thing filled in is a number of ours
    ).bindparams(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _COLUMNS.items()))
)


class ChainWriter:
    """Appends to the chain; not for concurrent use within one process."""

    def __init__(self, *, engine: AsyncEngine, key: AuditKey) -> None:
        self._engine = engine
        self._key = key
        # The head as last written or seen here; others may have written since.
        self._known: Anchor | None = None

    async def append(self, records: Sequence[Record]) -> None:
        """Append the records; they are durable when this returns. After an error they may be in the chain, all or none."""
        # Forgotten until it is known again: after an error nobody knows what was committed.
        known, self._known = self._known, None
        if self._engine.dialect.name == "postgresql":
            for _ in range(TRIES):
                known, written = await self._append_to(known or await self._head(), records)
                if written:
                    self._known = known
                    return
        self._known = await self._append_locked(records)

    async def _head(self) -> Anchor:
        async with reading(self._engine) as connection:
            return await head_of(connection)

    async def _append_to(self, known: Anchor, records: Sequence[Record]) -> tuple[Anchor, bool]:
        """Append to the head that is known. Returns the new head, or, with nothing written, the one that was found."""
        links = extended(known, records, self._key)
        columns = {name: [getattr(link, name) for link in links] for name in _COLUMNS}
        given = {**columns, "known": known.sequence, "known_mac": known.mac}
        async with committing_itself(self._engine) as connection:
            written, sequence, mac = (await connection.execute(_APPEND, given)).one()  # on PostgreSQL only
        if written:
            return _end_of(links), True
        return (Anchor(sequence=sequence, mac=mac) if sequence is not None else NOTHING_YET), False

    async def _append_locked(self, records: Sequence[Record]) -> Anchor:
        """Append in a transaction that keeps all others from writing; returns the new head."""
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(_LOCK_CHAIN)
            links = extended(await head_of(connection), records, self._key)
            await connection.execute(_ADD, [vars(link) for link in links])
        return _end_of(links)


async def head_of(connection: AsyncConnection) -> Anchor:
    """The head of the chain, as this connection's transaction sees it."""
    row = (await connection.execute(_HEAD)).first()
    return Anchor(sequence=row[0], mac=row[1]) if row else NOTHING_YET


def _end_of(links: Sequence[Link]) -> Anchor:
    return Anchor(sequence=links[-1].sequence, mac=links[-1].mac)
