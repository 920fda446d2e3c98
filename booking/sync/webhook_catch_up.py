"""Catching up on webhooks: what upstream did not tell us is put into the inbox, and looked at as if it had come in."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from booking.ports import Clock
from booking.resources import ChangeHint, Changes
from booking.sync.inbox import Source, StoredInbox, WebhookDelivery
from booking.sync.webhook_subscriptions import CLOCKS_DIFFER, Attempt, Subscriptions, missed

# Checks overlap by this: upstream may list an attempt later than it is dated.
OVERLAP = timedelta(minutes=15)

# The first check looks back so far: upstream tries for three days.
BEFORE_THE_FIRST = timedelta(days=4)


class CatchUp:
    """What upstream tried to tell and could not, and what changed while it did not even try."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        changes: Changes,
        inbox: StoredInbox,
        clock: Clock,
        address: str,
    ) -> None:
        """`address` is ours, that words are to be sent to."""
        self._subscriptions = subscriptions
        self._changes = changes
        self._inbox = inbox
        self._clock = clock
        self._address = address

    async def accept_changes(self, since: datetime) -> int:
        """Have all looked at that changed since: how much it is. Raises UpstreamUnavailable."""
        now = self._clock.now()
        change_signals = await self._changes.since(since - CLOCKS_DIFFER)
        await asyncio.gather(*(self._inbox.accept(_listed(hint, now=now)) for hint in change_signals))
        return len(change_signals)

    async def compared(
        self, *, seen_until: datetime | None, began: datetime, known: Iterable[str]
    ) -> tuple[int, Sequence[Attempt]]:
        """How many words upstream tried to send since the last check, to anybody, and those to us that never came in.

        The last check saw all until `seen_until` (None: this is the first), and this one `began` then. `known` are the ids of
        the subscriptions that are or were ours. Raises UpstreamUnavailable.
        """
        since = seen_until - OVERLAP if seen_until is not None else began - BEFORE_THE_FIRST
        attempts = await self._subscriptions.attempts(since)
        received = await self._inbox.received(since - CLOCKS_DIFFER)
        return len(attempts), missed(attempts, received, address=self._address, known=known)

    async def accept_missed(self, attempts: Sequence[Attempt]) -> None:
        """Have them looked at, as if they had come in; marking one twice is looking at it again."""
        now = self._clock.now()
        await asyncio.gather(*(self._inbox.accept(_delivery(attempt, now=now)) for attempt in attempts))


def _listed(hint: ChangeHint, *, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        event="listed",
        resource_type=hint.resource.kind,
        resource_id=hint.resource.id,
        received_at=now,
        hint=hint,
        source=Source.MISSED,
    )


def _delivery(attempt: Attempt, *, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        event=attempt.event,
        resource_type=attempt.resource_type,
        resource_id=attempt.resource_id,
        received_at=now,
        hint=attempt.hint,
        source=Source.MISSED,
    )
