"""Webhook liveness: raises an alert within a quarter of an hour when no webhooks arrive although visits change."""

from datetime import UTC, datetime, timedelta

import structlog

from booking.operations.model import Alert, AttentionReason
from booking.ports import Clock
from booking.resources import ChangedVisits
from booking.sync.inbox import DeliveryStats, StoredInbox
from booking.sync.webhook_subscriptions import CLOCKS_DIFFER, minute
from booking.unit_of_work import UnitOfWorkFactory

# Interval of the checks: SHORTEST and one of them end within a quarter of an hour.
EVERY = timedelta(minutes=5)

# Shorter gaps are never an alert: the busiest practice has pauses, too.
SHORTEST = timedelta(minutes=10)

# The usual gap is measured over a week, which includes nights and a weekend.
MEASURED_OVER = timedelta(days=7)

# In a long silence recent changes prove enough, and each check must read all changes that it asks for.
LOOKED_BACK = timedelta(days=1)

# Fewer webhooks than this give no usable average; then this gap is assumed.
FEW = 10
USUAL_OF_FEW = timedelta(minutes=30)

log = structlog.get_logger(__name__)


class WebhookLiveness:
    """Detects that webhooks have stopped.

    Any number of workers may call it; one of them checks. Asks upstream only in a silence.
    """

    def __init__(
        self, *, units: UnitOfWorkFactory, inbox: StoredInbox, visits: ChangedVisits, clock: Clock, gaps: int
    ) -> None:
        """`gaps`: after that many usual gaps without a webhook it counts as silence."""
        self._units = units
        self._inbox = inbox
        self._visits = visits
        self._clock = clock
        self._gaps = gaps

    async def check(self) -> bool:
        """Raise an alert if webhooks are silent, and return whether they are. Raises UpstreamUnavailable."""
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
        """Whether a visit changed after the last webhook, and long enough ago that its webhook should have arrived."""
        found = await self._visits.changed(max(since + CLOCKS_DIFFER, now - LOOKED_BACK))
        return any(at <= now - CLOCKS_DIFFER for _, at in found)


def usual_gap(delivery_stats: DeliveryStats) -> timedelta:
    """The average time between webhooks; USUAL_OF_FEW when there are fewer than FEW."""
    if delivery_stats.first is None or delivery_stats.last is None or delivery_stats.count < FEW:
        return USUAL_OF_FEW
    return (delivery_stats.last - delivery_stats.first) / (delivery_stats.count - 1)
