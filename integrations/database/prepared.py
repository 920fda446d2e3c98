"""Prepared reads: for the statements that most requests execute, without most of the work that surrounds a statement."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CompoundSelect, Select
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import TypeEngine

from integrations.database import direct
from integrations.database.engine import reading

_Processor = Callable[[Any], Any]


class PreparedRead:
    """A read-only statement with named parameters, compiled once.

    On PostgreSQL the driver executes it, over a connection of the engine's pool: of the processor's time that a small statement costs,
    three quarters go into its execution by SQLAlchemy. On SQLite they go into the connection's thread, and SQLAlchemy executes it.
    """

    def __init__(self, engine: AsyncEngine, query: Select[Any] | CompoundSelect[Any]) -> None:
        self._engine = engine
        self._query = query
        dialect = engine.dialect
        compiled = query.compile(dialect=dialect)
        given = {name for name, bind in compiled.binds.items() if bind.required}
        expanded = compiled.construct_expanded_state(dict.fromkeys(given))
        self._sql = expanded.statement
        # What the statement says itself, such as a list of the states of a row that it wants, are parameters too.
        self._constants = {name: value for name, value in expanded.parameters.items() if name not in given}
        processors = {
            **expanded.processors,  # of the members of such lists
            **{name: self._type(bind.type).bind_processor(dialect) for name, bind in compiled.binds.items()},
        }
        self._parameters: list[tuple[str, _Processor]] = [
            (name, cast("_Processor", processors.get(name) or _as_it_is))
            for name in expanded.positiontup or ()
        ]
        self._columns: list[_Processor] = [
            self._type(column.type).result_processor(dialect, None) or _as_it_is
            for column in query.selected_columns
        ]

    async def __call__(self, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows. Raises the same errors as any other statement."""
        if self._engine.dialect.name == "postgresql":
            try:
                return await self._by_the_driver(parameters)
            except (TimeoutError, NoConnectionFree):
                raise
            except Exception as error:  # noqa: BLE001 - see `note_repeated`
                direct.note_repeated(error)
        async with reading(self._engine) as connection:
            rows: Sequence[Sequence[Any]] = (await connection.execute(self._query, parameters)).all()
        return rows

    async def _by_the_driver(self, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        given = {**self._constants, **parameters}
        values = [process(given[name]) for name, process in self._parameters]
        rows = await direct.fetched(self._engine, self._sql, values)
        return [[process(value) for process, value in zip(self._columns, row, strict=True)] for row in rows]

    def _type(self, generic: TypeEngine[Any]) -> TypeEngine[Any]:
        return generic.dialect_impl(self._engine.dialect)


def _as_it_is(value: Any) -> Any:
    return value
