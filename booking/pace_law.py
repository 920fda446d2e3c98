"""The law by which a key's pace follows what upstream lets through (docs/adr/0045-the-pace-follows-what-holds.md).

Pure: a state, and what happened, make the next state. Both pacers keep these states; times are seconds since 1970.

- **Rise.** Every ten seconds in which browsing used the rate up, it rises by a step.
- **Fall.** A refusal halves it. What the refused calls had counted says which rate would have held: the ceiling, for as long as it is
  remembered. A pace that had held and is refused all the same says that the limit itself has moved.
- **Pause.** A throttle forgets within seconds, a lockout does not: so the first pause is short, and only a refused probe makes a lockout.
"""

import math
from dataclasses import dataclass, field, replace

from booking.pacing import LearnedPace, Pace, PaceRange, Turn

# The first pause where the pace may move: a limit that counts by the second has forgotten by then.
PAUSE = 2.0

# The first back-off of a lockout, doubled with every further refusal. Healthie publishes no figure; lockouts of 30 to 60 minutes
# are reported, and at most six probes fall into an hour.
FIRST_BACK_OFF = 60.0
LONGEST_BACK_OFF = 3600.0

# Longer by up to this share, at random, so that keys that were backed off together do not return together.
JITTER = 0.25

# For how long a probe keeps other calls back; longer than any call takes.
PROBE_SECONDS = 30.0

# A rate is reviewed so often. Ten seconds contain the window of which lockouts are reported, and what a whole one has shown
# cannot be an accident of one second.
REVIEW = 10.0
# It rises when calls worth so many seconds of it were the last that their lane could have: a rate that is not used up proves nothing.
WORKED = 8.0

# By so much while nothing was refused, or up to what is known to hold; and beyond that, where a refusal is expected.
STEP, CAREFUL_STEP = 1.25, 1.05

# The part of what got through that is asked for again.
MARGIN = 0.9

# Seconds' worth of the rate that may be sent at once: a second then has at most one and a half times the rate.
AT_ONCE = 0.5

