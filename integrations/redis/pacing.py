"""Pacing of calls on each API key, shared by all processes through one Redis.

For each API key, below the prefix: `pace:<fingerprint>:state`, a hash with what was learned, and two short lists of its last calls; all
expire by themselves. A turn is one script; what is rare (a review, a refusal, a recovery) is decided by `booking.pace_law` and written
if nothing was changed meanwhile. Redis' own clock decides, since the clocks of processes differ. While Redis does not answer, each
process paces its own calls only, at the pace that was last learned: a patient who is paying is not stopped by it, and the total rate
may then be a multiple of the limit.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis.exceptions import RedisError

from booking.local_pacer import LocalPacer
from booking.pace_law import AT_ONCE, PROBE_SECONDS, REVIEW, KeyState, PaceLaw, longest
from booking.pacing import BackOff, Lane, LearnedPace, Pace, PaceRange, Turn, left_by
from integrations.redis.client import ScriptingRedis
from integrations.redis.pace_fields import from_fields, to_fields
from integrations.redis.scripts import Script, script

log = structlog.get_logger(__name__)

# Seconds for which a Redis that did not answer is not tried again, so that not every call waits for its timeout.
LEFT_ALONE = 5.0

# Twice as long as the memory of a lockout's limit: a key that rests for a month does not have to learn it again.
_KEPT = 60 * 86_400 * 1000  # milliseconds

# Changes that meet others are tried again; in one process they wait for each other.
_TRIES = 20


class RedisPacer:
    """The ports Pacer and LearnedPaces. `clock` returns seconds since 1970 and replaces Redis' clock in tests. A Pace is a fixed one."""

    def __init__(
        self,
        pace: Pace | PaceRange,
        *,
        client: ScriptingRedis,
        prefix: str,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        limits = pace if isinstance(pace, PaceRange) else PaceRange.fixed(pace)
        self.pace = limits.start
        self._law = PaceLaw(limits)
        self._prefix = prefix
        self._clock = clock
        self._jitter = jitter
        self._local = LocalPacer(limits, clock=clock or time.time, jitter=jitter)
        self._learned: dict[str, tuple[float, bool]] = {}  # the rate and whether any call was refused, by key
        self._retry_at = 0.0
        self._changing = asyncio.Lock()
        self._turn = script(client, "pace_prelude", "pace_turn")
        self._read = script(client, "pace_prelude", "pace_read")
        self._write = script(client, "pace_prelude", "pace_write")

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take a turn to send one call now, or get the time to wait until then."""
        limits = self._law.limits
        arguments: list[str | float] = [
            repr(limits.start.per_second),
            limits.start.burst,
            repr(limits.least),
            repr(limits.most),
            left_by(lane),
            int(lane is not Lane.CHECKOUT),
            AT_ONCE,
            PROBE_SECONDS,
            longest(),
            REVIEW,
            _KEPT,
        ]
        answer = await self._run(self._turn, key, arguments)
        if answer is None:
            return await self._turn_alone(key, lane)
        wait, rate, at = (float(answer[n]) for n in (0, 3, 5))
        lockout, is_probe, refused, second, ten, review = (int(answer[n]) for n in (1, 2, 4, 6, 7, 8))
        self._learned[key] = rate, bool(refused)
        if review:
            await self._change(key, self._law.review)
        pace = self._law.pace(KeyState(rate=rate, refused_at=refused))
        if wait:
            return Turn(wait=wait, backed_off=bool(lockout), pace=pace)
        return Turn(is_probe=bool(is_probe), pace=pace, at=at, in_second=second, in_ten_seconds=ten)

    async def _turn_alone(self, key: str, lane: Lane) -> Turn:
        if key in self._learned and not self._law.limits.is_fixed:
            rate, refused = self._learned.pop(key)
            self._local.follow(key, per_second=rate, refused=refused)
        return await self._local.turn(key, lane=lane)

    async def back_off(self, key: str, turn: Turn | None = None) -> BackOff:
        """Stop calls on this key for a while, in every process; a back-off that is in force is left as it is."""
        local = await self._local.back_off(key, turn)  # the fallback while Redis does not answer
        jitter = self._jitter()
        state = await self._change(key, lambda state, now: self._law.refuse(state, turn, now, jitter=jitter))
        return local if state is None else self._local.back_off_of(state)

    async def recovered(self, key: str) -> None:
        """End the back-off, with an empty bucket."""
        await self._local.recovered(key)
        await self._change(key, self._law.recover)

    async def learned(self, key: str) -> LearnedPace | None:
        """The port LearnedPaces: what all processes have learned of this key."""
        answer = await self._run(self._read, key, [])
        if answer is None:
            return None
        now, kept = _parsed(answer)
        return self._law.learned(from_fields(kept), now) if kept else None

    async def _change(self, key: str, change: Callable[[KeyState, float], KeyState]) -> KeyState | None:
        """Make the change; returns the state afterwards, None while Redis does not answer."""
        async with self._changing:
            for _ in range(_TRIES):
                answer = await self._run(self._read, key, [])
                if answer is None:
                    return None
                now, kept = _parsed(answer)
                before = from_fields(kept)
                after = change(before, now)
                old, new = to_fields(before), to_fields(after)
                changed = [part for name in new if new[name] != old[name] for part in (name, new[name])]
                if not changed:
                    return after
                written = await self._run(self._write, key, [kept.get("version", "0"), _KEPT, *changed])
                if written is None:
                    return None
                if written[0]:
                    return after
        return None

    async def _run(self, lua: Script, key: str, arguments: Sequence[str | float]) -> Sequence[Any] | None:
        """Run the script. Returns its result; None while Redis does not answer."""
        if time.monotonic() < self._retry_at:
            return None
        now = "" if self._clock is None else repr(self._clock())
        name = f"{self._prefix}pace:{key}"
        try:
            answer = await lua(
                keys=[f"{name}:state", f"{name}:second", f"{name}:ten"], args=[now, *arguments]
            )
        except RedisError as error:
            self._retry_at = time.monotonic() + LEFT_ALONE
            log.warning("pace.redis_unavailable", error=type(error).__name__)
            return None
        return answer if isinstance(answer, list) else [answer]


def _parsed(answer: Sequence[Any]) -> tuple[float, dict[str, str]]:
    """The time and the fields of a state, as pace_read.lua answers them."""
    flat = list(map(_text, answer[1]))
    return float(answer[0]), dict(zip(flat[::2], flat[1::2], strict=True))


def _text(given: str | bytes) -> str:
    return given.decode() if isinstance(given, bytes) else given
