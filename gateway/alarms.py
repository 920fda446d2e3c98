"""Alarms: callbacks that raise an alert when their caller notices something. A failure to raise one is logged, and never fails the caller."""

from collections.abc import Mapping
from datetime import date, datetime

from booking.checkout.attempt_limits import AttemptKind
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason

# The alert for each kind of attempt, and the format of its subject: the window (UTC) in which they were too many.
_ALERTS: Mapping[AttemptKind, tuple[AttentionReason, str]] = {
    AttemptKind.CARD: (AttentionReason.CARD_TESTING, "%Y-%m-%dT%H:00Z"),
    AttemptKind.NEW_RECORD: (AttentionReason.NEW_RECORDS, "%Y-%m-%d"),
    AttemptKind.UNPAID_VISIT: (AttentionReason.UNPAID_VISITS, "%Y-%m-%d"),
}


class LockoutAlarm:
    """Raises `upstream_locked_out`; its subject is the API key's fingerprint and the beginning of the lockout (UTC)."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._alert_service = alert_service

    async def __call__(self, key: str, since: datetime) -> None:
        """Raise it, once for each lockout, however many processes meet it."""
        await self._alert_service.raise_or_log(
            AttentionReason.LOCKED_OUT, f"{key}@{since:%Y-%m-%dT%H:%M:%SZ}"
        )


class _Once:
    """Raises each alert once in this process, so that a frequent cause does not cost a database write each time."""

    def __init__(self, alert_service: AlertService) -> None:
        self._alert_service = alert_service
        self._raised: set[tuple[AttentionReason, str]] = set()

    async def alert(self, reason: AttentionReason, subject: str) -> None:
        if (reason, subject) not in self._raised and await self._alert_service.raise_or_log(reason, subject):
            self._raised.add((reason, subject))


class NotPermittedAlarm:
    """Raises `upstream_not_permitted`; its subject names whose key lacks which permission, and the operation that needed it."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._once = _Once(alert_service)

    async def __call__(self, *, acting: str, permission: str, operation: str) -> None:
        """Raise it, once for each key, permission and operation, however often that is refused."""
        await self._once.alert(AttentionReason.NOT_PERMITTED, f"{acting} {permission} {operation}")


class DayHeldAlarm:
    """Raises `day_held` when anonymous holds have nearly used up their share; its subject is the clinician's id and the day (UTC)."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._once = _Once(alert_service)

    async def __call__(self, clinician_id: str, day: date) -> None:
        """Raise it, once for each clinician and day."""
        await self._once.alert(AttentionReason.DAY_HELD, f"{clinician_id} {day.isoformat()}")


class AttemptsAlarm:
    """Raises `card_testing` (by the hour), `unpaid_visits` and `new_records` (by the day): anonymous callers try it more often than patients do."""

    def __init__(self, *, alert_service: AlertService) -> None:
        self._once = _Once(alert_service)

    async def __call__(self, what: AttemptKind, now: datetime) -> None:
        """Raise it, once in each window."""
        if what in _ALERTS:
            reason, form = _ALERTS[what]
            await self._once.alert(reason, now.strftime(form))
