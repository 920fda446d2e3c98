"""Engines: SQLite with honest transactions, PostgreSQL with connections that are known to be alive."""

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, AsyncAdaptedQueuePool, Connection, event, make_url
from sqlalchemy.exc import InvalidatePoolError, MissingGreenlet
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from integrations.database.sqlite import OneVisitConnection, prepared

# SQLite's writers queue anyway, so more connections (a thread each) would only wait in more places.
SQLITE_CONNECTIONS = 5

# A process that is stopped in mid-transaction must not keep its row locks: well under a driver's lease.
IDLE_IN_TRANSACTION_MS = 15_000

# No statement of a running process takes this long, a wait for somebody's lock included: its server is gone without a word,
# which TCP alone would take a quarter of an hour to notice.
STATEMENT_SECONDS = 30.0

# Who answered so lately is alive: asking takes three round trips, as many as a small transaction. Whoever meets a server
# that went in this very second has an error, and its connections are made anew for the next.
KNOWN_ALIVE_SECONDS = 1.0

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}

_READ_ONLY = "frontdoor_read_only"


def connect_database(url: str, *, statement_seconds: float | None = STATEMENT_SECONDS) -> AsyncEngine:
    """Build the engine for `sqlite:///path` or `postgresql://…` (the driver's name may be given or left out).

    A statement on PostgreSQL that takes longer than `statement_seconds` is a TimeoutError; None: a person waits for it.
    Nothing is opened yet. The caller disposes of it. Raises sqlalchemy.exc.ArgumentError when the URL is none.
    """
    target = make_url(url)
    target = target.set(drivername=_DRIVERS.get(target.drivername, target.drivername))
    if target.get_backend_name() == "sqlite":
        return _sqlite(target)
    return _postgresql(target, statement_seconds)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Only read: on SQLite it waits for no writer, and no writer for it.

    On SQLite all of it is read as of one moment. On PostgreSQL each statement is as of its own, in a transaction of ours as
    without one, which saves two round trips.
    """
    async with engine.connect() as connection:
        how = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {_READ_ONLY: True}
        yield await connection.execution_options(**how)


def begin_immediately(engine: AsyncEngine) -> None:
    """Make the transactions of a SQLite engine real: `BEGIN IMMEDIATE` where they write, none behind our back.

    Without it the driver begins at the first write: two transactions then decide on what both have read.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        if not isinstance(getattr(connection, "driver_connection", None), OneVisitConnection):
            prepared(connection)  # the other prepares itself, in its thread

    @event.listens_for(engine.sync_engine, "close")
    def roll_back(connection: Any, _record: object) -> None:
        # A task that was cancelled in mid-statement leaves its cursor behind, and while that lives closing alone
        # does not end the transaction: SQLite would stay locked until the garbage is collected.
        with contextlib.suppress(MissingGreenlet):  # collected itself: the cursor is gone too
            connection.rollback()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        statement = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        driver = connection.connection.driver_connection
        if isinstance(driver, OneVisitConnection):
            driver.begin_with_next(statement)
        else:
            connection.exec_driver_sql(statement)


def _sqlite(url: URL) -> AsyncEngine:
    in_memory = url.database in {None, "", ":memory:"}  # each connection would be a database of its own
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if in_memory else SQLITE_CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"async_creator_fn": OneVisitConnection},
    )
    begin_immediately(engine)
    return engine


def _postgresql(url: URL, statement_seconds: float | None) -> AsyncEngine:
    if mode := url.query.get("sslmode"):  # libpq's name for it; asyncpg says ssl
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    engine = create_async_engine(
        url,
        hide_parameters=True,
        connect_args={
            "command_timeout": statement_seconds,
            "server_settings": {
                "application_name": "frontdoor",
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
            },
        },
    )
    _ask_after_a_rest(engine)
    return engine


def _ask_after_a_rest(engine: AsyncEngine) -> None:
    """Ask a connection that has rested whether it is alive before it is used; if not, make all of them anew."""

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        now = time.monotonic()
        if now - record.info.get("rests_since", now) > KNOWN_ALIVE_SECONDS:
            try:
                connection.ping()
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error
