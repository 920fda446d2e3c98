"""An alert when somebody tries cards, once an hour."""

from datetime import datetime

from booking.alerts import Watch
from booking.oversight import Attention
from booking.trials import Tried


class CardTestingAlarm:
    """Raises `card_testing`; its subject is the hour, in UTC."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch
        self._raised = ""

    async def __call__(self, what: Tried, now: datetime) -> None:
        """Raise it, for cards; the database is asked once an hour, however often somebody tries."""
        hour = f"{now:%Y-%m-%dT%H}:00Z"
        if what is not Tried.CARD or hour == self._raised:
            return
        if await self._watch.raise_or_log(Attention.CARD_TESTING, hour):
            self._raised = hour
