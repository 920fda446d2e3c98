"""The pace of calls on each API key, shared by all processes through one Redis.

One hash a key, below the prefix: `pace:<fingerprint of the API key>`, gone by itself. Redis' own clock decides, since the
clocks of processes differ. While Redis does not answer, each process paces its own calls: a patient who is paying is not
stopped by it, and the rate is then kept by each process alone.
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
    ASKING,
    FIRST_BACK_OFF,
    JITTER,
    LONGEST_BACK_OFF,
    BackOff,
    Lane,
    LocalPacer,
    Pace,
    Turn,
    longest,
)
from integrations.redis.scripts import script

log = structlog.get_logger(__name__)

# A Redis that did not answer is not asked again for this long: calls shall not each wait for its timeout.
LEFT_ALONE = 5.0

# Longer than a back-off and the question after it: a lockout's growth is not forgotten in between.
_KEPT = round(2 * longest() * 1000)  # milliseconds

_MICRO = 1_000_000


class RedisPacer:
    """The port Pacer. `clock` tells seconds since 1970 in place of Redis (tests)."""

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
        self._own = LocalPacer(pace, clock=clock or time.time, jitter=jitter)
        self._alone_until = 0.0
        self._turn = script(client, "pace_prelude", "pace_turn")
        self._back_off = script(client, "pace_prelude", "pace_back_off")
        self._recovered = script(client, "pace_prelude", "pace_recovered")

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""
        pace = self.pace
        spans = (pace.interval, pace.tolerance(lane), pace.full, ASKING, longest())
        answer = await self._ask(self._turn, key, [*map(_micros, spans), _KEPT])
        if answer is None:
            return await self._own.turn(key, lane=lane)
        wait, backed_off, asks = map(int, answer)
        return Turn(wait=wait / _MICRO, backed_off=bool(backed_off), asks=bool(asks))

    async def back_off(self, key: str) -> BackOff:
        """Send nothing for a while, in no process; one that stands already is left as it is."""
        own = await self._own.back_off(key)  # for when Redis is gone
        factor = 1 + JITTER * self._jitter()
        spans = map(_micros, (FIRST_BACK_OFF, LONGEST_BACK_OFF))
        answer = await self._ask(self._back_off, key, [*spans, factor, _KEPT])
        if answer is None:
            return own
        since, until, times = map(int, answer)
        return BackOff(since=since / _MICRO, until=until / _MICRO, times=times)

    async def recovered(self, key: str) -> None:
        """The back-off is over, and its bucket is empty."""
        await self._own.recovered(key)
        await self._ask(self._recovered, key, [_micros(self.pace.full), _KEPT])

    async def _ask(
        self, asked: AsyncScript, key: str, arguments: Sequence[str | float]
    ) -> Sequence[Any] | None:
        """What the script answers; None while Redis does not. Without an answer of its own, an empty one."""
        if time.monotonic() < self._alone_until:
            return None
        now = "" if self._clock is None else _micros(self._clock())
        try:
            return await asked(keys=[f"{self._prefix}pace:{key}"], args=[now, *arguments]) or ()
        except RedisError as error:
            self._alone_until = time.monotonic() + LEFT_ALONE
            log.warning("pace.redis_unavailable", error=type(error).__name__)
            return None


def _micros(seconds: float) -> int:
    return round(seconds * _MICRO)
