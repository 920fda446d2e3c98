from datetime import timedelta

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.idempotency import RETENTION, IdempotencyKeys
from integrations.database.tables.callers import idempotency_keys
from tests.integration.database_samples import NOON


async def _keys(engine: AsyncEngine, number: int, *, age: timedelta) -> None:
    rows = [
        {
            "tenant": "practice",
            "principal": f"visitor:{age}:{one}",
            "field": "holdSlot",
            "key_digest": "d",
            "fingerprint": "f",
            "attempt": 1,
            "in_flight_until": NOON,
            "completed": True,
            "created_at": NOON - age,
        }
        for one in range(number)
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(idempotency_keys), rows)


async def test_it_deletes_all_that_is_old_in_transactions_of_a_bounded_size(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.database.reaping.BATCH", 10)
    await _keys(engine, 25, age=RETENTION)
    await _keys(engine, 3, age=RETENTION - timedelta(seconds=1))
    deleted: list[int] = []

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def note(_connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)  # type: ignore[attr-defined]

    assert await IdempotencyKeys(engine=engine).reap(NOON) == 25
    assert deleted == [10, 10, 5]
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(idempotency_keys)) == 3
