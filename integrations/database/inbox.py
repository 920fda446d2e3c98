"""The inbox of words from upstream: what came in is kept, and what it is about is marked, in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.inbox import Delivery, Rhythm, Source
from booking.stored import known
from integrations.database.engine import reading
from integrations.database.marks import SqlMarks
from integrations.database.tables.webhooks import webhook_deliveries
from integrations.database.together import Together

_d = webhook_deliveries.c

# What came in is kept as long as anybody asks what became of it.
KEPT = timedelta(days=30)

# Deliveries of one transaction, at most: it must not keep other writers waiting.
TOGETHER = 50

# Built once: it is executed with every delivery.
_KEEP = insert(webhook_deliveries)


class SqlInbox:
    """The ports Inbox and KeptInbox."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine
        self._together = Together(self._keep, most=TOGETHER)

    async def accept(self, delivery: Delivery) -> None:
        """Keep it and mark its resource, durably when this returns; who gives up is sent it again."""
        await self._together(delivery)

    async def _keep(self, deliveries: Sequence[Delivery]) -> None:
        pokes = [(one.poke, one.received_at) for one in deliveries if one.poke is not None]
        pokes.sort(key=lambda entry: entry[0].resource)
        async with self._engine.begin() as connection:
            await connection.execute(_KEEP, [_row(one) for one in deliveries])
            marks = SqlMarks(connection)
            for poke, at in pokes:
                await marks.mark(poke, now=at)

    async def received(self, since: datetime) -> Sequence[Delivery]:
        """What came in since the moment, oldest first; without the pokes."""
        return await self._read(_d.received_at >= since)

    async def rhythm(self, since: datetime) -> Rhythm:
        """How often webhooks came in since the moment."""
        mine = (_d.received_at >= since, _d.source == Source.WEBHOOK)
        query = select(func.count(), func.min(_d.received_at), func.max(_d.received_at)).where(*mine)
        async with reading(self._engine) as connection:
            count, first, last = (await connection.execute(query)).one()
        return Rhythm(count=count, first=first, last=last)

    async def about(self, resource_id: str) -> Sequence[Delivery]:
        """What came in about upstream's id, oldest first; without the pokes."""
        return await self._read(_d.resource_id == resource_id)

    async def reap(self, now: datetime) -> int:
        """Forget what came in so long ago that nobody asks for it; answers how many rows."""
        old = delete(webhook_deliveries).where(_d.received_at < now - KEPT)
        async with self._engine.begin() as connection:
            return (await connection.execute(old)).rowcount

    async def _read(self, condition: ColumnElement[bool]) -> Sequence[Delivery]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                select(webhook_deliveries).where(condition).order_by(_d.sequence)
            )
            return [
                Delivery(
                    event=row["event"],
                    resource_type=row["resource_type"],
                    resource_id=row["resource_id"],
                    received_at=row["received_at"],
                    poke=None,
                    source=known(Source, row["source"]),
                )
                for row in found.mappings()
            ]


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "received_at": delivery.received_at,
        "source": delivery.source,
        "event": delivery.event,
        "resource_type": delivery.resource_type,
        "resource_id": delivery.resource_id,
        "kind": delivery.poke.resource.kind if delivery.poke else None,
    }
