"""One suite for both pacers, of one process and of many: on a clock that is set, never waited for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from booking.local_pacer import LocalPacer
from booking.pace_law import FIRST_BACK_OFF, JITTER, LONGEST_BACK_OFF, MONTH, PAUSE, PROBE_SECONDS
from booking.pacing import Lane, Pace, Pacer, PaceRange, Turn
from integrations.redis.client import connect_redis
from integrations.redis.pacing import RedisPacer

PACE = Pace(per_second=2, burst=8)
RANGE = PaceRange(start=PACE, least=0.5, most=160)
KEY, OTHER = "0a1b2c3d", "9f8e7d6c"


@dataclass
class SetClock:
    seconds: float = 1_800_000_000.0
    chance: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def jitter(self) -> float:
        return self.chance


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def local_pacer(clock: SetClock) -> Pacer:
    return LocalPacer(PACE, clock=clock, jitter=clock.jitter)


@pytest.fixture
async def redis_pacer(redis_url: str, redis_prefix: str, clock: SetClock) -> AsyncIterator[Pacer]:
    client = connect_redis(redis_url)
    yield RedisPacer(PACE, client=client, prefix=redis_prefix, clock=clock, jitter=clock.jitter)
    await client.aclose()


@pytest.fixture
def local_adapting(clock: SetClock) -> Pacer:
    return LocalPacer(RANGE, clock=clock, jitter=clock.jitter)


@pytest.fixture
async def redis_adapting(redis_url: str, redis_prefix: str, clock: SetClock) -> AsyncIterator[Pacer]:
    client = connect_redis(redis_url)
    yield RedisPacer(RANGE, client=client, prefix=redis_prefix, clock=clock, jitter=clock.jitter)
    await client.aclose()


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.redis)])
def adapting(request: pytest.FixtureRequest) -> Pacer:
    adapter: Pacer = request.getfixturevalue(f"{request.param}_adapting")
    return adapter


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.redis)])
def pacer(request: pytest.FixtureRequest) -> Pacer:
    adapter: Pacer = request.getfixturevalue(f"{request.param}_pacer")
    return adapter


async def taken(pacer: Pacer, *, lane: Lane = Lane.CHECKOUT, key: str = KEY) -> int:
    """How many calls may be sent at once."""
    count = 0
    while (await pacer.turn(key, lane=lane)).wait == 0:
        count += 1
    return count


class TestRate:
    async def test_a_full_bucket_gives_its_burst_and_then_one_a_beat(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        assert await taken(pacer) == 8
        assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).wait == pytest.approx(0.5)
        clock.seconds += 0.5
        assert await taken(pacer) == 1
        clock.seconds += 100
        assert await taken(pacer) == 8

    async def test_no_window_has_more_than_the_burst_and_its_rate(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        sent: list[float] = []
        for step in range(200):
            clock.seconds += 0.125 if step % 7 else 1.75
            if (await pacer.turn(KEY, lane=Lane.BROWSING if step % 3 else Lane.CHECKOUT)).wait == 0:
                sent.append(clock.seconds)
        assert len(sent) > 60
        for i, first in enumerate(sent):
            for j in range(i, len(sent)):
                assert j - i + 1 <= PACE.burst + PACE.per_second * (sent[j] - first)

    async def test_browsing_leaves_a_quarter_of_the_bucket_to_checkouts(self, pacer: Pacer) -> None:
        assert await taken(pacer, lane=Lane.BROWSING) == 6
        assert await taken(pacer, lane=Lane.CHECKOUT) == 2

    async def test_checkouts_come_first_while_browsing_wants_all_there_is(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        browsed = bought = 0
        for _ in range(80):
            clock.seconds += 0.25
            browsed += (await pacer.turn(KEY, lane=Lane.BROWSING)).wait == 0
            bought += (await pacer.turn(KEY, lane=Lane.CHECKOUT)).wait == 0
        assert bought >= 40
        assert browsed <= 8

    async def test_keys_have_a_bucket_each(self, pacer: Pacer) -> None:
        await taken(pacer)
        assert await taken(pacer, key=OTHER) == 8

    async def test_a_clock_that_is_set_back_locks_nobody_out(self, pacer: Pacer, clock: SetClock) -> None:
        await taken(pacer)
        clock.seconds -= 86_400
        assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).wait <= PACE.full
        clock.seconds += 0.5
        assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).wait == 0


class TestBackOff:
    async def test_nothing_is_sent_until_it_is_over(self, pacer: Pacer, clock: SetClock) -> None:
        off = await pacer.back_off(KEY)
        assert (off.since, off.until, off.times) == pytest.approx(
            (clock.seconds, clock.seconds + FIRST_BACK_OFF, 1)
        )
        clock.seconds += FIRST_BACK_OFF - 1
        turn = await pacer.turn(KEY, lane=Lane.CHECKOUT)
        assert turn.backed_off
        assert turn.wait == pytest.approx(1)
        assert (await pacer.turn(OTHER, lane=Lane.CHECKOUT)).wait == 0

    async def test_then_one_call_asks_and_the_others_wait_for_it(self, pacer: Pacer, clock: SetClock) -> None:
        await pacer.back_off(KEY)
        clock.seconds += FIRST_BACK_OFF
        asking, other = [await pacer.turn(KEY, lane=lane) for lane in (Lane.BROWSING, Lane.CHECKOUT)]
        assert (asking.wait, asking.is_probe) == (0, True)
        assert other.backed_off
        clock.seconds += PROBE_SECONDS  # whoever asked is gone
        assert (await pacer.turn(KEY, lane=Lane.BROWSING)).is_probe

    async def test_an_answer_ends_it_with_an_empty_bucket(self, pacer: Pacer, clock: SetClock) -> None:
        await pacer.back_off(KEY)
        clock.seconds += FIRST_BACK_OFF
        await pacer.turn(KEY, lane=Lane.BROWSING)
        await pacer.recovered(KEY)
        turn = await pacer.turn(KEY, lane=Lane.CHECKOUT)
        assert not turn.backed_off
        assert turn.wait == pytest.approx(0.5)
        clock.seconds += 0.5
        assert await taken(pacer) == 1

    async def test_it_doubles_with_every_refusal_and_keeps_its_beginning(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        began = clock.seconds
        lengths = []
        for _ in range(9):
            off = await pacer.back_off(KEY)
            assert off.since == pytest.approx(began)
            lengths.append(round(off.until - clock.seconds))
            clock.seconds = off.until
            assert (await pacer.turn(KEY, lane=Lane.BROWSING)).is_probe
        assert lengths == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]

    async def test_a_refusal_of_a_call_that_was_under_way_changes_nothing(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        first = await pacer.back_off(KEY)
        clock.seconds += 2
        assert await pacer.back_off(KEY) == first

    async def test_the_next_lockout_is_a_new_one(self, pacer: Pacer, clock: SetClock) -> None:
        await pacer.back_off(KEY)
        await pacer.recovered(KEY)
        clock.seconds += 100
        off = await pacer.back_off(KEY)
        assert off.since == pytest.approx(clock.seconds)
        assert off.times == 1

    async def test_chance_makes_it_longer_never_shorter(self, pacer: Pacer, clock: SetClock) -> None:
        clock.chance = 1.0
        off = await pacer.back_off(KEY)
        assert off.until - clock.seconds == pytest.approx(FIRST_BACK_OFF * (1 + JITTER))

    async def test_a_clock_that_is_set_back_does_not_lengthen_it_for_ever(
        self, pacer: Pacer, clock: SetClock
    ) -> None:
        await pacer.back_off(KEY)
        clock.seconds -= 10 * 86_400
        wait = (await pacer.turn(KEY, lane=Lane.CHECKOUT)).wait
        assert wait <= LONGEST_BACK_OFF * (1 + JITTER)
        clock.seconds += wait
        assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).is_probe


async def used_up(pacer: Pacer, clock: SetClock, *, seconds: float, lane: Lane = Lane.BROWSING) -> Turn:
    """Take every call that the lane may have; returns the last."""
    last, end = Turn(), clock.seconds + seconds
    while clock.seconds < end:
        turn = await pacer.turn(KEY, lane=lane)
        clock.seconds += turn.wait
        last = last if turn.wait else turn
    return last


def rate(turn: Turn) -> float:
    assert turn.pace is not None
    return turn.pace.per_second


class TestAdaptingPace:
    async def test_it_begins_as_a_fixed_one(self, adapting: Pacer) -> None:
        turn = await adapting.turn(KEY, lane=Lane.BROWSING)
        assert turn.pace == PACE
        assert 1 + await taken(adapting) == 8

    async def test_it_rises_while_it_is_used_up(self, adapting: Pacer, clock: SetClock) -> None:
        last = await used_up(adapting, clock, seconds=41)
        assert rate(last) == pytest.approx(2 * 1.25**4)

    async def test_not_by_checkouts_which_would_meet_the_refusal(
        self, adapting: Pacer, clock: SetClock
    ) -> None:
        last = await used_up(adapting, clock, seconds=41, lane=Lane.CHECKOUT)
        assert last.pace == PACE

    async def test_not_while_part_of_it_is_enough(self, adapting: Pacer, clock: SetClock) -> None:
        for _ in range(200):
            clock.seconds += 0.7
            turn = await adapting.turn(KEY, lane=Lane.BROWSING)
        assert turn.pace == PACE

    async def test_of_each_key_by_itself(self, adapting: Pacer, clock: SetClock) -> None:
        await used_up(adapting, clock, seconds=41)
        assert (await adapting.turn(OTHER, lane=Lane.BROWSING)).pace == PACE

    async def test_calls_of_the_last_second_and_ten_are_counted(
        self, adapting: Pacer, clock: SetClock
    ) -> None:
        counts = []
        for _ in range(14):
            turn = await adapting.turn(KEY, lane=Lane.CHECKOUT)
            counts.append((turn.in_second, turn.in_ten_seconds))
            clock.seconds += 0.75
        assert counts[:3] == [(1, 1), (2, 2), (2, 3)]
        assert counts[-1] == (2, 14)

    async def test_a_refusal_is_a_moments_pause_then_the_probe_of_who_comes_first_and_half_of_the_rate(
        self, adapting: Pacer, clock: SetClock
    ) -> None:
        turns = [await adapting.turn(KEY, lane=Lane.CHECKOUT) for _ in range(8)]
        for turn in turns[4:]:
            off = await adapting.back_off(KEY, turn)
        assert (off.times, off.lockout, off.per_second) == (1, False, 1)
        pause = await adapting.turn(KEY, lane=Lane.CHECKOUT)
        assert pause.wait == pytest.approx(PAUSE)
        assert not pause.backed_off
        clock.seconds += PAUSE
        assert (await adapting.turn(KEY, lane=Lane.CHECKOUT)).is_probe
        await adapting.recovered(KEY)
        turn = await adapting.turn(KEY, lane=Lane.CHECKOUT)
        assert turn.pace == Pace(per_second=1, burst=1)
        assert turn.wait == pytest.approx(1)
        # Of what is left a checkout has the first call.
        assert (await adapting.turn(KEY, lane=Lane.BROWSING)).wait > turn.wait

    async def test_a_lockout_is_remembered_for_a_month(self, adapting: Pacer, clock: SetClock) -> None:
        turns = [await adapting.turn(KEY, lane=Lane.CHECKOUT) for _ in range(8)]
        for turn in turns[4:]:
            await adapting.back_off(KEY, turn)
        clock.seconds += PAUSE
        off = await adapting.back_off(KEY, await adapting.turn(KEY, lane=Lane.CHECKOUT))
        assert (off.times, off.lockout) == (2, True)
        clock.seconds = off.until
        assert (await adapting.turn(KEY, lane=Lane.CHECKOUT)).is_probe
        await adapting.recovered(KEY)
        held = rate(await used_up(adapting, clock, seconds=120))
        assert held == pytest.approx(2.4)  # of four that got through
        clock.seconds += MONTH / 2
        assert rate(await used_up(adapting, clock, seconds=31)) == held
        clock.seconds += MONTH / 2
        assert held < rate(await used_up(adapting, clock, seconds=31)) < held * 1.05**4

    async def test_a_clock_that_is_set_back_stops_nothing(self, adapting: Pacer, clock: SetClock) -> None:
        await used_up(adapting, clock, seconds=21)
        clock.seconds -= 10 * 86_400
        last = await used_up(adapting, clock, seconds=41)
        assert rate(last) > 2 * 1.25**3
        await adapting.back_off(KEY, last)
        clock.seconds -= 10 * 86_400
        clock.seconds += (await adapting.turn(KEY, lane=Lane.CHECKOUT)).wait
        assert (await adapting.turn(KEY, lane=Lane.CHECKOUT)).is_probe


async def test_many_at_once_share_one_bucket(pacer: Pacer) -> None:
    turns = await asyncio.gather(*(pacer.turn(KEY, lane=Lane.CHECKOUT) for _ in range(50)))
    assert sum(turn.wait == 0 for turn in turns) == 8
