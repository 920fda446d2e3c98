"""Reconciliation of webhooks: puts changes whose webhooks never arrived into the inbox, as if they had."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from booking.ports import Clock
from booking.resources import ChangeHint, Changes
from booking.sync.inbox import DeliverySource, StoredInbox, WebhookDelivery
from booking.sync.webhook_subscriptions import CLOCKS_DIFFER, DeliveryAttempt, Subscriptions, missed

# Checks overlap by this: upstream may list an attempt some time after its date.
OVERLAP = timedelta(minutes=15)

# The first check looks back this far: upstream retries for three days.
BEFORE_THE_FIRST = timedelta(days=4)


class CatchUp:
    """Finds webhooks that upstream sent in vain, and changes for which it sent none; puts both into the inbox."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        changes: Changes,
        inbox: StoredInbox,
        clock: Clock,
        address: str,
    ) -> None:
        """`address` is the URL of our webhook endpoint."""
        self._subscriptions = subscriptions
        self._changes = changes
        self._inbox = inbox
        self._clock = clock
        self._address = address

    async def accept_changes(self, since: datetime) -> int:
        """Put everything that upstream lists as changed since `since` into the inbox; returns how many.

        Raises UpstreamUnavailable.
        """
        now = self._clock.now()
        hints = await self._changes.since(since - CLOCKS_DIFFER)
        await asyncio.gather(*(self._inbox.accept(_listed(hint, now=now)) for hint in hints))
        return len(hints)

    async def compared(
        self, *, seen_until: datetime | None, began: datetime, known: Iterable[str]
    ) -> tuple[int, Sequence[DeliveryAttempt]]:
        """Count the attempts upstream made since the last check, to any address, and find those to us that never arrived.

        `seen_until` is the last check's cursor (None: this is the first check), `began` the start of this check, `known` the
        ids of the subscriptions that are or were ours. Raises UpstreamUnavailable.
        """
        since = seen_until - OVERLAP if seen_until is not None else began - BEFORE_THE_FIRST
        attempts = await self._subscriptions.attempts(since)
        received = await self._inbox.received(since - CLOCKS_DIFFER)
        return len(attempts), missed(attempts, received, address=self._address, known=known)

    async def accept_missed(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Put them into the inbox, as if they had arrived. Repeating it is harmless: it only causes another refresh."""
        now = self._clock.now()
        await asyncio.gather(*(self._inbox.accept(_delivery(attempt, now=now)) for attempt in attempts))


def _listed(hint: ChangeHint, *, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        event="listed",
        resource_type=hint.resource.kind,
        resource_id=hint.resource.id,
        received_at=now,
        hint=hint,
        source=DeliverySource.MISSED,
    )


def _delivery(attempt: DeliveryAttempt, *, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        event=attempt.event,
        resource_type=attempt.resource_type,
        resource_id=attempt.resource_id,
        received_at=now,
        hint=attempt.hint,
        source=DeliverySource.MISSED,
    )
