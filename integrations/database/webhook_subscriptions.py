"""What we remember of our webhooks upstream: when each was last seen well, and, sealed, what it signs with."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.sync.webhook_subscriptions import Known, Subscription
from integrations.database.columns import upsert
from integrations.database.engine import reading
from integrations.database.sealing import SealBroken, Sealer
from integrations.database.tables.webhooks import webhook_subscriptions

_w = webhook_subscriptions.c

log = structlog.get_logger(__name__)


class SqlKnownSubscriptions:
    """The rows inside one transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def all(self) -> Mapping[str, Known]:
        """All, by their ids."""
        found = await self._connection.execute(select(_w.id, _w.well_at))
        return {one: Known(id=one, well_at=well_at) for one, well_at in found}

    async def remember(self, subscription: Subscription, *, well_at: datetime | None) -> None:
        """Keep its secret, and when it was last seen well (None: leave that as it is)."""
        values: dict[str, Any] = {"well_at": well_at} if well_at is not None else {}
        if subscription.secret is not None:
            values["secret"] = self._sealer.seal(subscription.secret, place=_place(subscription.id))
        row = upsert(self._connection, webhook_subscriptions).values(id=subscription.id, **values)
        if values:
            row = row.on_conflict_do_update(index_elements=["id"], set_=values)
        else:
            row = row.on_conflict_do_nothing()
        await self._connection.execute(row)

    async def forget_secret(self, subscription_id: str) -> None:
        """It does not send to us any more: nothing that it signs is taken."""
        await self._connection.execute(
            update(webhook_subscriptions).where(_w.id == subscription_id).values(secret=None)
        )

    async def forget(self, subscription_id: str) -> None:
        """There is none of that id any more."""
        await self._connection.execute(delete(webhook_subscriptions).where(_w.id == subscription_id))


class SqlWebhookSecrets:
    """What the webhooks sign with that we made or found, for whoever verifies."""

    def __init__(self, *, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def __call__(self) -> Sequence[str]:
        """The secrets. One that does not open is left out: the next check of the webhooks seals it anew."""
        query = select(_w.id, _w.secret).where(_w.secret.is_not(None)).order_by(_w.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        secrets = []
        for one, sealed in rows:
            try:
                secrets.append(str(self._sealer.open(sealed, place=_place(one))))
            except SealBroken:
                log.error("webhooks.secret_does_not_open", subscription=one)  # noqa: TRY400 - there is no more to say
        return secrets


def _place(subscription_id: str) -> str:
    return f"webhook_subscriptions/{subscription_id}/secret"
