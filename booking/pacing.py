"""Pacing: the rate limit for calls to the system of record, per API key. Values and the port.

Rate: a token bucket of `burst` calls that refills at `per_second`, kept as GCRA (the generic cell rate algorithm: one
timestamp per key says how full the bucket is). Each lane leaves part of the bucket to the lanes of higher priority, so that
lower ones never exhaust it. Within a range the rate follows what upstream lets through: see `booking.pace_law`.

Back-off: after a refusal for too many requests nothing is sent on the key, exponentially longer each time with jitter,
until one probe call has been answered.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

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


def left_by(lane: Lane) -> int:
    """The n of the 1/n of a capacity that this lane leaves to those before it; 0: it leaves nothing."""
    return _LEFT_BY[lane]


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
        """GCRA's tolerance of the lane: how far, in seconds, the bucket may be used up before one more call.

        Negative where the bucket is too small to leave a whole call: then a lower lane waits for a part of an interval
        longer than a checkout would.
        """
        part = left_by(lane)
        left = (self.burst // part or self.burst / part) if part else 0
        return (self.burst - left - 1) * self.interval


@dataclass(frozen=True, kw_only=True)
class PaceRange:
    """Where a pace begins, and between which rates (calls per second) it may move."""

    start: Pace
    least: float
    most: float

    @classmethod
    def fixed(cls, pace: Pace) -> "PaceRange":
        """A pace that does not move."""
        return cls(start=pace, least=pace.per_second, most=pace.per_second)

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to learn."""
        return self.least >= self.most

    def within(self, per_second: float) -> float:
        """The rate, or the nearest one in the range."""
        return min(max(per_second, self.least), self.most)


# The part of what a pace lets through beyond which turns are scarce. Well below the whole: who spares calls only once they wait is late.
SCARCE = 0.25


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a call may be sent now."""

    wait: float = 0.0  # seconds until asking again makes sense; 0: send now
    backed_off: bool = False  # the wait is a back-off, which may last an hour
    is_probe: bool = False  # the call is the probe after a back-off: call `recovered` or `back_off` after it
    pace: Pace | None = None  # the key's pace at present
    at: float = math.inf  # when it was given, in seconds since 1970
    # The calls on the key in the second, and in the ten seconds, that end with this one; both contain it.
    in_second: int = 0
    in_ten_seconds: int = 0

    @property
    def is_scarce(self) -> bool:
        """Whether the key is in such use that further calls may soon have to wait."""
        return self.pace is not None and self.in_ten_seconds > SCARCE * 10 * self.pace.per_second


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """A period in which nothing is sent on a key. All refusals of one lockout share `since`."""

    since: float  # time of its first refusal, in seconds since 1970
    until: float  # seconds since 1970
    times: int  # refusals so far; 0: none, the call had been sent before the last one was over
    lockout: bool = True  # False: the first refusal, which may be over in a moment
    per_second: float = 0.0  # the rate with which the key goes on afterwards


@dataclass(frozen=True, kw_only=True)
class LearnedPace:
    """What was learned of a key's pace, for operators."""

    per_second: float  # calls per second at present
    ceiling: float | None  # not exceeded for now, since a refusal showed the limit; None: none is remembered
    refused_at: float | None  # the last refusal, in seconds since 1970; None: nothing was refused


class LearnedPaces(Protocol):
    """Tells what all processes together have learned."""

    async def learned(self, key: str) -> LearnedPace | None:
        """Of this key; None while it cannot be read, or before its first call."""


class Pacer(Protocol):
    """Paces the calls on each API key. `key` is the key's fingerprint, never the key itself."""

    @property
    def pace(self) -> Pace:
        """The rate limit with which each key begins."""

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""

    async def back_off(self, key: str, turn: Turn | None = None) -> BackOff:
        """Start or lengthen the back-off after upstream refused the call of this turn for too many requests.

        A running one is left unchanged; the refusal still says how many calls were too many.
        """

    async def recovered(self, key: str) -> None:
        """End the back-off after the probe was answered; the bucket starts empty."""
