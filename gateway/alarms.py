"""Alarms: alerts that are raised beside something that matters more. A failure to raise one is logged, and fails nothing."""

from collections.abc import Mapping
from datetime import date, datetime

from booking.alerts import Watch
from booking.oversight import Attention
from booking.trials import Tried

# What is alerted of trials, and its subject: the window in which they were too many, in UTC.
_TRIALS: Mapping[Tried, tuple[Attention, str]] = {
    Tried.CARD: (Attention.CARD_TESTING, "%Y-%m-%dT%H:00Z"),
    Tried.NEW_RECORD: (Attention.NEW_RECORDS, "%Y-%m-%d"),
    Tried.UNPAID_VISIT: (Attention.UNPAID_VISITS, "%Y-%m-%d"),
}


class LockoutAlarm:
    """Raises `upstream_locked_out`; its subject is the key's fingerprint and the beginning of the lockout."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch

    async def __call__(self, key: str, since: datetime) -> None:
        """Raise it: once for each lockout, whichever processes meet it."""
        await self._watch.raise_or_log(Attention.LOCKED_OUT, f"{key}@{since:%Y-%m-%dT%H:%M:%SZ}")


class _Once:
    """Alerts that the database is asked for once in this process, however often their cause is met."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._raised: set[tuple[Attention, str]] = set()

    async def alert(self, reason: Attention, subject: str) -> None:
        if (reason, subject) not in self._raised and await self._watch.raise_or_log(reason, subject):
            self._raised.add((reason, subject))


class DayHeldAlarm:
    """Raises `day_held` when strangers hold nearly all that they may; its subject is the clinician's id and the day, in UTC."""

    def __init__(self, *, watch: Watch) -> None:
        self._once = _Once(watch)

    async def __call__(self, clinician_id: str, day: date) -> None:
        """Raise it, once for each day."""
        await self._once.alert(Attention.DAY_HELD, f"{clinician_id} {day.isoformat()}")


class TrialsAlarm:
    """Raises `card_testing` for an hour, `unpaid_visits` and `new_records` for a day: strangers do more of it than patients do."""

    def __init__(self, *, watch: Watch) -> None:
        self._once = _Once(watch)

    async def __call__(self, what: Tried, now: datetime) -> None:
        """Raise it, once in a window."""
        if what in _TRIALS:
            reason, form = _TRIALS[what]
            await self._once.alert(reason, now.strftime(form))
