"""The signing secrets of webhooks: those of the settings, and those stored with our subscriptions, cached."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from booking.ports import Clock
from booking.single_flight import SingleFlight

# Lifetime of the cache: a secret that Healthie has replaced is accepted this long at most.
CACHED_FOR = timedelta(minutes=1)

# A new subscription's first webhooks may arrive before its secret is cached, so a mismatch reads the secrets again; but not
# more often than this, so that forgeries do not flood the database.
REREAD_AFTER = timedelta(seconds=1)


class WebhookSecrets:
    """Caches the stored secrets; one read at a time (single flight)."""

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
        """The valid secrets; read again when `doubted`, unless that just happened.

        Returns the same object while nothing has changed.
        """
        fresh = REREAD_AFTER if doubted else CACHED_FOR
        if self._read_at is None or self._clock.now() - self._read_at >= fresh:
            await self._reading("secrets", self._read)
        return self._known

    async def _read(self) -> None:
        found = (*self._configured, *await self._stored())
        if found != self._known:
            self._known = found
        self._read_at = self._clock.now()
