"""A database whose rows can be made to stand still before a write, so that a process can be killed right there."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import CheckoutState

# The write never ends: its trigger waits for a lock that the test has (PostgreSQL), or counts
# further than a machine can (SQLite). Nothing of it is committed, so the row stands where it stood.
_LOCK = 9
_POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock({_LOCK}); RETURN NEW; END $$""",
    """CREATE TRIGGER stand_still BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN ({when}) EXECUTE FUNCTION stand_still()""",
)
_SQLITE = (
    "CREATE TABLE stand_still AS SELECT value AS n FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]')",
    """CREATE TRIGGER stand_still_here BEFORE UPDATE ON {table}
    WHEN {when}
    BEGIN SELECT sum(a.n*b.n*c.n*d.n*e.n*f.n*g.n*h.n*i.n*j.n*k.n*l.n*m.n*o.n)
    FROM stand_still a, stand_still b, stand_still c, stand_still d, stand_still e, stand_still f, stand_still g,
    stand_still h, stand_still i, stand_still j, stand_still k, stand_still l, stand_still m, stand_still o; END""",
)
# Whoever waits for that lock. The server's process of a dead client sees its client's end only once it has the lock: it would
# write then after all, and where a statement commits by itself, for good.
_WAITING = f"""FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = {_LOCK} AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_END_MILLISECONDS = 10_000

_UNDO = {
    "postgresql": ("DROP TRIGGER stand_still ON {table}", "DROP FUNCTION stand_still"),
    "sqlite": ("DROP TRIGGER stand_still_here", "DROP TABLE stand_still"),
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """A migrated database: its address for a process, and an engine for the test."""

    url: str
    engine: AsyncEngine

    def stands_still_at(self, state: CheckoutState) -> AbstractAsyncContextManager[None]:
        """Inside, no checkout leaves the state."""
        return self.stands_still_before(
            table="checkouts", when=f"OLD.state = '{state}' AND NEW.state <> OLD.state"
        )

    @contextlib.asynccontextmanager
    async def stands_still_before(self, *, table: str, when: str) -> AsyncIterator[None]:
        """Inside, no row is changed so; who tries is left waiting in the database.

        Ends with that process dead, and its write undone.
        """
        dialect = self.engine.dialect.name
        orders = _POSTGRESQL if dialect == "postgresql" else _SQLITE
        async with self.engine.connect() as keeper:
            if dialect == "postgresql":
                await keeper.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
                await keeper.commit()
            try:
                await self._run(*(order.format(table=table, when=when) for order in orders))
                yield
            finally:
                if dialect == "postgresql":
                    await keeper.execute(
                        text(f"SELECT pg_terminate_backend(pid, {_END_MILLISECONDS}) {_WAITING}")
                    )
                    await keeper.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
                    await keeper.commit()
                await self._run(*(order.format(table=table) for order in _UNDO[dialect]))

    async def is_waited_in(self) -> bool:
        """Whether a write stands still. SQLite cannot tell, nor need it: what a dead process has not finished is undone."""
        if self.engine.dialect.name == "sqlite":
            return True
        async with self.engine.connect() as connection:
            return bool(await connection.scalar(text(f"SELECT count(*) {_WAITING}")))

    async def _run(self, *orders: str) -> None:
        async with self.engine.begin() as connection:
            for order in orders:
                await connection.execute(text(order))
