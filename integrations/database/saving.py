"""Writes a checkout's row together with entries of its history: one statement on PostgreSQL, two on SQLite, which has no such one."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Integer, Select, bindparam, column, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.operations.model import HistoryEntry
from integrations.database.direct import driver_writes
from integrations.database.tables.checkouts import checkout_events, checkouts

_SAVE = update(checkouts).where(
    checkouts.c.id == bindparam("id_read"), checkouts.c.version == bindparam("version_read")
)
_ADD_ENTRY = insert(checkout_events)
_PARTS = tuple(each.name for each in fields(HistoryEntry))
_ORDER = "place"  # of the entries among themselves


async def save_with_history(
    connection: AsyncConnection, row: Mapping[str, Any], history: Sequence[HistoryEntry]
) -> int:
    """Update the row with the id `id_read` at the version `version_read`; with nothing found, nothing is written.

    Returns how many rows were found. Raises IntegrityError.
    """
    if connection.dialect.name == "postgresql" and history:
        columns = tuple(sorted(row.keys() - {"id_read", "version_read"}))
        given = {**row, **_as_arrays(history)}
        return int(await connection.scalar(_saved_with_history(columns), given) or 0)
    found = (await connection.execute(_SAVE, row)).rowcount
    if found and history:
        await connection.execute(_ADD_ENTRY, [vars(entry) for entry in history])
    return found


@cache
def _saved_with_history(columns: tuple[str, ...]) -> Select[int]:
    """The statement that updates these columns, and adds the entries if it has found the row. Built once for each set of columns."""
    saved = (
        _SAVE.values({name: bindparam(name, type_=checkouts.c[name].type) for name in columns})
        .returning(checkouts.c.id)
        .cte("saved")
    )
    kinds = {name: checkout_events.c[name].type for name in _PARTS} | {_ORDER: Integer()}
    entries = func.unnest(*(bindparam(f"entry_{name}", type_=ARRAY(kind)) for name, kind in kinds.items()))
    given = entries.table_valued(*(column(name, kind) for name, kind in kinds.items())).render_derived()
    kept = select(*(given.c[name] for name in _PARTS)).select_from(saved.join(given, true()))
    added = insert(checkout_events).from_select(_PARTS, kept.order_by(given.c[_ORDER])).cte("added")
    return driver_writes(select(func.count()).select_from(saved).add_cte(added))


def _as_arrays(history: Sequence[HistoryEntry]) -> dict[str, list[Any]]:
    arrays = {f"entry_{name}": [getattr(entry, name) for entry in history] for name in _PARTS}
    return arrays | {f"entry_{_ORDER}": list(range(len(history)))}
