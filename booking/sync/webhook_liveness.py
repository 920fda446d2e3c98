"""Noticing that no webhooks come any more: their silence, while visits change, is told within a quarter of an hour."""

from datetime import UTC, datetime, timedelta

import structlog

from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.resources import ChangedVisits
from booking.sync.inbox import DeliveryStats, StoredInbox
from booking.sync.webhook_subscriptions import CLOCKS_DIFFER, minute
from booking.unit_of_work import UnitOfWorkFactory

# Two rounds and the shortest silence end within a quarter of an hour.
EVERY = timedelta(minutes=5)

# The busiest practice has pauses, too.
SHORTEST = timedelta(minutes=10)

# What is usual is measured over a week, nights and weekends among it.
MEASURED_OVER = timedelta(days=7)

# A change of today proves as much as all of a silence that lasts, and each look reads those that it asks for.
LOOKED_BACK = timedelta(days=1)

# Of fewer webhooks nobody can say how often they come; until then it is taken to be so.
FEW = 10
USUAL_OF_FEW = timedelta(minutes=30)

log = structlog.get_logger(__name__)


class WebhookLiveness:
    """Any number of workers may call it, one of them asks. While webhooks come, nothing is asked of upstream."""

    def __init__(
        self, *, units: UnitOfWorkFactory, inbox: StoredInbox, visits: ChangedVisits, clock: Clock, gaps: int
    ) -> None:
        """Silence is when nothing came for so many of the usual gaps between webhooks."""
        self._units = units
        self._inbox = inbox
        self._visits = visits
        self._clock = clock
        self._gaps = gaps

    async def check(self) -> bool:
        """Alert when webhooks are silent; answers whether they are. Raises UpstreamUnavailable."""
        now = self._clock.now()
        async with self._units() as unit:
            listening_since = await unit.polls.claim(
                "webhook_silence", now=now, next_at=now + EVERY, begins=now
            )
            await unit.commit()
        if listening_since is None:
            return False
        delivery_stats = await self._inbox.delivery_stats(now - MEASURED_OVER)
        since = delivery_stats.last or listening_since
        if now - since < max(SHORTEST, self._gaps * usual_gap(delivery_stats)):
            return False
        if not await self._changed(since, now):
            return False
        log.warning(
            "webhooks.silent",
            since=since.astimezone(UTC).isoformat(),
            webhooks_in_a_week=delivery_stats.count,
        )
        async with self._units() as unit:
            subject = f"since {minute(since)}"
            await unit.alerts.raise_once(
                Alert(reason=AttentionReason.WEBHOOKS_SILENT, subject=subject, raised_at=now)
            )
            await unit.commit()
        return True

    async def _changed(self, since: datetime, now: datetime) -> bool:
        """Whether a visit changed after the last webhook, and so long ago that a webhook should be here."""
        found = await self._visits.changed(max(since + CLOCKS_DIFFER, now - LOOKED_BACK))
        return any(at <= now - CLOCKS_DIFFER for _, at in found)


def usual_gap(delivery_stats: DeliveryStats) -> timedelta:
    """How long it usually is from one webhook to the next."""
    if delivery_stats.first is None or delivery_stats.last is None or delivery_stats.count < FEW:
        return USUAL_OF_FEW
    return (delivery_stats.last - delivery_stats.first) / (delivery_stats.count - 1)
