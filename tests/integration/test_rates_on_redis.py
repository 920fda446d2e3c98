"""What only Redis has to promise: one count for several gateways, keys that name nobody and go by themselves, a way on without it."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from booking.checkout.attempt_limits import AttemptKind
from booking.refusals import TooManyAttempts
from gateway.rates import Counts, RateAttemptLimiter
from gateway.rates.counting import STEP, Bound
from gateway.rates.redis import redis_storage
from gateway.rates.table import cards
from integrations.redis.client import ScriptingRedis, connect_redis
from tests.doubles.booking_ports import FakeClock
from tests.doubles.counter_flood import Flood, SlowStorage

pytestmark = pytest.mark.redis

KEY = b"only for tests"
SOMEBODY = Bound(what="sample", subject="caller:patient:p-sample", most=3, window=timedelta(hours=1))


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[ScriptingRedis]]:
    clients = [connect_redis(redis_url, timeout=10) for _ in range(2)]
    yield clients
    for client in clients:
        await client.aclose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gateways(clients: list[ScriptingRedis], redis_prefix: str, clock: FakeClock) -> list[Counts]:
    return [
        Counts(clock=clock, key=KEY, shared=redis_storage(client, f"{redis_prefix}rates"))
        for client in clients
    ]


async def unconcerned(*_: object) -> None:
    """No alarm."""


def attempts_of(counts: Counts, clock: FakeClock) -> RateAttemptLimiter:
    rates = {AttemptKind.CARD: cards(caller=5, network=20, strangers=60)}
    return RateAttemptLimiter(counts=counts, rates=rates, clock=clock, alarm=unconcerned)


async def test_two_gateways_count_together(gateways: list[Counts], clock: FakeClock) -> None:
    values = [(await gateway.add([SOMEBODY]))[0].value for gateway in gateways * 2]
    assert values == [1, 2, 3, 4]
    clock.advance(hours=1)
    assert (await gateways[0].add([SOMEBODY]))[0].value == 1


async def test_what_is_counted_at_every_request_is_shared_in_steps_of_ten(gateways: list[Counts]) -> None:
    first, second = gateways
    values = [(await first.add_in_steps([SOMEBODY]))[0].value for _ in range(25)]
    assert values == list(range(1, 26))
    values = [(await second.add_in_steps([SOMEBODY]))[0].value for _ in range(20)]
    assert values == [*range(1, 10), *range(30, 40), 40]
    values = [(await first.add_in_steps([SOMEBODY]))[0].value for _ in range(6)]
    assert values == [26, 27, 28, 29, 50, 51]


async def test_a_card_tester_at_two_gateways_at_once_gets_no_more_cards_through(
    gateways: list[Counts], clock: FakeClock
) -> None:
    async def let_through(attempts: RateAttemptLimiter) -> bool:
        try:
            await attempts.begin(AttemptKind.CARD, names=["visitor:v1"], client="a-network", signed_in=False)
        except TooManyAttempts:
            return False
        return True

    both = [attempts_of(counts, clock) for counts in gateways]
    assert sum(await asyncio.gather(*(let_through(attempts) for attempts in both * 20))) == 5


async def test_what_one_counted_it_can_take_back(gateways: list[Counts]) -> None:
    first, second = gateways
    counted = await first.add([SOMEBODY])
    await second.add([SOMEBODY])
    await first.take_back(counted)
    assert (await second.add([SOMEBODY]))[0].value == 2


async def test_keys_name_nobody_and_go_by_themselves(
    gateways: list[Counts], clients: list[ScriptingRedis], redis_prefix: str
) -> None:
    counted = await gateways[0].add([SOMEBODY])
    await gateways[1].take_back(counted)  # of a key that has to stay as long as it had
    (key,) = [key async for key in clients[0].scan_iter(f"{redis_prefix}*")]
    assert key.startswith(f"{redis_prefix}rates:sample/")
    assert "p-sample" not in key
    assert 0 < await clients[0].ttl(key) <= 3600


async def test_without_redis_each_process_goes_on_by_itself_and_still_bounds_cards(clock: FakeClock) -> None:
    client = connect_redis("redis://127.0.0.1:1/0", timeout=1)  # nobody listens there
    counts = Counts(clock=clock, key=KEY, shared=redis_storage(client, "frontdoor:sample:rates"))
    try:
        attempts = attempts_of(counts, clock)
        for _ in range(5):
            await attempts.begin(AttemptKind.CARD, names=["visitor:v1"], client=None, signed_in=False)
        with pytest.raises(TooManyAttempts):
            await attempts.begin(AttemptKind.CARD, names=["visitor:v1"], client=None, signed_in=False)
    finally:
        await client.aclose()


async def test_a_thousand_requests_in_flight_count_as_they_were(
    clients: list[ScriptingRedis], redis_prefix: str, clock: FakeClock
) -> None:
    chance, most, at_once = random.Random(1), 300, 24
    gateways = [
        Counts(
            clock=clock, key=KEY, shared=SlowStorage(redis_storage(client, f"{redis_prefix}rates"), chance)
        )
        for client in clients * 2
    ]
    flooded = Flood(gateways=gateways, bound=SOMEBODY._replace(most=most))
    await flooded.run(1_000, at_once=at_once, chance=chance)
    for one in flooded.answers:
        assert one.own <= one.value <= one.real
    for gateway in range(len(gateways)):  # what came while the last exchange of the flood was out
        await flooded.send(gateway)
    for gateway in range(len(gateways)):  # in quiet, each has told all but the rest of a step
        last = [await flooded.send(gateway) for _ in range(STEP)][-1]
        assert last.real - len(gateways) * STEP < last.value <= last.real
