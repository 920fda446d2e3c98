"""What only Redis has to promise: one pace and one back-off for several processes, and a way on without it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError

from booking.pace_law import MONTH, KeyState
from booking.pacing import Lane, Pace, PaceRange
from integrations.redis.client import ScriptingRedis, connect_redis
from integrations.redis.pace_fields import to_fields
from integrations.redis.pacing import RedisPacer
from integrations.upstream.gate import Gate
from integrations.upstream.transport import Request

pytestmark = pytest.mark.redis

PACE = Pace(per_second=100, burst=5)
RANGE = PaceRange(start=Pace(per_second=2, burst=20), least=0.5, most=160)
KEY = "0a1b2c3d"


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[ScriptingRedis]]:
    clients = [connect_redis(redis_url) for _ in range(4)]
    yield clients
    for client in clients:
        await client.aclose()


async def test_several_processes_never_send_above_the_rate_counted_where_it_arrives(
    clients: list[ScriptingRedis], redis_prefix: str
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
    clients: list[ScriptingRedis], redis_prefix: str
) -> None:
    first, second = (RedisPacer(PACE, client=client, prefix=redis_prefix) for client in clients[:2])
    off = await first.back_off(KEY)
    assert (await second.turn(KEY, lane=Lane.CHECKOUT)).backed_off
    assert await second.back_off(KEY) == off
    await first.recovered(KEY)
    assert not (await second.turn(KEY, lane=Lane.CHECKOUT)).backed_off


async def test_its_keys_name_a_fingerprint_and_go_by_themselves(
    clients: list[ScriptingRedis], redis_prefix: str
) -> None:
    pacer = RedisPacer(PACE, client=clients[0], prefix=redis_prefix)
    await pacer.turn(KEY, lane=Lane.BROWSING)
    await pacer.back_off("9f8e7d6c")
    kept = [key async for key in clients[0].scan_iter(f"{redis_prefix}*")]
    states = [f"{redis_prefix}pace:{KEY}:state", f"{redis_prefix}pace:9f8e7d6c:state"]
    assert sorted(kept) == [
        f"{redis_prefix}pace:{KEY}:second",
        *states[:1],
        f"{redis_prefix}pace:{KEY}:ten",
        *states[1:],
    ]
    # What was learned outlives the month for which it holds; the calls of the last seconds do not outlive them by much.
    assert all([await clients[0].pttl(key) > MONTH * 1000 for key in states])
    assert all([0 < await clients[0].pttl(key) <= 20_000 for key in kept if key not in states])


async def test_what_one_process_learned_holds_for_all_and_after_a_restart(
    clients: list[ScriptingRedis], redis_prefix: str
) -> None:
    first = RedisPacer(RANGE, client=clients[0], prefix=redis_prefix)
    turns = [await first.turn(KEY, lane=Lane.CHECKOUT) for _ in range(20)]
    others = [RedisPacer(RANGE, client=client, prefix=redis_prefix) for client in clients[1:]]
    # The processes report what they were refused at once.
    pacers = [first, *others]
    await asyncio.gather(*(pacers[n % 4].back_off(KEY, turn) for n, turn in enumerate(turns[10:])))
    late = RedisPacer(RANGE, client=clients[3], prefix=redis_prefix)
    told = [(await one.turn(KEY, lane=Lane.BROWSING)).pace for one in (*pacers, late)]
    assert told == [Pace(per_second=1, burst=1)] * 5
    ceiling = await clients[0].hget(f"{redis_prefix}pace:{KEY}:state", "ceiling")
    assert float(ceiling or 0) == pytest.approx(
        6
    )  # of ten that were let through, whoever learned of the others


async def test_without_redis_a_process_goes_on_at_the_pace_that_was_last_learned(
    clients: list[ScriptingRedis], redis_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacer = RedisPacer(RANGE, client=clients[0], prefix=redis_prefix)
    for name, value in to_fields(KeyState(rate=40.0, refused_at=1.0)).items():
        await clients[0].hset(f"{redis_prefix}pace:{KEY}:state", name, value)
    assert (await pacer.turn(KEY, lane=Lane.BROWSING)).pace == Pace(per_second=40, burst=20)

    async def gone(*_: object, **__: object) -> None:
        raise RedisError

    monkeypatch.setattr(pacer, "_turn", gone)
    assert (await pacer.turn(KEY, lane=Lane.BROWSING)).pace == Pace(per_second=40, burst=20)


async def test_without_redis_a_process_paces_itself_and_remembers_the_lockout() -> None:
    client = connect_redis("redis://127.0.0.1:1/0", timeout=0.5)
    pacer = RedisPacer(Pace(per_second=1, burst=5), client=client, prefix="frontdoor-test:")
    turns = [await pacer.turn(KEY, lane=Lane.CHECKOUT) for _ in range(6)]
    await pacer.back_off(KEY)
    assert [turn.wait == 0 for turn in turns] == [True] * 5 + [False]
    assert (await pacer.turn(KEY, lane=Lane.CHECKOUT)).backed_off
    await client.aclose()
