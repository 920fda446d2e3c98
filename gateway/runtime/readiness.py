"""Whether requests can be served, for whoever asks: anybody may, as often as they like."""

import time
from collections.abc import Awaitable, Callable

from booking.single_flight import SingleFlight

# Nobody who balances load asks more often, and nobody else makes the database work more than this.
REMEMBERED_SECONDS = 1.0

# A write that is kept costs more than a question, on PostgreSQL for the whole cluster; a disk fills no faster.
WRITES_REMEMBERED_SECONDS = 5.0


class Readiness:
    """Asks at most once a second, and never twice at a time."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[bool]],
        *,
        clock: Callable[[], float] = time.monotonic,
        well_for: float = REMEMBERED_SECONDS,
    ) -> None:
        """`clock` tells seconds, since whenever; a yes is remembered for `well_for` seconds, a no for a second."""
        self._ask = ask
        self._clock = clock
        self._well_for = well_for
        self._last: tuple[bool, float] | None = None  # what was answered, and when
        self._asking: SingleFlight[str, bool] = SingleFlight()

    async def __call__(self) -> bool:
        """What was answered lately, else what is answered now."""
        if self._last is not None:
            answer, at = self._last
            if self._clock() - at < (self._well_for if answer else REMEMBERED_SECONDS):
                return answer
        return await self._asking("ready", self._look)

    async def _look(self) -> bool:
        found = await self._ask()
        self._last = found, self._clock()
        return found
