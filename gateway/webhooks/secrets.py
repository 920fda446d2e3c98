"""The secrets that webhooks are signed with: those of the settings, and those of the webhooks that we made or found."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from booking.ports import Clock
from booking.single_flight import SingleFlight

# So long may a secret still count that Healthie has replaced.
GOOD_FOR = timedelta(minutes=1)

# A webhook's first deliveries may come before this process knows its secret; forgeries do not make it ask more often.
DOUBTED_AFTER = timedelta(seconds=1)


class WebhookSecrets:
    """Remembers what the database has for a while."""

    def __init__(
        self,
        *,
        configured: Sequence[str],
        stored: Callable[[], Awaitable[Sequence[str]]],
        clock: Clock,
    ) -> None:
        self._configured = tuple(configured)
        self._stored = stored
        self._clock = clock
        self._reading: SingleFlight[str, None] = SingleFlight()
        self._read_at: datetime | None = None
        self._known = self._configured

    async def __call__(self, *, doubted: bool = False) -> Sequence[str]:
        """What may sign now; asked anew when `doubted`, unless that was done just now. The same object if nothing changed."""
        fresh = DOUBTED_AFTER if doubted else GOOD_FOR
        if self._read_at is None or self._clock.now() - self._read_at >= fresh:
            await self._reading("secrets", self._read)
        return self._known

    async def _read(self) -> None:
        found = (*self._configured, *await self._stored())
        if found != self._known:
            self._known = found
        self._read_at = self._clock.now()
