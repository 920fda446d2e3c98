"""The pace against limits that it is not told, on virtual time: how often it is locked out, what it reaches, what checkouts wait.

A limit of N lets N requests through in any second, whatever they are, and locks the next one's key out for half an hour, or only
refuses it. Several people browse without a pause, so the pace is used up all the time, and a checkout sends something every few
seconds on the same key.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from booking.pace_law import DAY, MOMENT
from tests.simulation.pace_world import DEFAULT, KEY, Checkout, PaceWorld
from tests.simulation.virtual_loop import VirtualLoop, run

LOCKOUT = 1800.0
# Until a lockout is over: the probes come at most this late.
OVER = 2400.0

# The parts of a limit that are reached, and by when, in seconds of use: of two requests a second there is little to divide.
REACHED = {2: 0.3, 10: 0.4, 250: 0.4}
MOST_REFUSED = 20  # in one lockout: those under way together, and the probes


def playing(main: Callable[[PaceWorld], Coroutine[None, None, None]], **how: int) -> None:
    loop = VirtualLoop()
    run(main(PaceWorld(loop=loop, **how)), loop)  # type: ignore[arg-type]


async def load(world: PaceWorld, *, seconds: float, people: int = 5) -> tuple[float, list[Checkout]]:
    """People browse and buy for so long; returns requests a second in the last third, and the checkouts."""
    begun = world.loop.time()
    world.browse(people)
    world.buy(every=3)
    await world.pass_time(seconds * 2 / 3)
    late = world.loop.time()
    await world.pass_time(seconds / 3)
    reached = world.rate(late)
    await world.end()
    return reached, [one for one in world.checkouts if one.at >= begun]


def waited(checkouts: list[Checkout]) -> float:
    """The longest wait; none of them was parked."""
    assert checkouts
    waits = [one.waited for one in checkouts]
    assert None not in waits
    return max(wait for wait in waits if wait is not None)


@pytest.mark.parametrize("limit", [2, 10])
@pytest.mark.parametrize("processes", [1, 4])
def test_one_lockout_finds_a_limit_and_none_follows_while_it_stands(limit: int, processes: int) -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(limit)
        await load(world, seconds=OVER)
        assert world.throttle.lockouts == 1
        assert world.refused() <= MOST_REFUSED
        reached, checkouts = await load(world, seconds=600)
        assert world.throttle.lockouts == 1
        assert reached >= REACHED[limit] * limit
        assert waited(checkouts) < 2
        # Days later, after a rest and with the whole bucket, it still holds.
        await world.pass_time(3 * DAY)
        await load(world, seconds=300)
        assert world.throttle.lockouts == 1

    playing(main, processes=processes)


def test_a_limit_of_250_is_never_met_within_the_bounds_and_reached_in_minutes() -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(250)
        reached, checkouts = await load(world, seconds=330, people=15)
        assert world.refused() == 0
        assert reached >= REACHED[250] * 250
        assert waited(checkouts) < 0.5

    playing(main)


def test_beyond_them_one_lockout_finds_it() -> None:
    async def main(world: PaceWorld) -> None:
        world.limits = replace(DEFAULT, start=replace(DEFAULT.start, per_second=190), most=1_000)
        world.restart()
        world.limit(250)
        await load(world, seconds=OVER, people=20)
        assert world.throttle.lockouts == 1
        reached, _ = await load(world, seconds=90, people=20)
        assert world.throttle.lockouts == 1
        assert reached >= REACHED[250] * 250

    playing(main)


def test_a_limit_that_falls_locks_out_once_each_time_and_one_that_rises_never() -> None:
    async def main(world: PaceWorld) -> None:
        for number, limit in enumerate((10, 2), start=1):
            world.limit(limit)
            await load(world, seconds=OVER)
            _, checkouts = await load(world, seconds=200)
            assert world.throttle.lockouts == number
            assert waited(checkouts) < 2
        world.limit(250)
        low, _ = await load(world, seconds=200)
        assert world.throttle.lockouts == 2
        # Where the limit went is not known: the rate stays low for a day, and then rises by small steps.
        await world.pass_time(DAY)
        reached, _ = await load(world, seconds=600)
        assert world.throttle.lockouts == 2
        assert reached > 4 * low

    playing(main)


def test_however_far_it_falls() -> None:
    async def main(world: PaceWorld) -> None:
        world.limits = replace(DEFAULT, start=replace(DEFAULT.start, per_second=100), most=100)
        world.restart()
        world.limit(250)
        await load(world, seconds=60, people=12)
        assert world.refused() == 0
        world.limit(10)
        world.limits = replace(DEFAULT, most=100)
        await load(world, seconds=OVER)
        await load(world, seconds=600)
        assert world.throttle.lockouts == 1

    playing(main)


@pytest.mark.parametrize("limit", [2, 10])
def test_a_refusal_without_a_lockout_costs_seconds_and_is_asked_again_after_minutes(limit: int) -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(limit, lockout=0)
        reached, _ = await load(world, seconds=MOMENT - 10)
        assert reached >= REACHED[limit] * limit
        met = world.refused()
        assert 0 < met <= MOST_REFUSED
        assert not world.alarms
        world.limit(4 * limit, lockout=0)
        reached, checkouts = await load(world, seconds=900)
        assert reached > 0.9 * limit
        assert world.refused() - met <= 3
        assert sum(one.waited is None for one in checkouts) <= 3  # parked, and sent half a minute later

    playing(main)


def test_what_is_reported_of_healthie_locks_out_once() -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(38, seconds=10)
        await load(world, seconds=OVER + 100)
        reached, _ = await load(world, seconds=300)
        assert world.throttle.lockouts == 1
        assert reached >= 0.3 * 3.8
        await world.pass_time(DAY)
        await load(world, seconds=300)
        assert world.throttle.lockouts == 1

    playing(main)


def test_without_a_memory_a_restart_costs_a_lockout_more() -> None:
    async def main(world: PaceWorld) -> None:
        for restarts in (1, 2):
            world.limit(10)
            await load(world, seconds=OVER)
            assert world.throttle.lockouts == restarts
            world.restart()

    playing(main)


def test_nobody_is_locked_out_by_checkouts_and_visits_now_and_then() -> None:
    """The pace does not rise beyond what is used: a practice that asks little never looks for the limit."""

    async def main(world: PaceWorld) -> None:
        world.limit(38, seconds=10)
        world.browse(1, calls=4, rest=20)
        world.buy(every=5)
        await world.pass_time(1800)
        assert world.refused() == 0
        await world.end()

    playing(main)


def test_where_healthie_counts_the_account_one_lockout_finds_what_the_busy_key_may_ask() -> None:
    """Clinicians' keys are used by checkouts, and keep their own pace: it is the key with which people browse that gives way."""

    async def main(world: PaceWorld) -> None:
        world.limit(38, seconds=10, account=True)
        clinicians = [f"clinician {number}" for number in range(5)]
        world.browse(5)
        world.buy(every=4, keys=(KEY, *clinicians))
        await world.pass_time(2 * OVER)
        assert world.throttle.lockouts == 1
        await world.end()

    playing(main)
