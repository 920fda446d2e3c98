"""Whether requests can be served, for whoever asks: anybody may, as often as they like."""

import time
from collections.abc import Awaitable, Callable

from booking.single_flight import SingleFlight

# Nobody who balances load asks more often, and nobody else makes the database work more than this.
REMEMBERED_SECONDS = 1.0


class Readiness:
    """Asks at most once a second, and never twice at a time."""

    def __init__(
        self, ask: Callable[[], Awaitable[bool]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` tells seconds, since whenever."""
        self._ask = ask
        self._clock = clock
        self._last: tuple[bool, float] | None = None  # what was answered, and when
        self._asking: SingleFlight[str, bool] = SingleFlight()

    async def __call__(self) -> bool:
        """What was answered within the last second, else what is answered now."""
        if self._last is not None and self._clock() - self._last[1] < REMEMBERED_SECONDS:
            return self._last[0]
        return await self._asking("ready", self._look)

    async def _look(self) -> bool:
        found = await self._ask()
        self._last = found, self._clock()
        return found
