"""Pacing of calls on each API key, shared by all processes through one Redis.

One hash for each API key, below the prefix: `pace:<fingerprint of the API key>`; it expires by itself. Redis' own clock decides, since
the clocks of processes differ. While Redis does not answer, each process paces its own calls only: a patient who is paying is not
stopped by it, and the total rate may then be a multiple of the limit.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from booking.pacing import (
    FIRST_BACK_OFF,
    JITTER,
    LONGEST_BACK_OFF,
    PROBE_SECONDS,
    BackOff,
    Lane,
    LocalPacer,
    Pace,
    Turn,
    longest,
)
from integrations.redis.scripts import script

log = structlog.get_logger(__name__)

# Seconds for which a Redis that did not answer is not tried again, so that not every call waits for its timeout.
LEFT_ALONE = 5.0

# Longer than a back-off and the probe after it, so that the exponent of the back-off is not lost in between.
_KEPT = round(2 * longest() * 1000)  # milliseconds

_MICRO = 1_000_000


class RedisPacer:
    """The port Pacer. `clock` returns seconds since 1970 and replaces Redis' clock in tests."""

    def __init__(
        self,
        pace: Pace,
        *,
        client: Redis,
        prefix: str,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.pace = pace
        self._prefix = prefix
        self._clock = clock
        self._jitter = jitter
        self._local = LocalPacer(pace, clock=clock or time.time, jitter=jitter)
        self._retry_at = 0.0
        self._turn = script(client, "pace_prelude", "pace_turn")
        self._back_off = script(client, "pace_prelude", "pace_back_off")
        self._recovered = script(client, "pace_prelude", "pace_recovered")

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take a turn to send one call now, or get the time to wait until then."""
        pace = self.pace
        spans = (pace.interval, pace.tolerance(lane), pace.full, PROBE_SECONDS, longest())
        answer = await self._run(self._turn, key, [*map(_micros, spans), _KEPT])
        if answer is None:
            return await self._local.turn(key, lane=lane)
        wait, backed_off, is_probe = map(int, answer)
        return Turn(wait=wait / _MICRO, backed_off=bool(backed_off), is_probe=bool(is_probe))

    async def back_off(self, key: str) -> BackOff:
        """Stop calls on this key for a while, in every process; a back-off that is in force is left as it is."""
        local = await self._local.back_off(key)  # the fallback while Redis does not answer
        factor = 1 + JITTER * self._jitter()
        spans = map(_micros, (FIRST_BACK_OFF, LONGEST_BACK_OFF))
        answer = await self._run(self._back_off, key, [*spans, factor, _KEPT])
        if answer is None:
            return local
        since, until, times = map(int, answer)
        return BackOff(since=since / _MICRO, until=until / _MICRO, times=times)

    async def recovered(self, key: str) -> None:
        """End the back-off, with an empty bucket."""
        await self._local.recovered(key)
        await self._run(self._recovered, key, [_micros(self.pace.full), _KEPT])

    async def _run(
        self, lua: AsyncScript, key: str, arguments: Sequence[str | float]
    ) -> Sequence[Any] | None:
        """Run the script. Returns its result, empty where it has none; None while Redis does not answer."""
        if time.monotonic() < self._retry_at:
            return None
        now = "" if self._clock is None else _micros(self._clock())
        try:
            return await lua(keys=[f"{self._prefix}pace:{key}"], args=[now, *arguments]) or ()
        except RedisError as error:
            self._retry_at = time.monotonic() + LEFT_ALONE
            log.warning("pace.redis_unavailable", error=type(error).__name__)
            return None


def _micros(seconds: float) -> int:
    return round(seconds * _MICRO)
