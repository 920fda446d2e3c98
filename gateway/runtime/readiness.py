"""Readiness: whether requests can be served. The answer is cached, since anybody may ask, as often as they like."""

import time
from collections.abc import Awaitable, Callable

from booking.single_flight import SingleFlight

# Seconds. No load balancer asks more often, and other callers must not load the database more than this.
REMEMBERED_SECONDS = 1.0

# Seconds. A committed write costs more than a query, on PostgreSQL for the whole cluster; a disk does not fill up faster.
WRITES_REMEMBERED_SECONDS = 5.0


class Readiness:
    """Caches the result of a check, and runs one check at a time (single flight)."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[bool]],
        *,
        clock: Callable[[], float] = time.monotonic,
        well_for: float = REMEMBERED_SECONDS,
    ) -> None:
        """`clock` is monotonic, in seconds. A positive result is cached for `well_for` seconds, a negative one for a second."""
        self._ask = ask
        self._clock = clock
        self._well_for = well_for
        self._last: tuple[bool, float] | None = None  # the result, and when it was found
        self._checking: SingleFlight[str, bool] = SingleFlight()

    async def __call__(self) -> bool:
        """The cached result, or that of a check now."""
        if self._last is not None:
            answer, at = self._last
            if self._clock() - at < (self._well_for if answer else REMEMBERED_SECONDS):
                return answer
        return await self._checking("ready", self._check)

    async def _check(self) -> bool:
        found = await self._ask()
        self._last = found, self._clock()
        return found
