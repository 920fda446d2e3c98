"""How fast the system of record may be asked, and when not at all: values, the port, and its adapter for one process.

Two rules stand on one clock per API key. The *rate*: a bucket of `burst` calls that refills at `per_second` (GCRA, the
generic cell rate algorithm: one moment a key says how full it is). Each lane leaves a part of it to the lanes before it, so
that a lane can be used up by nobody behind it. The *back-off*: after a refusal for too many requests nothing is sent, for
longer each time, until one call has been let through and was answered.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

# The first back-off, doubled with every refusal that follows it. Healthie names no figure; lockouts of 30 to 60 minutes
# are reported: six questions, and no more, fall into an hour.
FIRST_BACK_OFF = 60.0
LONGEST_BACK_OFF = 3600.0

# Longer by up to this share, at random: keys that were backed off together do not come back together.
JITTER = 0.25

# How long one call may take to find out whether a back-off is over; longer than any call does.
ASKING = 30.0

# Clocks round: a wait of less could end before its time, and ask again and again.
SHORTEST_SLEEP = 0.001


class Lane(IntEnum):
    """What a call is for; the smaller goes first."""

    CHECKOUT = 0  # money or a visit is being moved
    BOOKING = 1  # a slot is about to be held, a checkout to be started
    BROWSING = 2
    RENEWAL = 3  # what live queries read again though nobody asked anew
    EXCESS = 4  # of a sender who has had more than their share: behind everybody who has not


# The part of a capacity that a lane leaves to the lanes before it: one in so many; 0: nothing.
_LEFT_BY = {Lane.CHECKOUT: 0, Lane.BOOKING: 8, Lane.BROWSING: 4, Lane.RENEWAL: 3, Lane.EXCESS: 2}


def open_to(lane: Lane, capacity: int) -> int:
    """How much of a capacity this lane may fill."""
    part = _LEFT_BY[lane]
    return capacity - (capacity // part if part else 0)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A rate. In any t seconds no more than `burst + per_second * t` calls begin."""

    per_second: float
    burst: int  # at least 1

    @property
    def interval(self) -> float:
        """Seconds in which one call is earned back."""
        return 1 / self.per_second

    @property
    def full(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.burst * self.interval

    def tolerance(self, lane: Lane) -> float:
        """How many seconds of calls may stand ahead of one more."""
        return (open_to(lane, self.burst) - 1) * self.interval


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a call may be sent."""

    wait: float = 0.0  # seconds until it is worth asking again; 0: send it
    backed_off: bool = False  # it waits because of a back-off, which may last an hour
    asks: bool = False  # it finds out whether the back-off is over: say `recovered` or `back_off` after it


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """Nothing is sent on a key. The same `since` for all refusals of one lockout."""

    since: float  # seconds since 1970, when the first of its refusals came
    until: float  # seconds since 1970
    times: int


class Pacer(Protocol):
    """Paces the calls on each key; `key` is a fingerprint, never the key."""

    @property
    def pace(self) -> Pace:
        """The rate that it keeps."""

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""

    async def back_off(self, key: str) -> BackOff:
        """Too many requests, said upstream: send nothing for a while. One that stands already is left as it is."""

    async def recovered(self, key: str) -> None:
        """The call that asked was answered: the back-off is over, and its bucket is empty."""


@dataclass(kw_only=True)
class _State:
    due: float = 0.0  # when the bucket would be full again
    since: float = 0.0
    until: float = 0.0
    times: int = 0  # refusals of this lockout; 0: there is none
    asking: float = 0.0  # until then, somebody finds out


class LocalPacer:
    """The port Pacer for one process. `clock` tells seconds since 1970."""

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
        due = min(max(state.due, now), now + self.pace.full)  # no further: the clock may have been set back
        wait = due - self.pace.tolerance(lane) - now
        if wait > 0:
            return Turn(wait=wait)
        state.due = due + self.pace.interval
        return Turn()

    async def back_off(self, key: str) -> BackOff:
        """Send nothing for a while; one that stands already is left as it is."""
        now, state = self._clock(), self._state(key)
        if not (state.times and now < state.until):
            state.times += 1
            state.since = state.since if state.times > 1 else now
            state.until = now + back_off_seconds(state.times, self._jitter())
            state.asking = 0.0
        return BackOff(since=state.since, until=state.until, times=state.times)

    async def recovered(self, key: str) -> None:
        """The back-off is over, and its bucket is empty."""
        self._states[key] = _State(due=self._clock() + self.pace.full)

    def _state(self, key: str) -> _State:
        return self._states.setdefault(key, _State())


def _turn_after_back_off(state: _State, now: float) -> Turn:
    wait = min(max(state.until, state.asking) - now, longest())
    if wait > 0:
        return Turn(wait=wait, backed_off=True)
    state.asking = now + ASKING
    return Turn(asks=True)


def back_off_seconds(times: int, jitter: float) -> float:
    """How long the refusal of this number keeps a key from being used; `jitter` is between 0 and 1."""
    return float(min(FIRST_BACK_OFF * 2 ** (min(times, 20) - 1), LONGEST_BACK_OFF) * (1 + JITTER * jitter))


def longest() -> float:
    """The longest back-off in seconds."""
    return LONGEST_BACK_OFF * (1 + JITTER)
