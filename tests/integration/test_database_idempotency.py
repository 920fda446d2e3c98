import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.idempotency import (
    Answer,
    Claimed,
    IdempotencyKeys,
    InFlight,
    Mismatch,
    Replay,
    Scope,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHILE = timedelta(seconds=30)
SCOPE = Scope(tenant="practice", principal="visitor:bob", field="holdSlot", key="key-1")
REFERENCE = {"hold": "hold_1", "count": 2, "live": True, "none": None}


@pytest.fixture
def keys(engine: AsyncEngine) -> IdempotencyKeys:
    return IdempotencyKeys(engine=engine)


async def claim(
    keys: IdempotencyKeys, *, scope: Scope = SCOPE, fingerprint: str = "f" * 64, now: datetime = NOW
) -> Answer:
    return await keys.claim(scope, fingerprint=fingerprint, now=now, in_flight_until=now + WHILE)


async def claimed(keys: IdempotencyKeys, *, now: datetime = NOW) -> Claimed:
    answer = await claim(keys, now=now)
    assert isinstance(answer, Claimed)
    return answer


async def test_the_first_claim_runs(keys: IdempotencyKeys) -> None:
    assert await claim(keys) == Claimed(scope=SCOPE, attempt=1)


async def test_a_second_claim_meanwhile_learns_of_the_first(keys: IdempotencyKeys) -> None:
    await claim(keys)
    assert await claim(keys, now=NOW + WHILE - timedelta(microseconds=1)) == InFlight()


async def test_what_is_complete_is_replayed_for_good(keys: IdempotencyKeys) -> None:
    assert await keys.complete(await claimed(keys), reference=REFERENCE)
    assert await claim(keys, now=NOW + timedelta(days=29)) == Replay(reference=REFERENCE)


@pytest.mark.parametrize("done", [True, False], ids=["complete", "in flight"])
async def test_other_arguments_are_a_mismatch(keys: IdempotencyKeys, *, done: bool) -> None:
    first = await claimed(keys)
    if done:
        await keys.complete(first, reference={})
    assert await claim(keys, fingerprint="e" * 64, now=NOW + 2 * WHILE) == Mismatch()


@pytest.mark.parametrize("part", ["tenant", "principal", "field", "key"])
async def test_the_same_key_in_another_scope_is_another_key(keys: IdempotencyKeys, part: str) -> None:
    await claim(keys)
    elsewhere = replace(SCOPE, **{part: "another"})
    assert await claim(keys, scope=elsewhere) == Claimed(scope=elsewhere, attempt=1)


async def test_of_200_claims_at_once_one_runs(keys: IdempotencyKeys) -> None:
    answers = await asyncio.gather(*(claim(keys) for _ in range(200)))
    assert sum(isinstance(answer, Claimed) for answer in answers) == 1
    assert sum(isinstance(answer, InFlight) for answer in answers) == 199


class TestTakeover:
    async def test_of_an_abandoned_claim_is_by_one_only(self, keys: IdempotencyKeys) -> None:
        await claim(keys)
        later = NOW + WHILE
        answers = await asyncio.gather(*(claim(keys, now=later) for _ in range(50)))
        assert [a for a in answers if isinstance(a, Claimed)] == [Claimed(scope=SCOPE, attempt=2)]
        assert sum(isinstance(answer, InFlight) for answer in answers) == 49

    async def test_shuts_the_slow_one_out(self, keys: IdempotencyKeys) -> None:
        slow = await claimed(keys)
        successor = await claimed(keys, now=NOW + WHILE)
        assert not await keys.complete(slow, reference={"by": "slow"})
        assert not await keys.suspend(slow, now=NOW + WHILE)
        assert not await keys.release(slow)
        assert await keys.complete(successor, reference={"by": "successor"})
        assert await claim(keys) == Replay(reference={"by": "successor"})

    async def test_what_is_complete_stays_so(self, keys: IdempotencyKeys) -> None:
        first = await claimed(keys)
        await keys.complete(first, reference={"answer": 1})
        assert not await keys.complete(first, reference={"answer": 2})
        assert not await keys.release(first)
        assert await claim(keys, now=NOW + 2 * WHILE) == Replay(reference={"answer": 1})


class TestSuspend:
    async def test_lets_the_next_claim_go_on(self, keys: IdempotencyKeys) -> None:
        await keys.suspend(await claimed(keys), now=NOW)
        assert await claim(keys) == Claimed(scope=SCOPE, attempt=2)
        assert await claim(keys) == InFlight()

    async def test_still_wants_the_same_arguments(self, keys: IdempotencyKeys) -> None:
        await keys.suspend(await claimed(keys), now=NOW)
        assert await claim(keys, fingerprint="e" * 64) == Mismatch()


async def test_a_released_key_is_as_good_as_new(keys: IdempotencyKeys) -> None:
    assert await keys.release(await claimed(keys))
    answer = await claim(keys, fingerprint="e" * 64)
    assert answer == Claimed(scope=SCOPE, attempt=1)


async def test_keys_are_kept_for_30_days(keys: IdempotencyKeys) -> None:
    await keys.complete(await claimed(keys), reference={})
    assert await keys.reap(NOW + timedelta(days=30, microseconds=-1)) == 0
    assert await keys.reap(NOW + timedelta(days=30)) == 1
    assert isinstance(await claim(keys), Claimed)


async def test_the_clients_key_is_not_stored(keys: IdempotencyKeys, engine: AsyncEngine) -> None:
    await claim(keys, scope=replace(SCOPE, key="patient@example.com"))
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM idempotency_keys"))).one()
    assert "patient@example.com" not in str(row)
