"""Direct connections: one that PostgreSQL's driver uses by itself for the statements that each checkout executes.

Of the processor's time that a small statement costs, three quarters go into its execution by SQLAlchemy. A statement that is marked
(`driver_reads`, `driver_writes`) is compiled once, and the driver executes it over a connection of the engine's pool. Every other one
opens a connection of SQLAlchemy, at the first of them. Each statement commits by itself.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar, cast

import structlog
from asyncpg import (  # type: ignore[import-untyped]
    AdminShutdownError,
    CrashShutdownError,
    IntegrityConstraintViolationError,
    InterfaceError,
    PostgresConnectionError,
    PostgresError,
)
from sqlalchemy import Dialect, Executable
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import greenlet_spawn

log = structlog.get_logger(__name__)

_Processor = Callable[[Any], Any]
S = TypeVar("S", bound=Executable)

_MARK = "frontdoor_by_the_driver"
_READS, _WRITES = "reads", "writes"

# Where a dialect, of which each engine has its own, keeps what was compiled for it …
_COMPILED = "frontdoor_compiled"

# … and when a connection last broke: the others may have broken with it.
_DOUBTED = "frontdoor_doubted"

# That it broke, or what the server says while it ends it.
_BROKEN = (TimeoutError, OSError, PostgresConnectionError, AdminShutdownError, CrashShutdownError)


def driver_reads(statement: S) -> S:
    """Mark a read that is built once; it may have no list of parameters (IN). After an error SQLAlchemy repeats it."""
    return statement.execution_options(**{_MARK: _READS})


def driver_writes(statement: S) -> S:
    """Mark a write that is built once; it is never repeated. Its answer has no `rowcount`: let it return something."""
    return statement.execution_options(**{_MARK: _WRITES})


def _mark(statement: Executable) -> object:
    return statement.get_execution_options().get(_MARK)


class Compiled:
    """A statement in the dialect's words, with what converts its parameters and the columns of its rows."""

    def __init__(self, dialect: Dialect, statement: Any, names: Sequence[str]) -> None:
        changes = statement.is_insert or statement.is_update
        compiled = statement.compile(dialect=dialect, column_keys=[*names] if changes else None)
        if compiled.post_compile_params:
            raise AssertionError("a list of parameters makes another statement for each length")
        self.sql = str(compiled)
        bound = [compiled.binds[name] for name in compiled.positiontup or ()]
        self._parameters = [
            (one.key, one.effective_value, _type(dialect, one.type).bind_processor(dialect)) for one in bound
        ]
        columns = [*getattr(statement, "exported_columns", ())]  # a text has none
        self._processors = [_type(dialect, one.type).result_processor(dialect, None) for one in columns]
        self._converted = any(self._processors)
        self._metadata = SimpleResultMetaData([one.key or "" for one in columns]) if columns else None

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The parameters in their order, as the driver takes them."""
        return [
            process(parameters.get(key, default)) if process else parameters.get(key, default)
            for key, default, process in self._parameters
        ]

    def result(self, rows: Sequence[Any]) -> IteratorResult[Any]:
        """The rows as SQLAlchemy gives them."""
        metadata = self._metadata or SimpleResultMetaData([*rows[0].keys()] if rows else [])
        if not self._converted:
            return IteratorResult(metadata, iter([tuple(row) for row in rows]))
        converted = (
            tuple(
                process(value) if process else value
                for process, value in zip(self._processors, row, strict=True)
            )
            for row in rows
        )
        return IteratorResult(metadata, converted)


def _type(dialect: Dialect, generic: TypeEngine[Any]) -> TypeEngine[Any]:
    return generic.dialect_impl(dialect)


def compiled_for(dialect: Dialect, statement: Any, names: Sequence[str]) -> Compiled:
    """The statement compiled for these parameters' names, once for each."""
    known: dict[tuple[Any, ...], Compiled] = dialect.__dict__.setdefault(_COMPILED, {})
    key = (statement, *names)
    if (found := known.get(key)) is None:
        found = known[key] = Compiled(dialect, statement, names)
    return found


