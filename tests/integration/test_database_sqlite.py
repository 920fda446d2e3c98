"""SQLite in few visits to its thread: what a statement answers is what the driver itself would, and nothing stays locked."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.engine import reading
from integrations.database.sqlite import OneVisitConnection

TABLE = text("CREATE TABLE things (id integer PRIMARY KEY, name text UNIQUE)")
ADD = text("INSERT INTO things (name) VALUES (:name)")
NAMES = text("SELECT name FROM things ORDER BY id")


@pytest.fixture
async def things(sqlite_engine: AsyncEngine) -> AsyncEngine:
    async with sqlite_engine.begin() as connection:
        await connection.execute(TABLE)
        await connection.execute(ADD, [{"name": "one"}, {"name": "two"}])
    return sqlite_engine


async def names(engine: AsyncEngine) -> list[str]:
    async with reading(engine) as connection:
        return list((await connection.scalars(NAMES)).all())


async def test_a_statement_is_one_visit_and_so_is_its_commit(
    things: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[str] = []
    visit = OneVisitConnection._execute

    async def counted(self: OneVisitConnection, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        visits.append(getattr(fn, "__name__", str(fn)))
        return await visit(self, fn, *args, **kwargs)

    monkeypatch.setattr(OneVisitConnection, "_execute", counted)
    async with things.connect() as connection:
        await connection.execute(NAMES)
        await connection.execute(ADD, {"name": "three"})
        await connection.commit()
    assert visits == ["_answer", "_answer", "commit"]
    visits.clear()
    assert await names(things) == ["one", "two", "three"]
    assert visits == ["_answer", "rollback"]


async def test_rows_counts_and_new_ids_are_answered(things: AsyncEngine) -> None:
    async with things.begin() as connection:
        added = await connection.execute(ADD, {"name": "three"})
        assert (added.rowcount, added.lastrowid) == (1, 3)
        renamed = await connection.execute(text("UPDATE things SET name = upper(name) WHERE id < 3"))
        assert renamed.rowcount == 2
        gone = await connection.execute(text("DELETE FROM things WHERE id > 1 RETURNING id, name"))
        assert [(row.id, row.name) for row in gone] == [(2, "TWO"), (3, "three")]
        assert (await connection.execute(text("SELECT * FROM things WHERE id = 9"))).first() is None
    assert await names(things) == ["ONE"]


async def test_what_is_not_committed_is_undone(things: AsyncEngine) -> None:
    async with things.connect() as connection:
        await connection.execute(ADD, {"name": "three"})
    assert await names(things) == ["one", "two"]


async def test_a_statement_that_is_refused_leaves_the_transaction_as_it_was(things: AsyncEngine) -> None:
    async with things.begin() as connection:
        await connection.execute(ADD, {"name": "three"})
        with pytest.raises(IntegrityError):
            await connection.execute(ADD, {"name": "one"})
        await connection.execute(ADD, {"name": "four"})
    assert await names(things) == ["one", "two", "three", "four"]


async def test_a_first_statement_that_is_refused_has_begun_the_transaction(things: AsyncEngine) -> None:
    async with things.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(ADD, {"name": "one"})
        await connection.execute(ADD, {"name": "three"})
    assert await names(things) == ["one", "two"]


async def test_a_transaction_without_a_statement_keeps_nobody_waiting(things: AsyncEngine) -> None:
    async with things.begin(), asyncio.timeout(5), things.begin() as another:
        await another.execute(ADD, {"name": "three"})
    # The same connection: nothing is left of the one that never began.
    async with things.begin() as connection:
        await connection.execute(ADD, {"name": "four"})
    assert await names(things) == ["one", "two", "three", "four"]


async def test_who_is_cancelled_while_waiting_for_the_writer_leaves_nothing_locked(
    things: AsyncEngine,
) -> None:
    async def wait() -> None:
        async with things.begin() as connection:
            await connection.execute(ADD, {"name": "never"})

    async with things.begin() as writer:
        await writer.execute(ADD, {"name": "three"})
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)  # into the statement: its thread waits for the writer
        waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5), things.begin() as connection:
        await connection.execute(ADD, {"name": "four"})
    assert await names(things) == ["one", "two", "three", "four"]
