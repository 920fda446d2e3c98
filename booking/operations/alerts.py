"""Alerts: raised when a person must act, and sent from their outbox over every channel until all of them accept."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from booking.errors import AlertDeliveryFailed
from booking.operations.model import Alert, AlertChannel, AttentionReason
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory

# Alerts sent in one round: a storm of them must not keep the worker from its checkouts.
BATCH = 20

# Exponential backoff up to an hour, without end: a chat that is down must neither lose an alert nor be hammered.
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)

# The lease of a worker on a batch: longer than sending it takes when every request runs into its timeout.
CLAIMED_FOR = timedelta(minutes=3)

log = structlog.get_logger(__name__)


class AlertService:
    """Raises and sends alerts. Sending is at least once: a crash after a channel accepted repeats it."""

    def __init__(
        self, *, units: UnitOfWorkFactory, channels: Sequence[AlertChannel], clock: Clock, in_doubt: timedelta
    ) -> None:
        self._units = units
        self._channels = channels
        self._clock = clock
        self._in_doubt = in_doubt

    async def alert_overdue(self) -> None:
        """Raise the alerts that no transition raises: outcomes unknown for too long, and rows in a state of another version.

        Also releases the slot claims of visits that have begun while their checkout waits for a person.
        """
        now = self._clock.now()
        async with self._units() as unit:
            since = now - self._in_doubt
            for row_id in [*await unit.checkouts.in_doubt(since), *await unit.changes.in_doubt(since)]:
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.IN_DOUBT, subject=row_id, raised_at=now)
                )
            for row_id in [
                *await unit.checkouts.of_unknown_state(),
                *await unit.changes.of_unknown_state(),
            ]:
                await unit.alerts.raise_once(
                    Alert(reason=AttentionReason.UNKNOWN_STATE, subject=row_id, raised_at=now)
                )
            await unit.claims.release_begun(now)
            await unit.commit()

    async def raise_alert(self, reason: str, subject: str) -> None:
        """Raise an alert in a transaction of its own; idempotent for the same reason and subject."""
        async with self._units() as unit:
            await unit.alerts.raise_once(Alert(reason=reason, subject=subject, raised_at=self._clock.now()))
            await unit.commit()

    async def raise_or_log(self, reason: str, subject: str) -> bool:
        """Raise an alert, or log the failure and return False: for callers whose own work must not fail with the alert."""
        try:
            await self.raise_alert(reason, subject)
        except Exception:
            log.exception("alert.raise_failed", reason=reason, subject=subject)
            return False
        return True

    async def send(self) -> None:
        """Send the alerts that are due over every channel; one that fails on any is retried with exponential backoff."""
        for alert in await self._claimed():
            sent = await self._sent(alert)
            now = self._clock.now()
            async with self._units() as unit:
                if sent:
                    await unit.alerts.mark_sent(alert, now)
                else:
                    await unit.alerts.defer(alert, now + _backoff(alert.tries))
                await unit.commit()

    async def _claimed(self) -> list[Alert]:
        """The due alerts, leased to this worker while it sends them."""
        now = self._clock.now()
        async with self._units() as unit:
            due = await unit.alerts.due(now, limit=BATCH)
            mine = [one for one in due if await unit.alerts.claim(one, now=now, until=now + CLAIMED_FOR)]
            await unit.commit()
        return mine

    async def _sent(self, alert: Alert) -> bool:
        try:
            for channel in self._channels:
                await channel.send(alert)
        except AlertDeliveryFailed:
            log.warning(
                "alert.delivery_failed", reason=alert.reason, subject=alert.subject, tries=alert.tries + 1
            )
            return False
        return True


def _backoff(tries: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(tries, 10)), LONGEST_WAIT)
