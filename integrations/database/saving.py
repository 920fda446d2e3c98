"""Writes a checkout's row together with all that goes with it: one statement on PostgreSQL, several on SQLite, which has no such one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CTE
from sqlalchemy.types import TypeEngine

from booking.checkout.guards import SendFacts
from booking.events.model import DomainEvent
from booking.operations.model import HistoryEntry
from integrations.database.columns import insert_or_ignore
from integrations.database.direct import DirectConnection, driver_writes
from integrations.database.event_outbox import LOCK, SqlEventOutbox, row_of
from integrations.database.tables.checkouts import checkout_events, checkouts
from integrations.database.tables.events import practice_events
from integrations.database.tables.operations import clinician_blocks
from integrations.database.tables.slots import slot_claims

_SAVE = update(checkouts).where(
    checkouts.c.id == bindparam("id_read"), checkouts.c.version == bindparam("version_read")
)
_ADD_ENTRY = insert(checkout_events)
_FREE = delete(slot_claims).where(slot_claims.c.checkout_id == bindparam("mine", type_=String))
_PARTS = tuple(each.name for each in fields(HistoryEntry))
_OF_EVENT = ("id", "name", "at", "kind", "resource_id", "ids", "by")
_ORDER = "place"  # of the rows of one array among themselves


@dataclass(frozen=True, kw_only=True)
class Write:
    """A row and what goes with it: all of it is written, or, if the row is not found at its version, nothing."""

    row: Mapping[
        str, Any
    ]  # the columns to write, besides `id_read` and `version_read`: which row, and at which version
    history: Sequence[HistoryEntry] = ()
    frees_claim: bool = False  # its slot claim, if it has one, goes
    events: Sequence[DomainEvent] = ()


async def save(connection: AsyncConnection, write: Write) -> SendFacts | None:
    """Write it. Raises LookupError when the row was not found at its version, IntegrityError.

    Returns what the guards ask of the database, as of this write; None on SQLite, where it is another statement.
    """
    if connection.dialect.name == "postgresql":
        return await _save_at_once(connection, write)
    if not (await connection.execute(_SAVE, write.row)).rowcount:
        raise LookupError("another version")
    if write.frees_claim:
        await connection.execute(_FREE, {"mine": write.row["id_read"]})
    if write.history:
        await connection.execute(_ADD_ENTRY, [vars(entry) for entry in write.history])
    await SqlEventOutbox(connection).add(write.events)
    return None


async def add(connection: AsyncConnection, row: Mapping[str, Any], history: Sequence[HistoryEntry]) -> bool:
    """Insert a row with entries of its history; returns False, with nothing written, where a unique rule is in the way of the row."""
    if connection.dialect.name == "postgresql":
        given = {**row, **_as_arrays("entry", _PARTS, [vars(entry) for entry in history])}
        added = await connection.scalar(_added_at_once(tuple(sorted(row)), bool(history)), given)
        if not added and isinstance(connection, DirectConnection):
            connection.wrote_nothing()
        return bool(added)
    if not (await connection.execute(insert_or_ignore(connection, checkouts), row)).rowcount:
        return False
    if history:
        await connection.execute(_ADD_ENTRY, [vars(entry) for entry in history])
    return True


@cache
def _added_at_once(columns: tuple[str, ...], history: bool) -> Select[int]:  # noqa: FBT001
    """The statement that inserts a row of these columns, and its history if it has inserted it. Built once."""
    new = postgresql.insert(checkouts).values(
        {name: bindparam(name, type_=checkouts.c[name].type) for name in columns}
    )
    saved = new.on_conflict_do_nothing().returning(checkouts.c.id).cte("saved")
    statement = select(func.count()).select_from(saved)
    if history:
        entries = _rows(checkout_events, "entry", _PARTS, saved)
        statement = statement.add_cte(insert(checkout_events).from_select(_PARTS, entries).cte("added"))
    return driver_writes(statement)


async def _save_at_once(connection: AsyncConnection, write: Write) -> SendFacts:
    columns = tuple(sorted(write.row.keys() - {"id_read", "version_read"}))
    given = {
        **write.row,
        **_as_arrays("entry", _PARTS, [vars(entry) for entry in write.history]),
        **_as_arrays("event", _OF_EVENT, [row_of(event) for event in write.events]),
    }
    statement = _at_once(columns, bool(write.history), write.frees_claim, bool(write.events))
    found = (await connection.execute(statement, given)).first()
    if found is None:
        raise LookupError("another version")
    version, has_claim, is_blocked = found
    return SendFacts(version=version, has_claim=bool(has_claim), is_blocked=bool(is_blocked))


@cache
def _at_once(columns: tuple[str, ...], history: bool, frees_claim: bool, events: bool) -> Select[Any]:  # noqa: FBT001
    """The statement that updates these columns, and does the rest if it has found the row. Built once for each kind of write.

    A claim that it frees is still there for what it reads itself: that is of the moment before it.
    """
    saved = (
        _SAVE.values({name: bindparam(name, type_=checkouts.c[name].type) for name in columns})
        .returning(checkouts.c.id, checkouts.c.version, checkouts.c.clinician_id)
        .cte("saved")
    )
    claim = exists().where(slot_claims.c.checkout_id == saved.c.id)
    block = exists().where(clinician_blocks.c.clinician_id == saved.c.clinician_id)
    statement = select(saved.c.version, claim.label("has_claim"), block.label("is_blocked"))
    if history:
        added = _rows(checkout_events, "entry", _PARTS, saved)
        statement = statement.add_cte(insert(checkout_events).from_select(_PARTS, added).cte("added"))
    if frees_claim:
        freed = delete(slot_claims).where(slot_claims.c.checkout_id == saved.c.id)
        statement = statement.add_cte(freed.cte("freed"))
    if events:
        # Numbered under the lock, as in SqlEventOutbox: a number is taken by a row that is about to be inserted.
        turn = select(LOCK.label("turn")).select_from(saved).cte("turn").prefix_with("MATERIALIZED")
        events_added = postgresql.insert(practice_events).from_select(
            _OF_EVENT, _rows(practice_events, "event", _OF_EVENT, turn)
        )
        statement = statement.add_cte(events_added.on_conflict_do_nothing().cte("published"))
    return driver_writes(statement)


def _rows(table: Table, prefix: str, names: Sequence[str], after: CTE) -> Select[Any]:
    """The rows of arrays, in their order, if `after` has a row."""
    kinds: dict[str, TypeEngine[Any]] = {name: table.c[name].type for name in names} | {_ORDER: Integer()}
    arrays = (bindparam(f"{prefix}_{name}", type_=ARRAY(kind)) for name, kind in kinds.items())
    given = (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in kinds.items()), name=f"{prefix}_rows")
        .render_derived()
    )
    return (
        select(*(given.c[name] for name in names))
        .select_from(after.join(given, true()))
        .order_by(given.c[_ORDER])
    )


def _as_arrays(prefix: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    if not rows:
        return {}
    arrays = {f"{prefix}_{name}": [row[name] for row in rows] for name in names}
    return arrays | {f"{prefix}_{_ORDER}": list(range(len(rows)))}
