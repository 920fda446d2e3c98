"""Pacing: the rate limit for calls to the system of record, per API key. Values, the port, and its adapter for one process.

Rate: a token bucket of `burst` calls that refills at `per_second`, kept as GCRA (the generic cell rate algorithm: one
timestamp per key says how full the bucket is). Each lane leaves part of the bucket to the lanes of higher priority, so that
lower ones never exhaust it.

Back-off: after a refusal for too many requests nothing is sent on the key, exponentially longer each time with jitter,
until one probe call has been answered.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

# The first back-off, doubled with every further refusal. Healthie publishes no figure; lockouts of 30 to 60 minutes are
# reported, and at most six probes fall into an hour.
FIRST_BACK_OFF = 60.0
LONGEST_BACK_OFF = 3600.0

# Longer by up to this share, at random, so that keys that were backed off together do not return together.
JITTER = 0.25

# For how long a probe keeps other calls back; longer than any call takes.
PROBE_SECONDS = 30.0

# Clocks round: a shorter wait could end too early and turn into a busy loop.
SHORTEST_SLEEP = 0.001


class Lane(IntEnum):
    """The priority of a call, by what it is for; lower goes first."""

    CHECKOUT = 0  # money or a visit is being moved
    BOOKING = 1  # a slot is about to be held, or a checkout to be started
    BROWSING = 2
    RENEWAL = 3  # a refresh of a live query, which no caller asked for just now
    EXCESS = 4  # of a sender beyond their share


# Each lane leaves 1/n of a capacity to the lanes before it; 0: nothing.
_LEFT_BY = {Lane.CHECKOUT: 0, Lane.BOOKING: 8, Lane.BROWSING: 4, Lane.RENEWAL: 3, Lane.EXCESS: 2}


def open_to(lane: Lane, capacity: int) -> int:
    """How much of a capacity this lane may use."""
    part = _LEFT_BY[lane]
    return capacity - (capacity // part if part else 0)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A rate limit: in any t seconds at most `burst + per_second * t` calls begin."""

    per_second: float
    burst: int  # at least 1

    @property
    def interval(self) -> float:
        """Seconds until the bucket regains one call."""
        return 1 / self.per_second

    @property
    def full(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.burst * self.interval

    def tolerance(self, lane: Lane) -> float:
        """GCRA's tolerance of the lane: how far, in seconds, the bucket may be used up before one more call."""
        return (open_to(lane, self.burst) - 1) * self.interval


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a call may be sent now."""

    wait: float = 0.0  # seconds until asking again makes sense; 0: send now
    backed_off: bool = False  # the wait is a back-off, which may last an hour
    is_probe: bool = False  # the call is the probe after a back-off: call `recovered` or `back_off` after it


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """A period in which nothing is sent on a key. All refusals of one lockout share `since`."""

    since: float  # time of its first refusal, in seconds since 1970
    until: float  # seconds since 1970
    times: int  # refusals so far


class Pacer(Protocol):
    """Paces the calls on each API key. `key` is the key's fingerprint, never the key itself."""

    @property
    def pace(self) -> Pace:
        """The rate limit."""

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""

    async def back_off(self, key: str) -> BackOff:
        """Start or lengthen the back-off after upstream refused for too many requests.

        A running one is left unchanged.
        """

    async def recovered(self, key: str) -> None:
        """End the back-off after the probe was answered; the bucket starts empty."""


@dataclass(kw_only=True)
class _State:
    due: float = 0.0  # when the bucket would be full again
    since: float = 0.0
    until: float = 0.0
    times: int = 0  # refusals of this lockout; 0: no lockout
    probing_until: float = 0.0  # until then a probe is under way


class LocalPacer:
    """The port Pacer for one process. `clock` returns seconds since 1970."""

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.pace = pace
        self._clock = clock
        self._jitter = jitter
        self._states: dict[str, _State] = {}  # as many as the practice has keys

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""
        now, state = self._clock(), self._state(key)
        if state.times:
            return _turn_after_back_off(state, now)
        due = min(max(state.due, now), now + self.pace.full)  # bounded: the clock may have been set back
        wait = due - self.pace.tolerance(lane) - now
        if wait > 0:
            return Turn(wait=wait)
        state.due = due + self.pace.interval
        return Turn()

    async def back_off(self, key: str) -> BackOff:
        """Start or lengthen the back-off; a running one is left unchanged."""
        now, state = self._clock(), self._state(key)
        if not (state.times and now < state.until):
            state.times += 1
            state.since = state.since if state.times > 1 else now
            state.until = now + back_off_seconds(state.times, self._jitter())
            state.probing_until = 0.0
        return BackOff(since=state.since, until=state.until, times=state.times)

    async def recovered(self, key: str) -> None:
        """End the back-off; the bucket starts empty."""
        self._states[key] = _State(due=self._clock() + self.pace.full)

    def _state(self, key: str) -> _State:
        return self._states.setdefault(key, _State())


def _turn_after_back_off(state: _State, now: float) -> Turn:
    wait = min(max(state.until, state.probing_until) - now, longest())
    if wait > 0:
        return Turn(wait=wait, backed_off=True)
    state.probing_until = now + PROBE_SECONDS
    return Turn(is_probe=True)


def back_off_seconds(times: int, jitter: float) -> float:
    """The length of the back-off after the n-th refusal (`times`, from 1); `jitter` is between 0 and 1."""
    return float(min(FIRST_BACK_OFF * 2 ** (min(times, 20) - 1), LONGEST_BACK_OFF) * (1 + JITTER * jitter))


def longest() -> float:
    """The longest back-off in seconds."""
    return LONGEST_BACK_OFF * (1 + JITTER)
