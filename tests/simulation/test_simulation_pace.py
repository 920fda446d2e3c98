"""The pace with the real queue, on virtual time: requests on their way that overtake each other, and checkouts among people who browse.

`tests/unit/test_pace_against_limits.py` plays many more limits, without a queue.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from booking.pacing import Pace
from tests.simulation.pace_world import DEFAULT, KEY, Checkout, PaceWorld
from tests.simulation.virtual_loop import VirtualLoop, run

# The lockout, and the probes that find its end.
OVER = 2130.0

MOST_REFUSED = 25  # by one lockout: those that were under way together, and the probes


def playing(main: Callable[[PaceWorld], Coroutine[None, None, None]], *, processes: int = 1) -> None:
    loop = VirtualLoop()
    run(main(PaceWorld(loop=loop, processes=processes)), loop)


async def load(world: PaceWorld, *, seconds: float, people: int = 3) -> tuple[float, list[Checkout]]:
    """People browse without a pause, and buy; returns requests a second in the last third, and the checkouts."""
    begun = world.loop.time()
    world.browse(people)
    world.buy(every=3)
    await world.pass_time(seconds * 2 / 3)
    late = world.loop.time()
    await world.pass_time(seconds / 3)
    reached = world.rate(late)
    await world.end()
    return reached, [one for one in world.checkouts if one.at >= begun]


def longest(checkouts: list[Checkout]) -> float:
    """The longest wait; none of them was parked."""
    assert checkouts
    waits = [one.waited for one in checkouts]
    assert None not in waits
    return max(wait for wait in waits if wait is not None)


@pytest.mark.parametrize(("limit", "processes", "part"), [(2, 4, 0.15), (10, 1, 0.25)])
def test_one_lockout_finds_a_limit_and_after_it_checkouts_are_sent_at_once(
    limit: int, processes: int, part: float
) -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(limit)
        await load(world, seconds=OVER)
        assert world.throttle.lockouts == 1
        assert world.refused() <= MOST_REFUSED
        assert len(set(world.alarms)) <= 7
        reached, checkouts = await load(world, seconds=120)
        assert world.throttle.lockouts == 1
        assert reached >= part * limit
        assert longest(checkouts) < 2

    playing(main, processes=processes)


def test_a_refusal_without_a_lockout_alarms_nobody_and_checkouts_go_on_after_it() -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(10, lockout=0)
        reached, checkouts = await load(world, seconds=300)
        assert 0 < world.refused() <= MOST_REFUSED
        assert not world.alarms
        assert reached >= 0.4 * 10
        assert sum(one.waited is None for one in checkouts) <= 1  # one was under way, and is sent again
        assert max(one.waited or 0 for one in checkouts) <= 2

    playing(main)


def test_at_a_hundred_a_second_people_who_browse_keep_no_checkout_waiting() -> None:
    async def main(world: PaceWorld) -> None:
        world.limits = replace(DEFAULT, start=Pace(per_second=100, burst=50))
        world.restart()
        world.limit(250)
        reached, checkouts = await load(world, seconds=12, people=15)
        assert world.refused() == 0
        assert reached >= 90
        assert longest(checkouts) < 0.1

    playing(main)


def test_a_practice_that_asks_little_never_looks_for_the_limit() -> None:
    async def main(world: PaceWorld) -> None:
        world.limit(38, seconds=10)
        world.browse(1, calls=4, rest=20)
        world.buy(every=5)
        await world.pass_time(1200)
        assert world.refused() == 0
        await world.end()

    playing(main)


def test_where_healthie_counts_the_account_the_key_with_which_people_browse_gives_way() -> None:
    """Clinicians' keys are used by checkouts, whose pace does not rise."""

    async def main(world: PaceWorld) -> None:
        world.limit(38, seconds=10, account=True)
        clinicians = [f"clinician {number}" for number in range(5)]
        world.browse(3)
        world.buy(every=4, keys=(KEY, *clinicians))
        await world.pass_time(OVER + 600)
        assert world.throttle.lockouts == 1
        await world.end()

    playing(main)