# For how long a ceiling holds: after a refusal that was over in a moment; after a lockout whose limit has moved nobody knows
# where to; after one whose limit is known.
MOMENT, DAY, MONTH = 600.0, 86_400.0, 30 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Calls in one second, and in ten."""

    second: float = 0
    ten: float = 0

    def most(self, other: "Counts") -> "Counts":
        """The larger of each."""
        return Counts(second=max(self.second, other.second), ten=max(self.ten, other.ten))


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """What is kept of one key."""

    due: float = 0.0  # when the bucket would be full again
    # The back-off.
    since: float = 0.0
    until: float = 0.0
    times: int = 0  # refusals of this back-off; 0: none
    probing_until: float = 0.0  # until then a probe is under way
    recovered_at: float = 0.0
    # What was learned.
    rate: float = 0.0  # calls per second; 0: as at the beginning
    refused_at: float = 0.0  # the last refusal; 0: never
    ceiling: float = 0.0  # no rise above it until the moment below
    ceiling_until: float = 0.0
    held: Counts = field(default_factory=Counts)  # the most that was let through, ten seconds ago and earlier
    # Since the last review: calls that used the rate up, and the most calls; and the most in the period before.
    reviewed_at: float = 0.0
    worked: int = 0
    peak: Counts = field(default_factory=Counts)
    recent: Counts = field(default_factory=Counts)
    # Of the last refusal: the rate before it, the counts of its calls, and whether that many had held.
    before: float = 0.0
    refusals: int = 0
    fewest: Counts = field(default_factory=Counts)
    largest: Counts = field(default_factory=Counts)
    moved: int = 0


class PaceLaw:
    """The law for a range; in a fixed one nothing is learned."""

    def __init__(self, limits: PaceRange) -> None:
        self.limits = limits

    def rate(self, state: KeyState) -> float:
        """Calls per second at present."""
        return self.limits.within(state.rate or self.limits.start.per_second)

    def pace(self, state: KeyState) -> Pace:
        """The pace at present. Once something was refused, the burst is no more than a part of a second's calls."""
        rate, start = self.rate(state), self.limits.start
        if self.limits.is_fixed:
            return start
        least = 1 if state.refused_at else start.burst
        return Pace(per_second=rate, burst=max(least, math.floor(rate * AT_ONCE)))

    def learned(self, state: KeyState, now: float) -> LearnedPace:
        """What operators are told of a state."""
        is_remembered = now < state.ceiling_until and not self.limits.is_fixed
        return LearnedPace(
            per_second=self.rate(state),
            ceiling=state.ceiling if is_remembered else None,
            refused_at=state.refused_at or None,
        )

    def review(self, state: KeyState, now: float) -> KeyState:
        """Every ten seconds: what was let through has held, and a rate that was used up rises."""
        if 0 <= now - state.reviewed_at < REVIEW:
            return state
        rate = self.rate(state)
        rises = state.worked >= WORKED * rate and not state.times and not self.limits.is_fixed
        return replace(
            state,
            rate=self._risen(state, now) if rises else rate,
            worked=0 if rises else state.worked,
            held=state.held.most(state.recent),
            recent=state.peak,
            peak=Counts(),
            reviewed_at=now,
        )

    def _risen(self, state: KeyState, now: float) -> float:
        rate = self.rate(state)
        if now < state.ceiling_until and state.refused_at <= now:
            return self.limits.within(min(rate * STEP, max(rate, state.ceiling)))
        return self.limits.within(rate * (CAREFUL_STEP if state.refused_at else STEP))

    def refuse(self, state: KeyState, turn: Turn | None, now: float, *, jitter: float) -> KeyState:
        """Upstream refused the call of this turn for too many requests. `jitter` is between 0 and 1."""
        if turn is not None and turn.at < state.recovered_at <= now:
            return state  # sent before a back-off that is over; one that ends in the future is of a clock that was set back
        if state.times and now < state.until:
            return self._learned(state, turn) if state.times == 1 else state
        times = state.times + 1
        state = replace(
            state,
            times=times,
            since=now if times == 1 else state.since,
            until=now + self._back_off(times) * (1 + JITTER * jitter),
            probing_until=0.0,
        )
        if self.limits.is_fixed:
            return state
        if times > 1:
            return self._locked(state, now)
        begun = replace(
            state, refused_at=now, before=self.rate(state), refusals=0, ceiling_until=now + MOMENT
        )
        return self._learned(begun, turn)

    def _back_off(self, times: int) -> float:
        if self.limits.is_fixed:
            return back_off_seconds(times)
        return back_off_seconds(times - 1) if times > 1 else PAUSE

    def _learned(self, state: KeyState, turn: Turn | None) -> KeyState:
        """Halve the rate, and find the ceiling: again with each refused call of the same moment, from the rate before them all."""
        if self.limits.is_fixed:
            return state
        refusals, fewest, largest = state.refusals, state.fewest, state.largest
        if turn is not None and turn.in_second:
            now = Counts(second=turn.in_second, ten=turn.in_ten_seconds)
            first = not refusals
            fewest = (
                now if first else Counts(second=min(fewest.second, now.second), ten=min(fewest.ten, now.ten))
            )
            largest = now if first else largest.most(now)
            refusals += 1
        let = Counts(
            second=_let_through(fewest.second, largest.second, refusals),
            ten=_let_through(fewest.ten, largest.ten, refusals),
        )
        # A call that was the only one in ten seconds was refused for others' calls: it says nothing about our rate.
        is_ours = bool(refusals) and let != Counts()
        known = is_ours and state.held.most(largest) != state.held
        ceiling = max(_bearable(let) if known else MARGIN * state.before, self.limits.least)
        return replace(
            state,
            rate=self.limits.within(min(state.before / 2, ceiling)),
            ceiling=ceiling,
            refusals=refusals,
            fewest=fewest,
            largest=largest,
            moved=int(not known),
        )

    def _locked(self, state: KeyState, now: float) -> KeyState:
        """The probe was refused: a lockout. One is enough, so its limit is remembered long; where it is not known, half of the safe rate is."""
        if not state.moved:
            return replace(state, ceiling_until=now + MONTH)
        low = self.limits.within(min(self.rate(state), self.limits.start.per_second / 2))
        return replace(state, rate=low, ceiling=low, ceiling_until=now + DAY)

    def recover(self, state: KeyState, now: float) -> KeyState:
        """The probe was answered: the bucket starts empty, so that checkouts go first, and what has held is to be shown anew."""
        return replace(
            state,
            times=0,
            since=0.0,
            until=0.0,
            probing_until=0.0,
            recovered_at=now,
            due=now + self.pace(state).full,
            held=Counts(),
            peak=Counts(),
            recent=Counts(),
            worked=0,
            reviewed_at=now,
        )


def _let_through(fewest: float, largest: float, refusals: int) -> float:
    """How many calls of a window were let through. Those of a burst arrive in any order: so also by how many of them were not."""
    return max(fewest - 1, largest - refusals, 0)


def _bearable(let: Counts) -> float:
    """The rate of which neither a second nor ten have more than the margin, its burst included.

    Calls that came all within a second, after a rest, say nothing about ten.
    """
    ten = _rate_of(let.ten, 10.0) if let.ten > 2 * let.second else math.inf
    return min(_rate_of(let.second, 1.0), ten)


def _rate_of(let: float, seconds: float) -> float:
    return min(MARGIN * let - 1, MARGIN * let * seconds / (seconds + AT_ONCE)) / seconds


def back_off_seconds(times: int) -> float:
    """The length of the back-off after the n-th refusal (`times`, from 1), without its jitter."""
    return float(min(FIRST_BACK_OFF * 2 ** (min(times, 20) - 1), LONGEST_BACK_OFF))


def longest() -> float:
    """The longest back-off in seconds."""
    return LONGEST_BACK_OFF * (1 + JITTER)
