"""The law of the pace: when it rises, how far it falls, what it remembers and for how long."""

from dataclasses import replace

import pytest

from booking.pace_law import DAY, FIRST_BACK_OFF, MOMENT, MONTH, PAUSE, REVIEW, Counts, KeyState, PaceLaw
from booking.pacing import Lane, LearnedPace, Pace, PaceRange, Turn

RANGE = PaceRange(start=Pace(per_second=2, burst=20), least=0.5, most=160)
NOW = 1_800_000_000.0
LAW = PaceLaw(RANGE)


def used(state: KeyState, now: float = NOW) -> KeyState:
    """A state whose rate was used up for ten seconds."""
    return replace(state, worked=round(10 * LAW.rate(state)), reviewed_at=now - REVIEW)


def of_calls(second: int, ten: int, *, at: float = NOW) -> Turn:
    return Turn(at=at, in_second=second, in_ten_seconds=ten)


def refused(state: KeyState, *turns: Turn, now: float = NOW) -> KeyState:
    for turn in turns:
        state = LAW.refuse(state, turn, now, jitter=0)
    return state


def locked_out(state: KeyState, *turns: Turn, now: float = NOW) -> KeyState:
    """Refused, and so was the probe."""
    return LAW.refuse(refused(state, *turns, now=now), of_calls(1, 1), now + PAUSE, jitter=0)


class TestRise:
    def test_a_rate_that_was_used_up_rises_by_a_quarter(self) -> None:
        assert LAW.rate(LAW.review(used(KeyState()), NOW)) == 2.5

    def test_one_that_was_not_used_up_does_not(self) -> None:
        state = LAW.review(replace(used(KeyState()), worked=10), NOW)
        assert LAW.rate(state) == 2
        assert LAW.rate(LAW.review(state, NOW + DAY)) == 2

    def test_never_above_the_most(self) -> None:
        assert LAW.rate(LAW.review(used(KeyState(rate=150)), NOW)) == 160

    def test_not_before_ten_seconds_are_over(self) -> None:
        state = replace(used(KeyState()), reviewed_at=NOW - REVIEW + 0.1)
        assert LAW.review(state, NOW) == state

    def test_a_clock_that_was_set_back_does_not_end_reviews(self) -> None:
        state = replace(used(KeyState()), reviewed_at=NOW + DAY)
        assert LAW.review(state, NOW).reviewed_at == NOW

    def test_half_a_seconds_worth_may_be_sent_at_once_and_twenty_before_any_refusal(self) -> None:
        assert LAW.pace(KeyState(rate=20)).burst == 20
        assert LAW.pace(KeyState(rate=100)).burst == 50
        assert LAW.pace(KeyState(rate=20, refused_at=NOW)).burst == 10
        assert LAW.pace(KeyState(rate=1, refused_at=NOW)).burst == 1

    def test_a_fixed_pace_never_moves(self) -> None:
        law = PaceLaw(PaceRange.fixed(Pace(per_second=2, burst=20)))
        state = law.review(used(KeyState()), NOW)
        assert law.pace(law.refuse(state, of_calls(5, 5), NOW, jitter=0)) == Pace(per_second=2, burst=20)

    def test_what_was_learned_in_a_wider_range_is_kept_within_the_present_one(self) -> None:
        law = PaceLaw(replace(RANGE, most=10))
        assert law.pace(KeyState(rate=160)) == Pace(per_second=10, burst=20)


class TestFall:
    def test_a_refusal_halves_the_rate(self) -> None:
        assert LAW.rate(refused(KeyState(rate=40), of_calls(41, 300))) == 20

    def test_never_below_the_least(self) -> None:
        assert LAW.rate(refused(KeyState(rate=0.6), of_calls(1, 1))) == 0.5

    @pytest.mark.parametrize("limit", [2, 3, 5, 10, 38, 250])
    def test_afterwards_no_second_has_more_than_was_let_through(self, limit: int) -> None:
        """A burst after a rest: the first calls are let through, the others refused."""
        burst = max(20, 2 * limit)
        turns = [of_calls(n, n) for n in range(limit + 1, burst + 1)]
        state = refused(KeyState(rate=burst / 2), *turns)
        pace = LAW.pace(replace(state, rate=state.ceiling))
        assert pace.burst + pace.per_second <= max(limit, 1 + RANGE.least)
        assert limit < 10 or state.ceiling >= 0.5 * limit

    def test_in_whatever_order_the_calls_of_a_burst_arrive(self) -> None:
        turns = [of_calls(n, n) for n in (20, 1, 7, 3, 12, 18, 4, 9, 15, 5)]
        assert refused(KeyState(), *turns).ceiling == pytest.approx(0.9 * 10 / 1.5)

    def test_nor_ten_seconds_where_the_calls_came_over_ten(self) -> None:
        state = refused(KeyState(rate=3), of_calls(12, 39))
        pace = LAW.pace(replace(state, rate=state.ceiling))
        assert 20 <= pace.burst + 10 * pace.per_second <= 38

    def test_a_refusal_of_a_call_from_before_the_last_recovery_is_none(self) -> None:
        state = LAW.recover(refused(KeyState(), of_calls(11, 11)), NOW + PAUSE)
        assert refused(state, of_calls(12, 12), now=NOW + 3) == state


