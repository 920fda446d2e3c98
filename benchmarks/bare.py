"""The baseline: durable writes through the bare driver, on the same database and in the same run.

The time of a commit differs tenfold between machines; the ratio of our writes to it hardly does.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiosqlite
import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import make_url

from integrations.database.sqlite import BUSY_TIMEOUT_MS

Write = Callable[[], Awaitable[None]]


@asynccontextmanager
async def bare_writer(url: str) -> AsyncIterator[Write]:
    """Yield a function that updates one row in a transaction of its own, with the durability that the program uses."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        async with aiosqlite.connect(str(target.database), isolation_level=None) as sqlite:
            for order in (
                f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "CREATE TABLE IF NOT EXISTS bare (id integer PRIMARY KEY, version integer)",
                "INSERT INTO bare VALUES (1, 0) ON CONFLICT DO NOTHING",
            ):
                await sqlite.execute(order)

            async def write() -> None:
                await sqlite.execute("BEGIN IMMEDIATE")
                await sqlite.execute("UPDATE bare SET version = version + 1 WHERE id = 1")
                await sqlite.execute("COMMIT")

            yield write
        return
    postgresql = await asyncpg.connect(
        target.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        await postgresql.execute("CREATE TABLE IF NOT EXISTS bare (id integer PRIMARY KEY, version integer)")
        await postgresql.execute("INSERT INTO bare VALUES (1, 0) ON CONFLICT DO NOTHING")

        async def write_postgresql() -> None:
            async with postgresql.transaction():
                await postgresql.execute("UPDATE bare SET version = version + $1 WHERE id = 1", 1)

        yield write_postgresql
    finally:
        await postgresql.close()


async def timed(write: Write) -> float:
    """The duration of one bare write, in seconds."""
    started = time.perf_counter()
    await write()
    return time.perf_counter() - started
