"""Alarms: alerts that are raised beside something that matters more. A failure to raise one is logged, and fails nothing."""

from collections.abc import Mapping
from datetime import date, datetime

from booking.checkout.attempt_limits import AttemptKind
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason

# What is alerted of trials, and its subject: the window in which they were too many, in UTC.
_TRIALS: Mapping[AttemptKind, tuple[AttentionReason, str]] = {
    AttemptKind.CARD: (AttentionReason.CARD_TESTING, "%Y-%m-%dT%H:00Z"),
    AttemptKind.NEW_RECORD: (AttentionReason.NEW_RECORDS, "%Y-%m-%d"),
    AttemptKind.UNPAID_VISIT: (AttentionReason.UNPAID_VISITS, "%Y-%m-%d"),
}


class LockoutAlarm:
    """Raises `upstream_locked_out`; its subject is the key's fingerprint and the beginning of the lockout."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._alert_service = alert_service

    async def __call__(self, key: str, since: datetime) -> None:
        """Raise it: once for each lockout, whichever processes meet it."""
        await self._alert_service.raise_or_log(
            AttentionReason.LOCKED_OUT, f"{key}@{since:%Y-%m-%dT%H:%M:%SZ}"
        )


class _Once:
    """Alerts that the database is asked for once in this process, however often their cause is met."""

    def __init__(self, alert_service: AlertService) -> None:
        self._alert_service = alert_service
        self._raised: set[tuple[AttentionReason, str]] = set()

    async def alert(self, reason: AttentionReason, subject: str) -> None:
        if (reason, subject) not in self._raised and await self._alert_service.raise_or_log(reason, subject):
            self._raised.add((reason, subject))


class DayHeldAlarm:
    """Raises `day_held` when strangers hold nearly all that they may; its subject is the clinician's id and the day, in UTC."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._once = _Once(alert_service)

    async def __call__(self, clinician_id: str, day: date) -> None:
        """Raise it, once for each day."""
        await self._once.alert(AttentionReason.DAY_HELD, f"{clinician_id} {day.isoformat()}")


class AttemptsAlarm:
    """Raises `card_testing` for an hour, `unpaid_visits` and `new_records` for a day: strangers do more of it than patients do."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._once = _Once(alert_service)

    async def __call__(self, what: AttemptKind, now: datetime) -> None:
        """Raise it, once in a window."""
        if what in _TRIALS:
            reason, form = _TRIALS[what]
            await self._once.alert(reason, now.strftime(form))
