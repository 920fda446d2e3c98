"""Alerts when strangers do more of something than patients do, once in each of its windows."""

from collections.abc import Mapping
from datetime import datetime

from booking.alerts import Watch
from booking.oversight import Attention
from booking.trials import Tried

# What is alerted, and its subject: the window in which it was too much, in UTC.
_ALERTS: Mapping[Tried, tuple[Attention, str]] = {
    Tried.CARD: (Attention.CARD_TESTING, "%Y-%m-%dT%H:00Z"),
    Tried.UNPAID_VISIT: (Attention.UNPAID_VISITS, "%Y-%m-%d"),
}


class TrialsAlarm:
    """Raises `card_testing` for an hour, and `unpaid_visits` for a day."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch
        self._raised: dict[Tried, str] = {}

    async def __call__(self, what: Tried, now: datetime) -> None:
        """Raise it; the database is asked once in a window, however often somebody tries."""
        if what not in _ALERTS:
            return
        reason, form = _ALERTS[what]
        window = now.strftime(form)
        if window != self._raised.get(what) and await self._watch.raise_or_log(reason, window):
            self._raised[what] = window
