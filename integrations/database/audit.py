"""The audit trail in SQL: one chain, extended by any number of tasks and processes.

Whatever waits is written in one transaction: on PostgreSQL a commit for each record would be a tenth as fast. Each
transaction begins where the last one ended, since writers take turns: by an advisory lock on PostgreSQL, by BEGIN IMMEDIATE on
SQLite. Should that ever fail, the unique sequence refuses the second.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Sequence

import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.audit.chain import NOTHING_YET, Anchor, AuditKey, Record, extended, record_of
from booking.audit.model import AuditEntry
from booking.errors import AuditUnavailable
from integrations.database.engine import reading
from integrations.database.group_commit import GroupCommit
from integrations.database.tables.operations import audit_records

log = structlog.get_logger(__name__)

# Whoever waits longer for a record is refused: a patient waits, and a step of a checkout has a minute for all it does.
PATIENCE_SECONDS = 5.0

# No write takes this long unless its server is gone without a word; SQLite's own patience is shorter.
WRITE_SECONDS = 30.0

# How old an entry that can wait may become; also the pause before entries are tried again that could not be written.
FLUSH_SECONDS = 1.0

# Callers' records of one transaction, besides what could wait: more would keep the other processes waiting for the lock.
BATCH = 500

# What may wait in memory, lost by a crash: some seconds of a busy practice's catalogue reads. Whoever comes then waits for a commit.
WAITING_LIMIT = 1000

# How often it is said that callers are slowed down.
SAY_SECONDS = 60.0

# Any number of ours, the same in every process: "fd_audit" in ASCII.
_LOCK = int.from_bytes(b"fd_audit", "big")

_TAKE_TURNS = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_HEAD = (
    select(audit_records.c.sequence, audit_records.c.mac).order_by(audit_records.c.sequence.desc()).limit(1)
)
_ADD = insert(audit_records)


class SqlAuditTrail:
    """The port AuditTrail. For one event loop; to be closed at its end."""

    def __init__(self, *, engine: AsyncEngine, key: AuditKey) -> None:
        self._engine = engine
        self._key = key
        self._group_commit: GroupCommit[Record | None] = GroupCommit(self._write_what_waits, most=BATCH)
        self._later: list[Record] = []  # oldest first, each until it is written
        self._flushing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._slowed = 0  # calls since it was last said
        self._said_at = -SAY_SECONDS

    async def record(self, entry: AuditEntry) -> None:
        """Keep the entry; it is durable when this returns. Raises AuditUnavailable after five seconds at the latest.

        Who is refused, or is cancelled while waiting, may find the record in the trail all the same.
        """
        record = record_of(entry, self._key)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._group_commit(record)
        except Exception as error:
            raise AuditUnavailable("audit trail") from error

    async def record_soon(self, entry: AuditEntry) -> None:
        """Keep the entry within about a second; when too much waits, wait until it and all that is written, as `record` does."""
        if len(self._later) < WAITING_LIMIT:
            self.later(entry)
            return
        self._say_slowed()
        await self.record(entry)

    def later(self, entry: AuditEntry) -> None:
        """Keep the entry within about a second. There is one end for each attempt that was: their number is bounded by that."""
        self._later.append(record_of(entry, self._key))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(), context=contextvars.Context())

    async def head(self) -> Anchor:
        """Where the chain stands in the database."""
        async with reading(self._engine) as connection:
            return await _head(connection)

    async def aclose(self) -> None:
        """Write what waits; what cannot be written now is lost, and that is logged."""
        self._closing.set()
        if self._flushing is not None:
            await self._flushing
        if self._later:
            log.error("audit.entries_lost", entries=len(self._later))

    def _say_slowed(self) -> None:
        """Say that upstream calls wait for the trail, once a minute: an operator should know why they take longer."""
        self._slowed += 1
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= SAY_SECONDS:
            log.warning("audit.calls_slowed_down", calls=self._slowed, waiting=len(self._later))
            self._slowed, self._said_at = 0, now

    async def _flush(self) -> None:
        """Write what can wait, unless a record takes it along before, until nothing waits."""
        while self._later:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._closing.wait()
            try:
                await self._group_commit(None)
            except Exception:  # noqa: BLE001 - it is logged where it is met, and tried again
                if self._closing.is_set():
                    return

    async def _write_what_waits(self, records: Sequence[Record | None]) -> None:
        """Write these, and before them all that can wait: it came before whatever its caller had recorded since."""
        later = list(self._later)
        waiting = [*later, *(record for record in records if record is not None)]
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._write(waiting)
        except Exception:
            log.exception("audit.not_written", entries=len(waiting))
            raise
        del self._later[: len(later)]

    async def _write(self, records: list[Record]) -> None:
        if not records:
            return
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(_TAKE_TURNS)
            links = extended(await _head(connection), records, self._key)
            await connection.execute(_ADD, [vars(link) for link in links])


async def _head(connection: AsyncConnection) -> Anchor:
    """The last record, as this transaction sees it."""
    row = (await connection.execute(_HEAD)).first()
    return Anchor(sequence=row[0], mac=row[1]) if row else NOTHING_YET
