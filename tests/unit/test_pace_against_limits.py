"""The pace against limits that it is not told: how often it is locked out, and what it reaches. On virtual time, without a queue.

A limit lets so many requests through in any window of so many seconds, whatever they are for; the next one locks its key out for half
an hour, or is only refused. Patients browse without a pause, so the pace is used up all the time, except where a test says so.
`tests/simulation/test_simulation_pace.py` plays the same with the real queue, requests on their way and checkouts among them.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from booking.local_pacer import LocalPacer
from booking.pace_law import DAY, MOMENT, MONTH
from booking.pacing import Lane, Pace, PaceRange
from integrations.healthie_emulator.throttle import Limits, Throttle

KEY = "0a1b2c3d"
RANGE = PaceRange(start=Pace(per_second=2, burst=20), least=0.5, most=160)
WIDE = replace(RANGE, most=1_000)

# The lockout, and the probes that find its end.
OVER = 2400.0


@dataclass(kw_only=True)
class Flood:
    """A key that is used as much as its pace allows."""

    limits: PaceRange = RANGE
    throttle: Throttle = field(default_factory=Throttle)
    now: float = 1_800_000_000.0
    refused: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The process begins anew, without a memory."""
        self.pacer = LocalPacer(self.limits, clock=lambda: self.now, jitter=lambda: 0.5)

    def limit(self, requests: int, *, seconds: float = 1.0, lockout: float = 1800.0) -> None:
        self.throttle.order(Limits(requests=requests, seconds=seconds, lockout=lockout))

    async def last(self, seconds: float) -> float:
        """So many seconds pass; returns the requests a second that were answered."""
        end, answered = self.now + seconds, 0
        while self.now < end:
            turn = await self.pacer.turn(KEY, lane=Lane.BROWSING)
            if turn.wait:
                self.now += max(turn.wait, 1e-6)
            elif self.throttle.refuses(KEY, datetime.fromtimestamp(self.now, UTC)):
                self.refused += 1
                await self.pacer.back_off(KEY, turn)
            else:
                answered += 1
                if turn.is_probe:
                    await self.pacer.recovered(KEY)
        return answered / seconds


@pytest.mark.parametrize(
    ("requests", "seconds", "part"),
    [(2, 1, 0.3), (10, 1, 0.5), (38, 10, 0.3), (100, 60, 0.4), (250, 1, 0.55)],
)
async def test_one_lockout_finds_a_limit_and_none_follows_while_it_stands(
    requests: int, seconds: float, part: float
) -> None:
    flood = Flood(limits=WIDE)
    flood.limit(requests, seconds=seconds)
    await flood.last(OVER + 100)
    assert flood.throttle.lockouts == 1
    assert flood.refused <= 7  # and the probes
    assert await flood.last(20) >= part * requests / seconds
    for rest in (3600, DAY / 2):  # with a full bucket
        flood.now += rest
        await flood.last(20)
    assert flood.throttle.lockouts == 1


async def test_a_limit_of_250_is_never_met_within_the_bounds_and_reached_in_minutes() -> None:
    flood = Flood()
    flood.limit(250)
    await flood.last(300)
    assert await flood.last(10) >= 0.6 * 250
    flood.now += 3600  # and now with all that may be sent at once
    await flood.last(10)
    assert flood.refused == 0


@pytest.mark.parametrize("falls", [(250, 10, 2), (250, 2), (38, 10)], ids=str)
async def test_a_limit_that_falls_locks_out_once_each_time_however_far(falls: tuple[int, ...]) -> None:
    flood = Flood()
    flood.limit(falls[0])
    await flood.last(300 if falls[0] == 250 else OVER + 300)
    before = flood.throttle.lockouts
    for limit in falls[1:]:
        flood.limit(limit)
        await flood.last(OVER + 300)
        assert flood.throttle.lockouts <= before + 1
        before = flood.throttle.lockouts
        assert await flood.last(600) > 0
        assert flood.throttle.lockouts == before


@pytest.mark.parametrize(("low", "high"), [(2, 10), (10, 250)])
async def test_one_that_rises_never_does(low: int, high: int) -> None:
    flood = Flood()
    flood.limit(low)
    await flood.last(OVER + 300)
    flood.limit(high)
    await flood.last(600)
    assert flood.throttle.lockouts == 1


async def test_after_a_month_a_limit_that_rose_is_found_by_small_steps() -> None:
    flood = Flood()
    flood.limit(10)
    await flood.last(OVER + 300)
    flood.limit(250)
    known = await flood.last(60)
    flood.now += MONTH
    await flood.last(300)
    assert known < await flood.last(10) < known * 1.05**32
    await flood.last(300)
    assert await flood.last(10) > 4 * known
    assert flood.throttle.lockouts == 1


async def test_where_a_limit_fell_to_is_looked_for_after_a_day_and_found_with_one_lockout() -> None:
    flood = Flood()
    flood.limit(250)
    await flood.last(300)
    flood.limit(10)
    await flood.last(OVER)
    assert await flood.last(60) == pytest.approx(0.8, abs=0.1)  # half of the safe rate
    flood.now += DAY
    await flood.last(OVER + 900)
    assert flood.throttle.lockouts == 2
    assert await flood.last(60) >= 4
    flood.now += DAY
    await flood.last(600)
    assert flood.throttle.lockouts == 2


@pytest.mark.parametrize("limit", [2, 10, 250])
async def test_a_refusal_without_a_lockout_costs_seconds(limit: int) -> None:
    flood = Flood(limits=WIDE)
    flood.limit(limit, lockout=0)
    await flood.last(350)
    assert 1 <= flood.refused <= 2
    assert await flood.last(60) >= 0.3 * limit
    flood.limit(max(limit // 5, 1), lockout=0)
    assert await flood.last(60) > 0
    assert flood.refused <= 6


async def test_and_the_limit_is_looked_for_again_after_minutes() -> None:
    flood = Flood()
    flood.limit(2, lockout=0)
    await flood.last(MOMENT)
    flood.limit(10, lockout=0)
    await flood.last(1200)
    assert await flood.last(60) >= 0.5 * 10
    assert flood.refused <= 6


async def test_without_a_memory_a_restart_costs_a_lockout_more() -> None:
    flood = Flood()
    flood.limit(10)
    for restarts in (1, 2):
        await flood.last(OVER + 60)
        assert flood.throttle.lockouts == restarts
        flood.restart()


async def test_a_fixed_pace_above_the_limit_is_locked_out_again_and_again() -> None:
    """What the rise and fall are for."""
    flood = Flood(limits=PaceRange.fixed(Pace(per_second=4, burst=20)))
    flood.limit(38, seconds=10)
    await flood.last(3 * OVER)
    assert flood.throttle.lockouts >= 3
