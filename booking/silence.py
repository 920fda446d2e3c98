"""Noticing that no webhooks come any more: their silence, while visits change, is told within a quarter of an hour."""

from datetime import UTC, datetime, timedelta

import structlog

from booking.inbox import KeptInbox, Rhythm
from booking.oversight import Alert, Attention
from booking.ports import Clock
from booking.refreshing import WatchUnits
from booking.watched import ChangedVisits
from booking.webhook_subscriptions import CLOCKS_DIFFER, minute

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


class SilenceWatch:
    """Any number of workers may call it, one of them asks. While webhooks come, nothing is asked of upstream."""

    def __init__(
        self, *, units: WatchUnits, inbox: KeptInbox, visits: ChangedVisits, clock: Clock, gaps: int
    ) -> None:
        """Silence is when nothing came for so many of the usual gaps between webhooks."""
        self._units = units
        self._inbox = inbox
        self._visits = visits
        self._clock = clock
        self._gaps = gaps

    async def look(self) -> bool:
        """Alert when webhooks are silent; answers whether they are. Raises UpstreamUnavailable."""
        now = self._clock.now()
        async with self._units() as unit:
            listening_since = await unit.polls.claim(
                "webhook_silence", now=now, next_at=now + EVERY, begins=now
            )
            await unit.commit()
        if listening_since is None:
            return False
        rhythm = await self._inbox.rhythm(now - MEASURED_OVER)
        since = rhythm.last or listening_since
        if now - since < max(SHORTEST, self._gaps * usual_gap(rhythm)):
            return False
        if not await self._changed(since, now):
            return False
        log.warning(
            "webhooks.silent", since=since.astimezone(UTC).isoformat(), webhooks_in_a_week=rhythm.count
        )
        async with self._units() as unit:
            subject = f"since {minute(since)}"
            await unit.alerts.raise_once(
                Alert(reason=Attention.WEBHOOKS_SILENT, subject=subject, raised_at=now)
            )
            await unit.commit()
        return True

    async def _changed(self, since: datetime, now: datetime) -> bool:
        """Whether a visit changed after the last webhook, and so long ago that a webhook should be here."""
        found = await self._visits.changed(max(since + CLOCKS_DIFFER, now - LOOKED_BACK))
        return any(at <= now - CLOCKS_DIFFER for _, at in found)


def usual_gap(rhythm: Rhythm) -> timedelta:
    """How long it usually is from one webhook to the next."""
    if rhythm.first is None or rhythm.last is None or rhythm.count < FEW:
        return USUAL_OF_FEW
    return (rhythm.last - rhythm.first) / (rhythm.count - 1)