def _without_values(error: Exception) -> Exception:
    """The error without its details, which may quote a row."""
    return type(error)(*error.args[:1])


def doubted_since(dialect: Dialect) -> float:
    """When (`time.monotonic`) a connection of the engine last broke under the driver: one that was used before is to be checked."""
    since: float = dialect.__dict__.get(_DOUBTED, -math.inf)
    return since


def note_repeated(error: Exception) -> None:
    """Log that a read failed by the driver and is repeated by SQLAlchemy: a new connection cures it, or SQLAlchemy says what it is.

    Without a log line a statement that always fails so would only be slow. The error's text may quote a value, its type does not.
    """
    log.warning("database.read_repeated", why=type(error).__qualname__)


async def fetch(driver: Any, sql: str, values: Sequence[Any]) -> Sequence[Any]:
    """Have the driver execute a statement; returns its rows."""
    return cast("Sequence[Any]", await driver.fetch(sql, *values))


async def fetched(engine: AsyncEngine, sql: str, values: Sequence[Any]) -> Sequence[Any]:
    """Have the driver execute a statement over a connection of the pool; returns its rows. Raises the driver's own errors."""
    pooled = await engine.raw_connection()
    try:
        rows = await fetch(pooled.driver_connection, sql, values)
    except IntegrityConstraintViolationError:
        await greenlet_spawn(pooled.close)
        raise
    except BaseException as error:
        if isinstance(error, _BROKEN) or cast("Any", pooled.driver_connection).is_closed():
            engine.dialect.__dict__[_DOUBTED] = time.monotonic()
        pooled.invalidate(error)  # nobody knows what the server still does with it
        raise
    await greenlet_spawn(pooled.close)  # one beyond the pool's size is closed now, which takes a message
    return rows


class DirectConnection(AsyncConnection):
    """Statements on PostgreSQL that commit by themselves. `most`: no more are sent than this (AssertionError), but for the driver's reads."""

    def __init__(self, engine: AsyncEngine, *, most: int | None = None) -> None:
        super().__init__(engine)
        self._most = most
        self._sent = 0

    @property  # type: ignore[misc]  # nobody sets it
    def dialect(self) -> Dialect:
        """The engine's, also before anything is opened."""
        return self.engine.dialect

    async def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        """Execute a statement, by the driver where it is marked so. Raises the same errors as any other connection."""
        mark = _mark(statement)
        if mark != _READS:
            if self._most is not None and self._sent >= self._most:
                raise AssertionError("one statement commits by itself, two need a transaction")
            self._sent += 1
        if self.sync_connection is None:
            if mark == _WRITES:
                return await self._by_the_driver(statement, parameters or {})
            if mark == _READS:
                try:
                    return await self._by_the_driver(statement, parameters or {})
                except (TimeoutError, NoConnectionFree):
                    raise
                except Exception as error:  # noqa: BLE001 - see `note_repeated`
                    note_repeated(error)
            await self.start()
            await self.execution_options(isolation_level="AUTOCOMMIT")
        return await super().execute(statement, parameters, **options)

    def wrote_nothing(self) -> None:
        """Do not count the last write: it found nothing to write, and another may be sent."""
        self._sent -= 1

    async def commit(self) -> None:
        """Nothing is left to commit."""

    async def start(self, is_ctxmanager: bool = False) -> Self:  # noqa: FBT001, FBT002 - SQLAlchemy's
        """Open nothing yet when it is entered."""
        if not is_ctxmanager:
            await super().start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Give the connection back, if one was opened."""
        if self.sync_connection is not None:
            await super().__aexit__(*error)

    async def _by_the_driver(self, statement: Any, parameters: Mapping[str, Any]) -> Any:
        compiled = compiled_for(self.dialect, statement, tuple(parameters))
        values = compiled.values(parameters)
        try:
            return compiled.result(await fetched(self.engine, compiled.sql, values))
        except IntegrityConstraintViolationError as error:
            raise IntegrityError(compiled.sql, None, _without_values(error), hide_parameters=True) from None
        except (PostgresError, InterfaceError) as error:
            raise DBAPIError(compiled.sql, None, _without_values(error), hide_parameters=True) from None
