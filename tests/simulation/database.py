"""A thin asynchronous face on a synchronous SQLite in memory, under the real repositories.

Nothing in a transaction ever suspends, so transactions of different processes come one after the other as SQLite's
single writer makes them; where a process may meet its fate is before a transaction begins and after it committed.
"""

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import Connection, Dialect, Engine, StaticPool, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from integrations.database.engine import begin_immediately
from integrations.database.tables import metadata
from tests.simulation.fate import Fate

# Looks at the database after every commit; answers nothing, and takes note of what must never be.
Witness = Callable[[], None]


@functools.cache
def memory(name: str) -> Engine:
    """Answer a database in memory, made once per process of the machine: tables take long to make, and rows do not."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    begin_immediately(cast(AsyncEngine, _Facade(engine)))
    metadata.create_all(engine)
    return engine


def emptied(name: str) -> Engine:
    """Answer the database of this name without a row in it."""
    engine = memory(name)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return engine


class _Facade:
    """What `begin_immediately` needs of an engine."""

    def __init__(self, engine: Engine) -> None:
        self.sync_engine = engine


class VirtualConnection:
    """One transaction of one process."""

    def __init__(self, connection: Connection, engine: "VirtualEngine") -> None:
        self._connection = connection
        self._engine = engine

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execution_options(self, **options: Any) -> Self:
        self._connection = self._connection.execution_options(**options)
        return self

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        self._engine.fate.assert_alive()
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Any, parameters: Any = None) -> Any:
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(self, statement: Any, parameters: Any = None) -> Any:
        return (await self.execute(statement, parameters)).scalars()

    async def rollback(self) -> None:
        self._connection.rollback()

    async def commit(self) -> None:
        """Commit; what comes after, a kill included, comes after it."""
        self._engine.fate.assert_alive()
        self._connection.commit()
        self._connection.close()  # the one connection is free for others while this process meets what it meets
        self._engine.witness()
        await self._engine.fate.meet(f"{self._engine.name} committed")


class _Connecting:
    """`async with engine.connect()`."""

    def __init__(self, engine: "VirtualEngine") -> None:
        self._engine = engine
        self._connection: Connection | None = None

    async def __aenter__(self) -> VirtualConnection:
        await self._engine.fate.meet(self._engine.name)
        self._connection = self._engine.sync_engine.connect()
        return VirtualConnection(self._connection, self._engine)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()


class VirtualEngine:
    """One process's way to a database that all share."""

    def __init__(self, sync_engine: Engine, *, name: str, fate: Fate, witness: Witness) -> None:
        self.sync_engine = sync_engine
        self.name = name
        self.fate = fate
        self.witness = witness

    @property
    def dialect(self) -> Dialect:
        return self.sync_engine.dialect

    def connect(self) -> _Connecting:
        return _Connecting(self)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[VirtualConnection]:
        async with self.connect() as connection:
            yield connection
            await connection.commit()

    def face(self) -> AsyncEngine:
        """Answer it as what the adapters take; they use no more than is here."""
        return cast(AsyncEngine, self)


def face_of(connection: Connection, engine: VirtualEngine) -> AsyncConnection:
    """Answer a synchronous connection as what the repositories take."""
    return cast(AsyncConnection, VirtualConnection(connection, engine))
