"""The story of each checkout: what was written on its row, by whom, and which calls went upstream for it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.audit.chain import entry_of
from booking.audit.model import AuditEntry, AuditKind
from booking.operations.model import HistoryEntry, HistoryKind
from booking.stored_names import known
from integrations.database.audit_reading import of_checkout
from integrations.database.engine import reading
from integrations.database.tables.checkouts import checkout_events

# Built once: one is written with every move.
_ADD_EVENT = insert(checkout_events)


class SqlCheckoutHistory:
    """The events of checkouts inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, event: HistoryEntry) -> None:
        """Write an entry."""
        await self._connection.execute(_ADD_EVENT, vars(event))


async def history_of(engine: AsyncEngine, checkout_id: str) -> Sequence[HistoryEntry | AuditEntry]:
    """Everything that is told of a checkout, in the order of time: each call as it ended, or as it began if it never did."""
    told: list[HistoryEntry | AuditEntry] = list(await _calls(engine, checkout_id))
    async with reading(engine) as connection:
        events = await connection.execute(
            select(checkout_events)
            .where(checkout_events.c.checkout_id == checkout_id)
            .order_by(checkout_events.c.sequence)
        )
        told += [
            HistoryEntry(**_values(row) | {"kind": known(HistoryKind, row["kind"])})
            for row in events.mappings()
        ]
    # Stable: an answer stands before the write that it led to.
    return sorted(told, key=lambda entry: entry.at)


async def _calls(engine: AsyncEngine, checkout_id: str) -> Iterable[AuditEntry]:
    calls: dict[str, AuditEntry] = {}
    for link in await of_checkout(engine, checkout_id):
        entry = entry_of(link.record)
        if entry.kind is not AuditKind.ACCESSED:
            calls[entry.call_id] = entry  # the answer takes the attempt's place
    return calls.values()


def _values(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "sequence"}
