"""The port Pacer for one process: what it learns ends with it."""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from booking.pace_law import AT_ONCE, MOMENT, PROBE_SECONDS, REVIEW, Counts, KeyState, PaceLaw, longest
from booking.pacing import BackOff, Lane, Pace, PaceRange, Turn


class LocalPacer:
    """The port Pacer for one process. `clock` returns seconds since 1970. A Pace is a fixed one."""

    def __init__(
        self,
        pace: Pace | PaceRange,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        limits = pace if isinstance(pace, PaceRange) else PaceRange.fixed(pace)
        self.pace = limits.start
        self._law = PaceLaw(limits)
        self._clock = clock
        self._jitter = jitter
        self._keys: dict[str, _Key] = {}  # as many as the practice has keys

    async def turn(self, key: str, *, lane: Lane) -> Turn:
        """Take the right to send one call now, or learn how long to wait."""
        now, kept = self._clock(), self._of(key)
        if kept.state.times:
            return self._turn_after_back_off(kept, now)
        state, pace = kept.state, self._law.pace(kept.state)
        tolerance = pace.tolerance(lane)
        if state.due > now + pace.full:  # the clock was set back, or the pace has risen
            kept.state = state = replace(state, due=now + pace.full)
        due = max(state.due, now + min(tolerance, 0.0))
        wait = due - tolerance - now
        if wait > 0:
            return Turn(wait=wait, pace=pace)
        counts = kept.count(now)
        # The last call that its lane could have at once, from a bucket that is in use.
        worked = wait + pace.interval > 0 and state.due > now + min(tolerance, 0.0) - AT_ONCE * pace.interval
        kept.state = self._law.review(
            replace(
                state,
                due=max(due, now) + pace.interval,
                worked=state.worked + (worked and lane is not Lane.CHECKOUT),
                peak=state.peak.most(counts),
            ),
            now,
        )
        return Turn(pace=pace, at=now, in_second=int(counts.second), in_ten_seconds=int(counts.ten))

    def _turn_after_back_off(self, kept: "_Key", now: float) -> Turn:
        state, pace = kept.state, self._law.pace(kept.state)
        wait = max(state.until, state.probing_until) - now
        if wait > longest():  # the clock was set back
            kept.state, wait = replace(state, until=now + longest(), probing_until=0.0), longest()
        if wait > 0:
            return Turn(wait=wait, backed_off=self._is_lockout(state), pace=pace)
        counts = kept.count(now)
        kept.state = replace(state, probing_until=now + PROBE_SECONDS)
        return Turn(
            is_probe=True, pace=pace, at=now, in_second=int(counts.second), in_ten_seconds=int(counts.ten)
        )

    async def back_off(self, key: str, turn: Turn | None = None) -> BackOff:
        """Start or lengthen the back-off; a running one is left unchanged."""
        kept = self._of(key)
        kept.state = self._law.refuse(kept.state, turn, self._clock(), jitter=self._jitter())
        return self.back_off_of(kept.state)

    async def recovered(self, key: str) -> None:
        """End the back-off; the bucket starts empty."""
        kept = self._of(key)
        kept.state = self._law.recover(kept.state, self._clock())

    def follow(self, key: str, *, per_second: float, refused: bool) -> None:
        """Go on with the pace that another pacer has learned, without a rise for a while."""
        kept, now = self._of(key), self._clock()
        kept.state = replace(
            kept.state,
            rate=per_second,
            refused_at=kept.state.refused_at or (now if refused else 0.0),
            ceiling=per_second,
            ceiling_until=now + MOMENT,
        )

    def back_off_of(self, state: KeyState) -> BackOff:
        """The back-off as callers see it."""
        return BackOff(
            since=state.since,
            until=state.until,
            times=state.times,
            lockout=self._is_lockout(state),
            per_second=self._law.rate(state),
        )

    def _is_lockout(self, state: KeyState) -> bool:
        return state.times > 1 or self._law.limits.is_fixed

    def _of(self, key: str) -> "_Key":
        return self._keys.setdefault(key, _Key())


@dataclass(kw_only=True)
class _Key:
    """One key: its state, and when calls were sent in the last ten seconds."""

    state: KeyState = field(default_factory=KeyState)
    second: deque[float] = field(default_factory=deque)
    ten: deque[float] = field(default_factory=deque)

    def count(self, now: float) -> Counts:
        """Count one call."""
        for sent, seconds in ((self.second, 1.0), (self.ten, REVIEW)):
            if sent and sent[-1] > now:
                sent.clear()  # the clock was set back
            while sent and sent[0] <= now - seconds:
                sent.popleft()
            sent.append(now)
        return Counts(second=len(self.second), ten=len(self.ten))
