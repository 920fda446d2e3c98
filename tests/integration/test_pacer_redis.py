"""What only Redis has to promise: one pace and one back-off for several processes, and a way on without it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from booking.pacing import Lane, Pace
from integrations.redis.client import connect_redis
from integrations.redis.pacing import RedisPacer
from integrations.upstream.gate import Gate
from integrations.upstream.transport import Request

pytestmark = pytest.mark.redis

PACE = Pace(per_second=100, burst=5)
KEY = "0a1b2c3d"


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[Redis]]:
    clients = [connect_redis(redis_url) for _ in range(4)]
    yield clients
    for client in clients:
        await client.aclose()


async def test_several_processes_never_send_above_the_rate_counted_where_it_arrives(
    clients: list[Redis], redis_prefix: str
) -> None:
    gates = [Gate(pacer=RedisPacer(PACE, client=client, prefix=redis_prefix)) for client in clients]
    arrivals: list[float] = []
    began = time.monotonic()

    async def arrive() -> None:
        arrivals.append(time.monotonic())

    request = Request(
        operation="AvailableSlots", mutation=False, kind="availability", variables={}, timeout=1, budget=1
    )
    await asyncio.gather(*(gate.through(request, KEY, arrive) for gate in gates for _ in range(10)))
    assert len(arrivals) == 40
    for count, at in enumerate(sorted(arrivals), start=1):
        assert count <= PACE.burst + PACE.per_second * (at - began)


async def test_a_lockout_that_one_meets_holds_all_back_and_one_recovery_frees_all(
    clients: list[Redis], redis_prefix: str
) -> None:
    first, second = (RedisPacer(PACE, client=client, prefix=redis_prefix) for client in clients[:2])
    off = await first.back_off(KEY)
    assert (await second.turn(KEY, lane=Lane.CHECKOUT)).backed_off
    assert await second.back_off(KEY) == off
    await first.recovered(KEY)
    assert not (await second.turn(KEY, lane=Lane.CHECKOUT)).backed_off


async def test_its_keys_name_a_fingerprint_and_go_by_themselves(
    clients: list[Redis], redis_prefix: str
) -> None:
    pacer = RedisPacer(PACE, client=clients[0], prefix=redis_prefix)
    await pacer.turn(KEY, lane=Lane.BROWSING)
    await pacer.back_off("9f8e7d6c")
    kept = [key async for key in clients[0].scan_iter(f"{redis_prefix}*")]
    assert sorted(kept) == [f"{redis_prefix}pace:{KEY}", f"{redis_prefix}pace:9f8e7d6c"]
    assert all([await clients[0].pttl(key) > 3_600_000 for key in kept])


async def test_without_redis_a_process_paces_itself_and_remembers_the_lockout() -> None:
    client = connect_redis("redis://127.0.0.1:1/0", timeout=0.5)
    pacer = RedisPacer(PACE, client=client, prefix="frontdoor-test:")
    turns = [await pacer.turn(KEY, lane=Lane.CHECKOUT) for _ in range(6)]
    await pacer.back_off(KEY)
    assert [turn.wait == 0 for turn in turns] == [True] * 5 + [False]
    assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).backed_off
    await client.aclose()
