"""The audit trail in SQL: one chain, extended by any number of tasks and processes, by group commit.

All waiting records are written in one transaction: on PostgreSQL a commit for each record would be a tenth as fast. Each transaction
continues from the head of the last one, since writers take turns: by an advisory lock on PostgreSQL, by BEGIN IMMEDIATE on SQLite.
Should that ever fail, the unique sequence rejects the second writer. How records are appended: chain_append.py.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.audit.chain import Anchor, AuditKey, Record, record_of
from booking.audit.model import AuditEntry
from booking.errors import AuditUnavailable
from integrations.database.chain_append import ChainWriter, head_of
from integrations.database.engine import reading
from integrations.database.group_commit import GroupCommit

log = structlog.get_logger(__name__)

# A caller that waits longer for its record is refused: a patient waits, and a checkout's step has a minute for all it does.
PATIENCE_SECONDS = 5.0

# No write takes this long unless the server has vanished; SQLite's own busy timeout is shorter.
WRITE_SECONDS = 30.0

# How long an entry may be buffered; also the pause before a failed write is retried.
FLUSH_SECONDS = 1.0

# Durable records in one transaction, besides the buffered ones: more would keep other processes waiting for the lock.
BATCH = 500

# Entries buffered in memory, which a crash loses: some seconds of a busy practice's catalog reads. Beyond it callers wait for a commit.
WAITING_LIMIT = 1000

# How often the log says that callers are slowed down.
SAY_SECONDS = 60.0


class SqlAuditTrail:
    """The port AuditTrail. For one event loop; close it with `aclose`."""

    def __init__(self, *, engine: AsyncEngine, key: AuditKey) -> None:
        self._engine = engine
        self._key = key
        self._group_commit: GroupCommit[Record | None] = GroupCommit(self._write_waiting, most=BATCH)
        self._chain = ChainWriter(engine=engine, key=key)
        self._later: list[Record] = []  # oldest first, each until it is written
        self._flushing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._slowed = 0  # calls slowed down since that was last logged
        self._logged_at = -SAY_SECONDS  # the event loop's time

    async def record(self, entry: AuditEntry) -> None:
        """Write the entry; it is durable when this returns. Raises AuditUnavailable after five seconds at the latest.

        After that error, or after a cancellation, the record may still be in the trail.
        """
        record = record_of(entry, self._key)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._group_commit(record)
        except Exception as error:
            raise AuditUnavailable("audit trail") from error

    async def record_soon(self, entry: AuditEntry) -> None:
        """Write the entry within about a second; when the buffer is full, write it and the buffer now, and wait as `record` does."""
        if len(self._later) < WAITING_LIMIT:
            self.later(entry)
            return
        self._log_slowed()
        await self.record(entry)

    def later(self, entry: AuditEntry) -> None:
        """Write the entry within about a second. Not bounded by the buffer, but by the attempts: each has one end."""
        self._later.append(record_of(entry, self._key))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush(), context=contextvars.Context())

    async def head(self) -> Anchor:
        """The head of the chain in the database, as an anchor."""
        async with reading(self._engine) as connection:
            return await head_of(connection)

    async def aclose(self) -> None:
        """Write the buffered entries; those that cannot be written now are lost, and logged as `audit.entries_lost`."""
        self._closing.set()
        if self._flushing is not None:
            await self._flushing
        if self._later:
            log.error("audit.entries_lost", entries=len(self._later))

    def _log_slowed(self) -> None:
        """Log, at most once a minute, that upstream calls wait for the trail, so that operators know why they are slow."""
        self._slowed += 1
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= SAY_SECONDS:
            log.warning("audit.calls_slowed_down", calls=self._slowed, waiting=len(self._later))
            self._slowed, self._logged_at = 0, now

    async def _flush(self) -> None:
        """Write the buffer every second until it is empty; a durable record may write it along before."""
        while self._later:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._closing.wait()
            try:
                await self._group_commit(None)
            except Exception:  # noqa: BLE001 - logged in `_write_waiting`, and retried
                if self._closing.is_set():
                    return

    async def _write_waiting(self, records: Sequence[Record | None]) -> None:
        """Write the buffered entries and then these, to keep the order in which each caller recorded them."""
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
        if records:
            await self._chain.append(records)
