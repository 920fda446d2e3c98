"""The counter that several gateways share in steps, held against a reference: in flight, slow, failing, and over windows."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from limits.aio.storage import MemoryStorage

from gateway.rates import Counts
from gateway.rates.counting import LEFT_ALONE, STEP, Bound
from tests.doubles.booking_ports import FakeClock
from tests.doubles.counter_flood import LONGEST, Flood, SlowStorage

SEEDS = range(10)
GATEWAYS = 4
AT_ONCE = 24
MOST = 300


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(at=datetime(2027, 1, 4, 15, 40, tzinfo=UTC))


def flood(clock: FakeClock, chance: random.Random, *, lost: float = 0.0) -> Flood:
    """Gateways on one storage."""
    inner = MemoryStorage()
    gateways = [
        Counts(clock=clock, key=b"only for tests", shared=SlowStorage(inner, chance, lost=lost))
        for _ in range(GATEWAYS)
    ]
    bound = Bound(what="sample", subject="caller:somebody", most=MOST, window=timedelta(hours=1))
    return Flood(gateways=gateways, bound=bound)


@pytest.fixture
def _asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that failed is asked again with the next step."""
    monkeypatch.setattr("gateway.rates.counting.LEFT_ALONE", 0.0)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_thousand_requests_in_flight_are_believed_to_be_no_more_and_hardly_fewer(
    seed: int, clock: FakeClock
) -> None:
    chance = random.Random(seed)
    flooded = flood(clock, chance)
    await flooded.run(1_000, at_once=AT_ONCE, chance=chance)

    for one in flooded.answers:
        assert one.own <= one.value <= one.real
    # Beyond the bound: the rest of a step at each, and what comes while one asks.
    assert MOST <= flooded.let_through < MOST + GATEWAYS * STEP + 4 * AT_ONCE
    for gateway in range(GATEWAYS):  # in quiet, each has told all but the rest of a step
        last = [await flooded.send(gateway) for _ in range(STEP)][-1]
        assert last.real - GATEWAYS * STEP < last.value <= last.real


@pytest.mark.usefixtures("_asked_again_at_once")
@pytest.mark.parametrize("seed", SEEDS)
async def test_answers_that_are_lost_refuse_nobody_too_early_and_end_no_bound(
    seed: int, clock: FakeClock
) -> None:
    chance = random.Random(seed)
    flooded = flood(clock, chance, lost=0.5)
    await flooded.run(2_000, at_once=AT_ONCE, chance=chance)

    for one in flooded.answers:
        assert one.own <= one.value <= one.real
    assert MOST <= flooded.let_through <= MOST * GATEWAYS  # at worst each counts by itself


async def test_a_storage_that_is_slow_keeps_nobody_waiting_but_the_one_who_tells_it(clock: FakeClock) -> None:
    answers = asyncio.Event()

    class Hangs(MemoryStorage):
        asked = 0

        async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
            self.asked += 1
            await answers.wait()
            return await super().incr(key, expiry, amount)

    storage = Hangs()
    counts = Counts(clock=clock, key=b"only for tests", shared=storage)
    flooded = Flood(gateways=[counts], bound=flood(clock, random.Random(0)).bound)
    asking = [asyncio.create_task(flooded.send(0)) for _ in range(STEP)]
    done, _ = await asyncio.wait(asking, timeout=0.05)
    assert len(done) == STEP - 1
    for number in range(STEP + 1, 3 * STEP):
        assert (await flooded.send(0)).value == number
    assert storage.asked == 1  # one question about one count at a time
    answers.set()
    assert [(await each).value for each in asking] == [*range(1, STEP + 1)]
    assert (await flooded.send(0)).value == 3 * STEP


async def test_who_hangs_up_while_it_is_told_takes_nothing_with_them(clock: FakeClock) -> None:
    chance = random.Random(1)
    flooded = flood(clock, chance)
    for _ in range(STEP - 1):
        await flooded.send(0)
    asking = asyncio.create_task(flooded.send(0))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    values = [(await flooded.send(1)).value for _ in range(STEP)]
    assert values[-1] == 2 * STEP


async def test_the_next_window_begins_from_nothing_whatever_is_in_flight(clock: FakeClock) -> None:
    chance = random.Random(2)
    flooded = flood(clock, chance)
    await flooded.run(250, at_once=AT_ONCE, chance=chance)
    running = asyncio.create_task(flooded.run(250, at_once=AT_ONCE, chance=chance))
    for _ in range(LONGEST):
        await asyncio.sleep(0)
    clock.advance(hours=1)
    before = flooded.real
    await running
    anew = flooded.answers[-1]
    assert anew.value <= anew.real - before
    assert all(one.value > 0 for one in flooded.answers)


async def test_a_storage_that_forgot_everything_takes_back_nothing_that_was_known(clock: FakeClock) -> None:
    inner = MemoryStorage()
    gateways = [Counts(clock=clock, key=b"only for tests", shared=inner) for _ in range(2)]
    flooded = Flood(gateways=gateways, bound=flood(clock, random.Random(0)).bound)
    for gateway in (0, 1, 0):
        for _ in range(5 * STEP):
            known = await flooded.send(gateway)
    assert known.value == known.real
    await inner.reset()
    values = [(await flooded.send(0)).value for _ in range(5 * STEP)]
    assert values == [*range(known.value + 1, known.value + 5 * STEP + 1)]


def test_a_storage_that_failed_is_left_alone_for_seconds() -> None:
    assert 1 <= LEFT_ALONE <= 10
