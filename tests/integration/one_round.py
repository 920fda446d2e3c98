"""One round of refreshes that are due, to its end: the worker starts the next one while the last is still under way."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.sync.synchronizer import ResourceSynchronizer
from integrations.database.tables.webhooks import pending_refreshes


async def one_round(synchronizer: ResourceSynchronizer, engine: AsyncEngine) -> int:
    """Refresh what is due; answers how many pending refreshes that took away: those that failed, or came anew, stay."""
    before = await _pending(engine)
    await synchronizer.run_due()
    await synchronizer.drain()
    return before - await _pending(engine)


async def _pending(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(pending_refreshes)) or 0
