"""Our webhook subscriptions upstream: when each was last found in order, and its signing secret, sealed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.sync.webhook_subscriptions import KnownSubscription, WebhookSubscription
from integrations.database.columns import upsert
from integrations.database.engine import reading
from integrations.database.sealing import SealBroken, Sealer
from integrations.database.tables.webhooks import webhook_subscriptions

_w = webhook_subscriptions.c

log = structlog.get_logger(__name__)


class SqlKnownSubscriptions:
    """KnownSubscriptions inside one transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def all(self) -> Mapping[str, KnownSubscription]:
        """All, by id."""
        found = await self._connection.execute(select(_w.id, _w.well_at))
        return {one: KnownSubscription(id=one, well_at=well_at) for one, well_at in found}

    async def remember(self, subscription: WebhookSubscription, *, well_at: datetime | None) -> None:
        """Store its secret, sealed, and when it was last found in order (None: leave that unchanged)."""
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
        """Delete the secret of one that no longer sends to us: its signature is no longer accepted."""
        await self._connection.execute(
            update(webhook_subscriptions).where(_w.id == subscription_id).values(secret=None)
        )

    async def forget(self, subscription_id: str) -> None:
        """Delete the row of one that upstream no longer has."""
        await self._connection.execute(delete(webhook_subscriptions).where(_w.id == subscription_id))


class SqlWebhookSecrets:
    """Reads the signing secrets of our subscriptions, to verify webhooks with."""

    def __init__(self, *, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def __call__(self) -> Sequence[str]:
        """The secrets, opened. One that does not open is logged and left out: the next webhook check stores it again."""
        query = select(_w.id, _w.secret).where(_w.secret.is_not(None)).order_by(_w.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        secrets = []
        for one, sealed in rows:
            try:
                secrets.append(str(self._sealer.open(sealed, place=_place(one))))
            except SealBroken:
                log.error("webhooks.secret_does_not_open", subscription=one)  # noqa: TRY400 - a traceback would add nothing
        return secrets


def _place(subscription_id: str) -> str:
    return f"webhook_subscriptions/{subscription_id}/secret"
