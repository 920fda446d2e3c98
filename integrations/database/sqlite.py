"""SQLite through aiosqlite, with one visit to the connection's thread for each statement.

A visit wakes two threads, which takes longer than most statements. As SQLAlchemy drives the driver a statement makes four (open
a cursor, execute, fetch, close it), and its transaction two more, one of them for nothing.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import aiosqlite

# SQLite has one writer at a time; whoever waits longer than this has met a fault, not a queue.
BUSY_TIMEOUT_MS = 10_000

# How often a new file is asked to keep a write-ahead log: the second time does it, unless many more open it.
_SWITCHES = 5


class _Answer(NamedTuple):
    """What a statement came to."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


class OneVisitConnection(aiosqlite.Connection):
    """A connection whose cursors do all of a statement at once, and whose transactions begin with their first statement."""

    def __init__(self, database: str, **options: Any) -> None:
        super().__init__(lambda: prepared(sqlite3.connect(database, **options)), iter_chunk_size=64)
        self._thread.daemon = True  # whoever forgets to close it may still exit
        self._begin: str | None = None
        self._used = False  # since the last commit or rollback that was answered

    def begin_with_next(self, statement: str) -> None:
        """Begin a transaction by this statement, right before the next one is executed."""
        self._begin = statement

    def cursor(self) -> "_Cursor":  # type: ignore[override]  # what SQLAlchemy asks of a cursor, and no more
        """A cursor that has nothing open."""
        return _Cursor(self)

    async def commit(self) -> None:
        """Commit; nothing is to be done where nothing was executed."""
        self._begin = None
        if self._used:
            await super().commit()
            self._used = False

    async def rollback(self) -> None:
        """Roll back; nothing is to be done where nothing was executed since the last commit."""
        self._begin = None
        if self._used:
            await super().rollback()
            self._used = False

    async def _connect(self) -> Self:
        """Open it. Whoever is cancelled meanwhile closes it first: nobody else would know of it."""
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
        """Execute, fetch and close in one visit."""
        begin, self._begin = self._begin, None
        answer: _Answer = await self._execute(_answer, self._conn, begin, method, sql, parameters)
        return answer

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._used = True  # whatever becomes of it: who is cancelled leaves the thread at work
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


class _Cursor:
    """What SQLAlchemy's adapter asks of a cursor that is not for streaming."""

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
        """Nothing is open."""


def _answer(
    connection: sqlite3.Connection, begin: str | None, method: str, sql: str, parameters: Any
) -> _Answer:
    """In the connection's thread."""
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
    """The connection, set up as every one of ours is."""
    connection.isolation_level = None  # the driver begins nothing by itself
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _write_ahead(connection)  # readers and the writer do not block each other
    connection.execute("PRAGMA synchronous = FULL")  # a committed intent survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a database to its write-ahead log.

    Of several that open a new file at once, each has a read lock and wants it all to itself: SQLite then refuses all but
    one without waiting. Whoever asks again waits for that one, and finds it done.
    """
    for _ in range(_SWITCHES):
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            return
    connection.execute("PRAGMA journal_mode = WAL")
