"""Column types and statements that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    String,
    Table,
    any_,
    bindparam,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, read back in UTC: timestamptz on PostgreSQL, whole microseconds since 1970 on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type in this dialect."""
        if dialect.name == "sqlite":  # it has no type for times; whole numbers sort correctly
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert for storage. Raises ValueError for a naive datetime, a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without its zone cannot be stored")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert from storage, to UTC."""
        if value is None:
            return None
        moment: datetime = _EPOCH + value * _MICROSECOND if dialect.name == "sqlite" else value
        return moment.astimezone(UTC)


# A JSON document; None is SQL's NULL, never JSON's null.
Document = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

# An autoincrementing number; SQLite autoincrements only columns of exactly this type.
Counter = BigInteger().with_variant(Integer(), "sqlite")


def one_of(dialect: str, column: Column[str], parameter: str) -> ColumnElement[bool]:
    """Condition: the column is among the texts of this parameter, a sequence. For statements that are compiled once.

    PostgreSQL takes them as one array, so that the statement is the same for any number of them.
    """
    if dialect == "postgresql":
        return column == any_(bindparam(parameter, type_=postgresql.ARRAY(String)))
    return column.in_(bindparam(parameter, expanding=True))


def upsert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that supports ON CONFLICT, in the dialect of the connection."""
    return upsert_in(connection.dialect.name, table)


def upsert_in(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """As `upsert`, by the dialect's name: for statements that are built once."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_or_ignore(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT … ON CONFLICT DO NOTHING, to be executed with its rows. Cached: building it takes as long as executing it."""
    return _insert_or_ignore(connection.dialect.name, table)


@cache
def _insert_or_ignore(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return upsert_in(dialect, table).on_conflict_do_nothing()


def breaks_unique(error: IntegrityError, column: str) -> bool:
    """Whether a unique index over this column was violated; such indexes have the column's name in their own."""
    return column in str(error.orig).splitlines()[0]  # the second line may quote values
