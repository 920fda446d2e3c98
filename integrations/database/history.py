"""The history of checkouts: the entries of checkout_events, and those merged with upstream calls of the audit trail."""

from collections.abc import Iterable, Sequence
from datetime import datetime
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

# Built once: it is executed with every transition.
_ADD_ENTRY = insert(checkout_events)


class SqlCheckoutHistory:
    """Implements CheckoutHistory inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, *entries: HistoryEntry) -> None:
        """Insert the entries, in one statement."""
        await self._connection.execute(_ADD_ENTRY, [vars(entry) for entry in entries])


async def history_of(engine: AsyncEngine, checkout_id: str) -> Sequence[HistoryEntry | AuditEntry]:
    """Return a checkout's history entries and upstream calls by time; each call as it ended, or as it began if it has not."""
    entries: list[HistoryEntry | AuditEntry] = list(await _calls(engine, checkout_id))
    async with reading(engine) as connection:
        rows = await connection.execute(
            select(checkout_events)
            .where(checkout_events.c.checkout_id == checkout_id)
            .order_by(checkout_events.c.sequence)
        )
        entries += [
            HistoryEntry(**_entry_values(row) | {"kind": known(HistoryKind, row["kind"])})
            for row in rows.mappings()
        ]
    # The sort is stable: a call's answer comes before the write that it led to.
    return sorted(entries, key=lambda entry: entry.at)


async def calls_since(
    engine: AsyncEngine, checkout_id: str, *, since: datetime, until: datetime | None
) -> Sequence[AuditEntry]:
    """Return the calls that the audit trail has under this checkout, or change, from `since` to `until` (UTC; None: to the last)."""
    calls = await _calls(engine, checkout_id)
    return [call for call in calls if call.at >= since and (until is None or call.at <= until)]


async def _calls(engine: AsyncEngine, checkout_id: str) -> Iterable[AuditEntry]:
    calls: dict[str, AuditEntry] = {}
    for link in await of_checkout(engine, checkout_id):
        entry = entry_of(link.record)
        if entry.kind is not AuditKind.ACCESSED:
            calls[entry.call_id] = entry  # the answer replaces the attempt
    return calls.values()


def _entry_values(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "sequence"}
