"""The audit trail in SQL: one chain, extended by any number of tasks and processes.

Whatever waits is written in one transaction: on PostgreSQL a commit for each record would be a tenth as fast. Each
transaction begins where the last one ended, since writers take turns: by an advisory lock on PostgreSQL, by BEGIN IMMEDIATE on
SQLite. Should that ever fail, the unique sequence refuses the second.
"""

import asyncio
import contextlib
import contextvars
from dataclasses import dataclass

import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.audit import AuditEntry, AuditKind
from booking.audit_chain import NOTHING_YET, Anchor, AuditKey, Record, extended, record_of
from booking.refusals import AuditUnavailable
from integrations.database.engine import reading
from integrations.database.tables import audit_records

log = structlog.get_logger(__name__)

# Whoever waits longer for a record is refused: a patient waits, and a step of a checkout has a minute for all it does.
PATIENCE_SECONDS = 5.0

# No write takes this long unless its server is gone without a word; SQLite's own patience is shorter.
WRITE_SECONDS = 30.0

# How old an entry that can wait may become; also the pause before entries are tried again that could not be written.
FLUSH_SECONDS = 1.0

# One statement's worth: more would keep the other processes waiting for the lock.
BATCH = 500

# What may wait in memory, lost by a crash: some seconds of a busy practice's catalogue reads.
WAITING_LIMIT = 1000

# Any number of ours, the same in every process: "fd_audit" in ASCII.
_LOCK = int.from_bytes(b"fd_audit", "big")

_TAKE_TURNS = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_HEAD = (
    select(audit_records.c.sequence, audit_records.c.mac).order_by(audit_records.c.sequence.desc()).limit(1)
)
_ADD = insert(audit_records)


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """A record that is to be written, and who waits for that."""

    record: Record
    written: asyncio.Future[None] | None  # None: nobody; it is kept until it is written

    @property
    def given_up(self) -> bool:
        return self.written is not None and self.written.done()


class SqlAuditTrail:
    """The port AuditTrail. For one event loop; to be closed at its end."""

    def __init__(self, *, engine: AsyncEngine, key: AuditKey) -> None:
        self._engine = engine
        self._key = key
        self._waiting: list[_Waiting] = []
        self._urgent = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False

    async def record(self, entry: AuditEntry) -> None:
        """Keep the entry; it is durable when this returns. Raises AuditUnavailable after five seconds at the latest.

        Who is refused, or is cancelled while waiting, may find the record in the trail all the same.
        """
        written = asyncio.get_running_loop().create_future()
        self._add(_Waiting(record=record_of(entry, self._key), written=written))
        self._urgent.set()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await written
        except TimeoutError as error:
            raise AuditUnavailable("audit trail") from error

    def later(self, entry: AuditEntry) -> None:
        """Keep the entry within about a second. Raises AuditUnavailable for an attempt when too much waits already."""
        if entry.kind is AuditKind.ATTEMPTED and len(self._waiting) >= WAITING_LIMIT:
            raise AuditUnavailable("audit trail")
        self._add(_Waiting(record=record_of(entry, self._key), written=None))

    async def head(self) -> Anchor:
        """Where the chain stands in the database."""
        async with reading(self._engine) as connection:
            return await _head(connection)

    async def aclose(self) -> None:
        """Write what waits; what cannot be written now is lost, and that is logged."""
        self._closing = True
        self._urgent.set()
        if self._writer is not None:
            await self._writer
        if self._waiting:
            log.error("audit.entries_lost", entries=len(self._waiting))

    def _add(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            # Nobody's in particular: it writes for others after the one who started it.
            self._writer = asyncio.create_task(self._write_all(), context=contextvars.Context())

    async def _write_all(self) -> None:
        """Write until nothing waits. One task does it: a transaction takes what came while the last one ran."""
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._urgent.wait()
            self._urgent.clear()
            if not await self._write_some() and self._closing:
                return

    async def _write_some(self) -> bool:
        batch = [waiting for waiting in self._waiting[:BATCH] if not waiting.given_up]
        self._waiting = self._waiting[BATCH:]
        if self._waiting or self._closing:
            self._urgent.set()
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._write([waiting.record for waiting in batch])
        except Exception:
            log.exception("audit.not_written", entries=len(batch))
            self._waiting[:0] = [waiting for waiting in batch if waiting.written is None]
            for waiting in batch:
                if waiting.written is not None and not waiting.given_up:
                    waiting.written.set_exception(AuditUnavailable("audit trail"))
                    waiting.written.exception()  # whoever waited may be gone: no complaint then
            return False
        for waiting in batch:
            if waiting.written is not None and not waiting.given_up:
                waiting.written.set_result(None)
        return True

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