class TestPause:
    def test_the_first_is_short_and_a_refused_probe_makes_a_lockout(self) -> None:
        state = refused(KeyState(), of_calls(11, 11))
        assert (state.times, state.until) == (1, NOW + PAUSE)
        state = LAW.refuse(state, of_calls(1, 1), NOW + PAUSE, jitter=0)
        assert (state.times, state.until) == (2, NOW + PAUSE + FIRST_BACK_OFF)
        assert state.since == NOW

    def test_a_refused_probe_does_not_halve_again(self) -> None:
        state = refused(KeyState(rate=40), of_calls(41, 400))
        assert LAW.rate(LAW.refuse(state, of_calls(1, 1), NOW + PAUSE, jitter=0)) == LAW.rate(state)


class TestMemory:
    def test_a_ceiling_is_kept_for_minutes_after_a_moment_and_for_a_month_after_a_lockout(self) -> None:
        once = refused(KeyState(), of_calls(11, 11))
        assert once.ceiling_until == NOW + MOMENT
        assert locked_out(KeyState(), of_calls(11, 11)).ceiling_until == NOW + PAUSE + MONTH

    def test_up_to_it_the_rate_rises_quickly_and_not_beyond(self) -> None:
        state = LAW.recover(locked_out(KeyState(), of_calls(11, 11)), NOW)
        for step in range(1, 30):
            state = LAW.review(used(state, NOW + step * REVIEW), NOW + step * REVIEW)
        assert LAW.rate(state) == pytest.approx(6)

    def test_once_it_is_forgotten_by_small_steps(self) -> None:
        later = NOW + 2 * MONTH
        state = LAW.recover(locked_out(KeyState(), of_calls(11, 11)), NOW)
        state = LAW.review(used(replace(state, rate=6), later), later)
        assert LAW.rate(state) == pytest.approx(6.3)

    def test_where_a_pace_that_held_is_locked_out_half_of_the_safe_rate_is_kept_for_a_day(self) -> None:
        state = KeyState(rate=100, held=Counts(second=110, ten=1010))
        state = locked_out(state, of_calls(101, 1005))
        assert (LAW.rate(state), state.ceiling, state.ceiling_until) == (1, 1, NOW + PAUSE + DAY)

    def test_where_it_is_refused_for_a_moment_the_rate_is_halved(self) -> None:
        state = refused(KeyState(rate=100, held=Counts(second=110, ten=1010)), of_calls(101, 1005))
        assert (LAW.rate(state), state.ceiling) == (50, 90)

    def test_operators_are_told_the_one_that_is_remembered_now(self) -> None:
        state = locked_out(KeyState(), of_calls(11, 11))
        told = LearnedPace(per_second=LAW.rate(state), ceiling=state.ceiling, refused_at=NOW)
        assert LAW.learned(state, NOW) == told
        assert LAW.learned(state, NOW + 2 * MONTH) == replace(told, ceiling=None)
        assert LAW.learned(KeyState(), NOW) == LearnedPace(per_second=2, ceiling=None, refused_at=None)

    def test_calls_have_held_once_the_next_ten_seconds_have_passed(self) -> None:
        state = replace(KeyState(), peak=Counts(second=12, ten=30))
        once = LAW.review(state, NOW)
        assert once.held == Counts()
        assert LAW.review(once, NOW + REVIEW).held == Counts(second=12, ten=30)


@pytest.mark.parametrize("burst", [1, 2, 3, 5, 20])
def test_a_lower_lane_always_comes_after_a_checkout(burst: int) -> None:
    pace = Pace(per_second=1, burst=burst)
    tolerances = [pace.tolerance(lane) for lane in Lane]
    assert tolerances[0] == burst - 1
    assert all(lower < tolerances[0] for lower in tolerances[1:])
    assert tolerances == sorted(tolerances, reverse=True)


class TestClockSetBack:
    def test_a_refusal_counts_though_the_last_recovery_seems_to_come_later(self) -> None:
        state = LAW.recover(refused(KeyState(rate=40), of_calls(41, 300)), NOW)
        an_hour_ago = NOW - 3600
        state = refused(state, of_calls(21, 200, at=an_hour_ago), now=an_hour_ago)
        assert state.times == 1
        assert LAW.rate(state) <= 10

    def test_what_the_other_program_used_up_is_not_remembered_as_a_limit_of_a_call_in_ten_seconds(
        self,
    ) -> None:
        """The first call after a rest is refused, and its probe: that says nothing about our own rate."""
        state = locked_out(KeyState(rate=40), of_calls(1, 1))
        assert state.ceiling_until <= NOW + PAUSE + DAY
