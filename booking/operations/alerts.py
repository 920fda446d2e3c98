"""Alerts: raised for outcomes that stay unknown for too long, and sent from their outbox over every channel."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from booking.errors import AlertDeliveryFailed
from booking.operations.model import Alert, AlertChannel, AttentionReason
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory

# How many alerts one round tells: a storm of them must not keep the worker from its rows.
BATCH = 20

# Doubles with every failure, up to an hour: a chat that is down is not a reason to lose an alert, nor to hammer it.
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)

# Longer than a batch takes to be told, at the timeouts of a chat that is slow.
CLAIMED_FOR = timedelta(minutes=3)

log = structlog.get_logger(__name__)


class AlertService:
    """What a worker does so that nobody has to watch."""

    def __init__(
        self, *, units: UnitOfWorkFactory, channels: Sequence[AlertChannel], clock: Clock, in_doubt: timedelta
    ) -> None:
        self._units = units
        self._channels = channels
        self._clock = clock
        self._in_doubt = in_doubt

    async def alert_overdue(self) -> None:
        """Raise what no move raises: outcomes unknown for too long, rows of another program version; free begun visits."""
        now = self._clock.now()
        async with self._units() as unit:
            for checkout_id in await unit.checkouts.in_doubt(now - self._in_doubt):
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.IN_DOUBT, subject=checkout_id, raised_at=now)
                )
            for checkout_id in await unit.checkouts.of_unknown_state():
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.UNKNOWN_STATE, subject=checkout_id, raised_at=now)
                )
            await unit.claims.release_begun(now)
            await unit.commit()

    async def raise_alert(self, reason: str, subject: str) -> None:
        """Raise an alert that belongs to no write of a checkout; the same one is raised once."""
        async with self._units() as unit:
            await unit.alerts.raise_once(Alert(reason=reason, subject=subject, raised_at=self._clock.now()))
            await unit.commit()

    async def raise_or_log(self, reason: str, subject: str) -> bool:
        """Raise an alert beside something that matters more, and answer whether that was possible: else it is only logged."""
        try:
            await self.raise_alert(reason, subject)
        except Exception:
            log.exception("alert.raise_failed", reason=reason, subject=subject)
            return False
        return True

    async def send(self) -> None:
        """Tell what waits to be told, in every way; what fails is tried again later."""
        for alert in await self._claimed():
            sent = await self._told(alert)
            now = self._clock.now()
            async with self._units() as unit:
                if sent:
                    await unit.alerts.mark_sent(alert, now)
                else:
                    await unit.alerts.defer(alert, now + _wait(alert.tries))
                await unit.commit()

    async def _claimed(self) -> list[Alert]:
        """What is due, kept from other workers while this one tells it."""
        now = self._clock.now()
        async with self._units() as unit:
            due = await unit.alerts.due(now, limit=BATCH)
            mine = [one for one in due if await unit.alerts.claim(one, now=now, until=now + CLAIMED_FOR)]
            await unit.commit()
        return mine

    async def _told(self, alert: Alert) -> bool:
        try:
            for way in self._channels:
                await way.send(alert)
        except AlertDeliveryFailed:
            log.warning(
                "alert.delivery_failed", reason=alert.reason, subject=alert.subject, tries=alert.tries + 1
            )
            return False
        return True


def _wait(tries: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(tries, 10)), LONGEST_WAIT)
