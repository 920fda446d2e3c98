"""SQLite through aiosqlite, with one round trip to the connection's thread for each statement.

A round trip wakes two threads, which takes longer than most statements. As SQLAlchemy uses the driver, a statement takes four (open
a cursor, execute, fetch, close it), and its transaction two more, one of them for nothing.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import aiosqlite

# SQLite has one writer at a time; a longer wait than this is a fault, not a queue.
BUSY_TIMEOUT_MS = 10_000

# Seconds between attempts to switch a new file to its write-ahead log.
_SWITCHED_AGAIN = 0.005


class _Answer(NamedTuple):
    """The result of a statement."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


class OneVisitConnection(aiosqlite.Connection):
    """A connection that runs each statement in one round trip, and begins a transaction together with its first statement."""

    def __init__(self, database: str, **options: Any) -> None:
        super().__init__(lambda: prepared(sqlite3.connect(database, **options)), iter_chunk_size=64)
        self._thread.daemon = True  # an unclosed connection does not keep the process from exiting
        self._begin: str | None = None
        self._used = False  # since the last commit or rollback that returned

    def begin_with_next(self, statement: str) -> None:
        """Begin a transaction with this statement, together with the next statement."""
        self._begin = statement

    def cursor(self) -> "_Cursor":  # type: ignore[override]  # what SQLAlchemy asks of a cursor, and no more
        """A cursor; nothing is opened for it in the thread."""
        return _Cursor(self)

    async def commit(self) -> None:
        """Commit; does nothing where no statement was executed."""
        self._begin = None
        if self._used:
            await super().commit()
            self._used = False

    async def rollback(self) -> None:
        """Roll back; does nothing where no statement was executed since the last commit."""
        self._begin = None
        if self._used:
            await super().rollback()
            self._used = False

    async def _connect(self) -> Self:
        """Open the connection. When cancelled meanwhile, it is closed first, since nothing else refers to it."""
        opening = asyncio.ensure_future(super()._connect())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            with contextlib.suppress(sqlite3.Error):
                await opening
                await self.close()
            raise
        return self

    async def ask(self, method: str, sql: str, parameters: Any) -> _Answer:
        """Execute, fetch and close in one round trip."""
        begin, self._begin = self._begin, None
        answer: _Answer = await self._execute(_answer, self._conn, begin, method, sql, parameters)
        return answer

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._used = True  # whatever the outcome: after a cancellation the thread still executes it
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


class _Cursor:
    """What SQLAlchemy's adapter needs of a cursor that does not stream."""

    arraysize = 1

    def __init__(self, connection: OneVisitConnection) -> None:
        self._connection = connection
        self._answer = _Answer()

    @property
    def description(self) -> Any:
        return self._answer.description

    @property
    def rowcount(self) -> int:
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._answer.lastrowid

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._answer = await self._connection.ask("execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._answer = await self._connection.ask("executemany", sql, parameters)

    async def fetchall(self) -> Sequence[Any]:
        return self._answer.rows

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def _answer(
    connection: sqlite3.Connection, begin: str | None, method: str, sql: str, parameters: Any
) -> _Answer:
    """Execute and fetch; runs in the connection's thread."""
    cursor = connection.cursor()
    try:
        if begin is not None:
            cursor.execute(begin)
        getattr(cursor, method)(sql, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return _Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


def prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Configure the connection as all of ours are, and return it."""
    connection.isolation_level = None  # the driver begins no transaction by itself
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _write_ahead(connection)  # readers and the writer do not block each other
    connection.execute("PRAGMA synchronous = FULL")  # a committed intent survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a database to its write-ahead log. Raises sqlite3.OperationalError after BUSY_TIMEOUT_MS.

    When several connections open a new file at once, each has a read lock and wants an exclusive one; SQLite then refuses all but
    one without waiting, whatever the busy timeout. So the wait for that one is here, in the connection's thread.
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the low byte is the primary code
            if not is_busy or time.monotonic() >= until:
                raise
            time.sleep(_SWITCHED_AGAIN)
        else:
            return
