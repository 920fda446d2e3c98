"""The inbox of webhooks: stores each one and marks its resource for a refresh, in one transaction (group commit)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.stored_names import known
from booking.sync.inbox import DeliverySource, DeliveryStats, WebhookDelivery
from integrations.database.engine import reading
from integrations.database.group_commit import GroupCommit
from integrations.database.pending_refreshes import SqlPendingRefreshes
from integrations.database.reaping import reap
from integrations.database.tables.webhooks import webhook_deliveries

_d = webhook_deliveries.c

# Retention: as long as operators ask what became of a webhook.
KEPT = timedelta(days=30)

# Webhooks in one group commit, at most: a long transaction would keep other writers waiting.
LARGEST_GROUP = 50

# Built once: every webhook executes it.
_INSERT = insert(webhook_deliveries)


class SqlInbox:
    """Inbox and StoredInbox, with queries for operators and the retention."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine
        self._group_commit = GroupCommit(self._store, most=LARGEST_GROUP)

    async def accept(self, delivery: WebhookDelivery) -> None:
        """Store it and mark its resource for a refresh; committed when this returns.

        If cancelled, it may or may not be stored.
        """
        await self._group_commit(delivery)

    async def _store(self, deliveries: Sequence[WebhookDelivery]) -> None:
        hints = [(one.hint, one.received_at) for one in deliveries if one.hint is not None]
        hints.sort(key=lambda entry: entry[0].resource)  # one lock order in all transactions: no deadlock
        async with self._engine.begin() as connection:
            await connection.execute(_INSERT, [_row(one) for one in deliveries])
            pending_refreshes = SqlPendingRefreshes(connection)
            for hint, at in hints:
                await pending_refreshes.mark(hint, now=at)

    async def received(self, since: datetime) -> Sequence[WebhookDelivery]:
        """Entries received since `since`, oldest first; their `hint` is None."""
        return await self._read(_d.received_at >= since)

    async def delivery_stats(self, since: datetime) -> DeliveryStats:
        """Statistics of entries with source WEBHOOK since `since`."""
        mine = (_d.received_at >= since, _d.source == DeliverySource.WEBHOOK)
        query = select(func.count(), func.min(_d.received_at), func.max(_d.received_at)).where(*mine)
        async with reading(self._engine) as connection:
            count, first, last = (await connection.execute(query)).one()
        return DeliveryStats(count=count, first=first, last=last)

    async def about(self, resource_id: str) -> Sequence[WebhookDelivery]:
        """Entries about upstream's id, of any kind, oldest first; their `hint` is None."""
        return await self._read(_d.resource_id == resource_id)

    async def reap(self, now: datetime) -> int:
        """Delete entries older than KEPT; returns how many."""
        return await reap(self._engine, _d.received_at < now - KEPT, oldest_first=_d.received_at)

    async def _read(self, condition: ColumnElement[bool]) -> Sequence[WebhookDelivery]:
        async with reading(self._engine) as connection:
            # By the time, not by the number: the index of times has them in this order, and SQLite reads nothing else.
            query = select(webhook_deliveries).where(condition).order_by(_d.received_at, _d.sequence)
            found = await connection.execute(query)
            return [
                WebhookDelivery(
                    event=row["event"],
                    resource_type=row["resource_type"],
                    resource_id=row["resource_id"],
                    received_at=row["received_at"],
                    hint=None,
                    source=known(DeliverySource, row["source"]),
                )
                for row in found.mappings()
            ]


def _row(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "received_at": delivery.received_at,
        "source": delivery.source,
        "event": delivery.event,
        "resource_type": delivery.resource_type,
        "resource_id": delivery.resource_id,
        "kind": delivery.hint.resource.kind if delivery.hint else None,
    }
