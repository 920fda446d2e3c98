"""The inbox of words from upstream: what came in is kept, and what it is about is marked, in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.stored_names import known
from booking.sync.inbox import DeliveryStats, Source, WebhookDelivery
from integrations.database.engine import reading
from integrations.database.group_commit import GroupCommit
from integrations.database.pending_refreshes import SqlPendingRefreshes
from integrations.database.tables.webhooks import webhook_deliveries

_d = webhook_deliveries.c

# What came in is kept as long as anybody asks what became of it.
KEPT = timedelta(days=30)

# Deliveries of one transaction, at most: it must not keep other writers waiting.
TOGETHER = 50

# Built once: it is executed with every delivery.
_KEEP = insert(webhook_deliveries)


class SqlInbox:
    """The ports Inbox and StoredInbox."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine
        self._group_commit = GroupCommit(self._keep, most=TOGETHER)

    async def accept(self, delivery: WebhookDelivery) -> None:
        """Keep it and mark its resource, durably when this returns; who gives up is sent it again."""
        await self._group_commit(delivery)

    async def _keep(self, deliveries: Sequence[WebhookDelivery]) -> None:
        change_signals = [(one.hint, one.received_at) for one in deliveries if one.hint is not None]
        change_signals.sort(key=lambda entry: entry[0].resource)
        async with self._engine.begin() as connection:
            await connection.execute(_KEEP, [_row(one) for one in deliveries])
            marks = SqlPendingRefreshes(connection)
            for hint, at in change_signals:
                await marks.mark(hint, now=at)

    async def received(self, since: datetime) -> Sequence[WebhookDelivery]:
        """What came in since the moment, oldest first; without the pokes."""
        return await self._read(_d.received_at >= since)

    async def delivery_stats(self, since: datetime) -> DeliveryStats:
        """How often webhooks came in since the moment."""
        mine = (_d.received_at >= since, _d.source == Source.WEBHOOK)
        query = select(func.count(), func.min(_d.received_at), func.max(_d.received_at)).where(*mine)
        async with reading(self._engine) as connection:
            count, first, last = (await connection.execute(query)).one()
        return DeliveryStats(count=count, first=first, last=last)

    async def about(self, resource_id: str) -> Sequence[WebhookDelivery]:
        """What came in about upstream's id, oldest first; without the pokes."""
        return await self._read(_d.resource_id == resource_id)

    async def reap(self, now: datetime) -> int:
        """Forget what came in so long ago that nobody asks for it; answers how many rows."""
        old = delete(webhook_deliveries).where(_d.received_at < now - KEPT)
        async with self._engine.begin() as connection:
            return (await connection.execute(old)).rowcount

    async def _read(self, condition: ColumnElement[bool]) -> Sequence[WebhookDelivery]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                select(webhook_deliveries).where(condition).order_by(_d.sequence)
            )
            return [
                WebhookDelivery(
                    event=row["event"],
                    resource_type=row["resource_type"],
                    resource_id=row["resource_id"],
                    received_at=row["received_at"],
                    hint=None,
                    source=known(Source, row["source"]),
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
