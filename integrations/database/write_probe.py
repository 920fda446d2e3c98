"""The write probe of readiness: whether the database accepts writes, proved by committing one.

A rollback proves nothing, since a full disk shows at the commit. Nor does an update in place, which still works where the file cannot
grow, while no insert does.
"""

import asyncio
import os
import uuid
from datetime import timedelta

import structlog
from asyncpg import PostgresError  # type: ignore[import-untyped]
from sqlalchemy import delete, insert, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.ports import Clock
from booking.tasks import cancel_and_wait
from integrations.database.tables.operations import write_probes

# More than a mutation writes with all of its rows and indexes; random, since PostgreSQL would compress anything else.
FILLER_BYTES = 32 * 1024

# A probe deletes its row right after; one that a dead process left behind is deleted by another probe after this time.
KEPT = timedelta(minutes=1)

# Load balancers wait three seconds for an answer.
PROBE_SECONDS = 2.5

_p = write_probes.c

log = structlog.get_logger(__name__)


class WriteProbe:
    """Probes by writing, one row at a time."""

    def __init__(self, *, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._writing: asyncio.Task[None] | None = None
        self._refused = False

    async def __call__(self) -> bool:
        """Whether a row of `FILLER_BYTES` is committed within `PROBE_SECONDS`.

        A write that takes longer is not cancelled, which on SQLite would take as long; later calls wait for the same write.
        """
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        writing = self._writing
        done, _ = await asyncio.wait({writing}, timeout=PROBE_SECONDS)
        if not done:
            return self._result("timeout")
        self._writing = None
        try:
            writing.result()
        except (SQLAlchemyError, OSError, PostgresError) as error:
            return self._result(type(error).__name__)
        return self._result(None)

    async def aclose(self) -> None:
        """Cancel a write that is in progress."""
        if self._writing is not None:
            await cancel_and_wait([self._writing])

    async def _write(self) -> None:
        row = {"id": uuid.uuid4().hex, "at": self._clock.now(), "filler": os.urandom(FILLER_BYTES)}
        async with self._engine.begin() as connection:
            await connection.execute(insert(write_probes), row)
        async with self._engine.begin() as connection:
            done = or_(_p.id == row["id"], _p.at < self._clock.now() - KEPT)
            await connection.execute(delete(write_probes).where(done))

    def _result(self, error: str | None) -> bool:
        """Whether writes are accepted; logs only when that changes, and not at every call."""
        refused = error is not None
        if refused and not self._refused:
            log.error("readiness.database_takes_no_writes", error=error)
        elif self._refused and not refused:
            log.warning("readiness.database_takes_writes_again")
        self._refused = refused
        return not refused
