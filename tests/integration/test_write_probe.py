"""Whether the database takes writes is proved by a write that is committed; what a mutation meets where it does not."""

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from integrations.database.engine import connect_database
from integrations.database.outages import is_outage
from integrations.database.tables.operations import daily_runs, write_probes
from integrations.database.write_probe import WriteProbe
from tests.doubles.booking_ports import NOW, FakeClock


def probe_of(engine: AsyncEngine) -> WriteProbe:
    return WriteProbe(engine=engine, clock=FakeClock(NOW))


async def rows(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(select(func.count()).select_from(write_probes)) or 0)


async def fault_when_full(engine: AsyncEngine) -> Exception:
    """What a mutation's own write meets once all the room is used up."""
    for number in itertools.count():
        row = {"job": f"sample {number} " * 100, "day": "2027-01-04", "tries": 0}
        try:
            async with engine.begin() as connection:
                await connection.execute(insert(daily_runs), row)
        except DBAPIError as error:
            return error
    raise AssertionError("it is never full")


async def test_a_sound_database_takes_writes_and_keeps_none_of_the_probes(engine: AsyncEngine) -> None:
    probe = probe_of(engine)
    assert all(await asyncio.gather(*(probe() for _ in range(5))))
    assert await rows(engine) == 0


async def test_what_a_dead_process_left_goes_with_the_next_probe(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        left = {"id": "left", "at": NOW.replace(year=NOW.year - 1), "filler": b"sample"}
        await connection.execute(insert(write_probes), left)
    assert await probe_of(engine)()
    assert await rows(engine) == 0


async def test_a_database_that_may_not_grow_takes_none_though_an_old_row_can_be_written_anew(
    sqlite_engine: AsyncEngine,
) -> None:
    probe = probe_of(sqlite_engine)
    assert await probe()
    async with sqlite_engine.begin() as connection:
        await connection.execute(insert(daily_runs), {"job": "known", "day": "2027-01-04", "tries": 0})
    limit = await limited(sqlite_engine)
    with capture_logs() as logs:
        fault = await fault_when_full(sqlite_engine)
        assert [await probe(), await probe()] == [False, False]
        async with sqlite_engine.begin() as connection:
            await connection.execute(daily_runs.update().values(tries=1))
        limit["pages"] = 1_000_000
        assert await probe()
    assert is_outage(fault)
    assert [one["event"] for one in logs] == [
        "readiness.database_takes_no_writes",
        "readiness.database_takes_writes_again",
    ]


async def limited(engine: AsyncEngine) -> dict[str, int]:
    """Let the file grow no more, on whichever connection; answers where another limit can be set."""
    async with engine.connect() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
    limit = {"pages": int(pages or 0)}

    @event.listens_for(engine.sync_engine, "begin")
    def hold_to_it(connection: Any) -> None:
        connection.connection.cursor().execute(f"PRAGMA max_page_count = {limit['pages']}")

    return limit


@pytest.fixture
async def read_only_file(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    path = shutil.copyfile(migrated_sqlite, tmp_path / "read-only.sqlite3")
    engine = connect_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    yield engine
    await engine.dispose()


async def test_a_file_that_is_read_only_takes_none(read_only_file: AsyncEngine) -> None:
    assert not await probe_of(read_only_file)()
    assert is_outage(await fault_when_full(read_only_file))


@pytest.mark.postgres
async def test_a_server_that_is_read_only_takes_none(
    postgres_url: str, postgresql_engine: AsyncEngine
) -> None:
    """As a standby is, or a primary that its keepers have frozen."""
    engine = connect_database(postgres_url)

    @event.listens_for(engine.sync_engine, "connect")
    def freeze(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET default_transaction_read_only = on")
        cursor.close()
        connection.commit()

    try:
        assert not await probe_of(engine)()
        assert is_outage(await fault_when_full(engine))
    finally:
        await engine.dispose()
    assert await probe_of(postgresql_engine)()


async def test_a_writer_that_never_ends_keeps_nobody_waiting_who_asks(
    sqlite_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.database.write_probe.PROBE_SECONDS", 0.05)
    async with sqlite_engine.begin() as connection:
        await connection.execute(insert(daily_runs), {"job": "long", "day": "2027-01-04", "tries": 0})
        probe = probe_of(sqlite_engine)
        async with asyncio.timeout(5):
            assert [await probe(), await probe()] == [False, False]  # the second waits for the same write
        await connection.rollback()
        monkeypatch.undo()
        assert await probe()


async def test_a_statement_that_is_wrong_is_no_outage(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises((ProgrammingError, DBAPIError)) as caught:
            await connection.execute(text("SELECT nonsense FROM nowhere"))
    assert not is_outage(caught.value)
    row = {"id": "twice", "at": NOW, "filler": b"sample"}
    with pytest.raises(IntegrityError) as twice:
        async with engine.begin() as connection:
            await connection.execute(insert(write_probes), [row, row])
    assert not is_outage(twice.value)
    assert not is_outage(ValueError())


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError()])
def test_a_server_that_is_not_there_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


def test_an_error_of_the_driver_without_a_code_is_no_outage() -> None:
    assert not is_outage(DBAPIError("", None, sqlite3.ProgrammingError("canary")))
