"""Database engines: SQLite with explicit transactions, PostgreSQL with timeouts and checked connections."""

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, AsyncAdaptedQueuePool, Connection, event, make_url
from sqlalchemy.exc import InvalidatePoolError, MissingGreenlet
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from integrations.database.direct import DirectConnection, doubted_since
from integrations.database.sqlite import OneVisitConnection, prepared

# SQLite has one writer at a time, so more connections (a thread each) would only wait.
SQLITE_CONNECTIONS = 5

# A process that is frozen in mid-transaction must not keep its row locks: well under the lease of a worker on a checkout.
IDLE_IN_TRANSACTION_MS = 15_000

# No statement of a running process takes this long, waits for locks included: the server has vanished, which TCP alone would take
# a quarter of an hour to notice.
STATEMENT_SECONDS = 30.0

# A connection that was used this lately is not checked: a check takes three round trips, as many as a small transaction. If the
# server went away within this second, one caller gets an error, and the pool reconnects for the next.
KNOWN_ALIVE_SECONDS = 1.0

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}

_READ_ONLY = "frontdoor_read_only"


def connect_database(url: str, *, statement_seconds: float | None = STATEMENT_SECONDS) -> AsyncEngine:
    """Build the engine for `sqlite:///path` or `postgresql://…` (the driver's name may be given or left out).

    A statement on PostgreSQL that takes longer than `statement_seconds` raises TimeoutError; None: no limit, for commands that an
    operator waits for. Nothing is opened yet. The caller disposes of the engine. Raises sqlalchemy.exc.ArgumentError for a bad URL.
    """
    target = make_url(url)
    target = target.set(drivername=_DRIVERS.get(target.drivername, target.drivername))
    if target.get_backend_name() == "sqlite":
        return _sqlite(target)
    return _postgresql(target, statement_seconds)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for reads only: on SQLite it neither waits for writers nor blocks them.

    On SQLite all reads are of one snapshot. On PostgreSQL each statement has its own (as in a READ COMMITTED transaction), so it
    runs in autocommit, which saves two round trips.
    """
    if engine.dialect.name == "postgresql":
        async with DirectConnection(engine) as direct:
            yield direct
        return
    async with engine.connect() as connection:
        yield await connection.execution_options(**{_READ_ONLY: True})


@asynccontextmanager
async def committing_itself(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for one statement, which PostgreSQL commits by itself, in a third of a transaction's round trips.

    A second statement is refused there (AssertionError): it would not be in the transaction of the first. On SQLite it is a
    transaction, and `commit` ends it.
    """
    if engine.dialect.name == "postgresql":
        async with DirectConnection(engine, most=1) as direct:
            yield direct
        return
    async with engine.connect() as connection:
        yield connection


def begin_immediately(engine: AsyncEngine) -> None:
    """Begin the transactions of a SQLite engine explicitly: `BEGIN IMMEDIATE` for writes, `BEGIN` for `reading`.

    Without it the driver begins a transaction at the first write, so that two could decide on what both have read.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        if not isinstance(getattr(connection, "driver_connection", None), OneVisitConnection):
            prepared(connection)  # a OneVisitConnection prepares itself, in its own thread

    @event.listens_for(engine.sync_engine, "close")
    def roll_back(connection: Any, _record: object) -> None:
        # A task that was cancelled in mid-statement leaves its cursor behind, and while that exists, closing alone
        # does not end the transaction: SQLite would stay locked until garbage collection.
        # The connection is being collected, so the cursor is gone too.
        with contextlib.suppress(MissingGreenlet):
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
    in_memory = url.database in {None, "", ":memory:"}  # one connection: each would be a database of its own
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
    if mode := url.query.get("sslmode"):  # libpq's name; asyncpg calls it ssl
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
    _ping_after_idling(engine)
    return engine


def _ping_after_idling(engine: AsyncEngine) -> None:
    """Ping a connection that was idle before it is used; if it is dead, reconnect the whole pool."""

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        now = time.monotonic()
        since = record.info.get("idle_since", now)
        if now - since > KNOWN_ALIVE_SECONDS or since < doubted_since(engine.dialect):
            try:
                connection.ping()
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error
