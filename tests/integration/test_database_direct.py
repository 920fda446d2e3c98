"""A direct connection on PostgreSQL: what the driver executes answers and is refused as by SQLAlchemy, and keeps no connection."""

import asyncio
from traceback import format_exception
from typing import Any, cast

import pytest
from sqlalchemy import (
    AsyncAdaptedQueuePool,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database import direct
from integrations.database.direct import driver_reads, driver_writes
from integrations.database.engine import committing_itself, connect_database, reading
from integrations.database.tables.checkouts import checkouts
from integrations.database.tables.operations import clinician_blocks
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_row

pytestmark = pytest.mark.postgres

_NAMED = select(checkouts).where(checkouts.c.id == bindparam("wanted"))
_BLOCK = driver_writes(insert(clinician_blocks).returning(clinician_blocks.c.clinician_id))
_END_THE_OTHERS = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_ROW: dict[str, Any] = {
    "clinician_id": "200001",
    "reason": "provider_mismatch",
    "checkout_id": "chk_1",
    "blocked_at": NOON,
}


def given_back(engine: AsyncEngine) -> bool:
    return cast("AsyncAdaptedQueuePool", engine.pool).checkedout() == 0


async def test_a_row_is_the_one_that_sqlalchemy_reads(postgresql_engine: AsyncEngine) -> None:
    await a_row(sql_unit_of_work(postgresql_engine, SEALER), "one")
    async with reading(postgresql_engine) as connection:
        row = (await connection.execute(driver_reads(_NAMED), {"wanted": "one"})).mappings().one()
    async with postgresql_engine.connect() as connection:
        assert row == (await connection.execute(_NAMED, {"wanted": "one"})).mappings().one()
    assert given_back(postgresql_engine)


async def test_a_write_is_committed_with_its_answer(postgresql_engine: AsyncEngine) -> None:
    async with committing_itself(postgresql_engine) as connection:
        assert await connection.scalar(_BLOCK, _ROW) == "200001"
        async with postgresql_engine.connect() as other:
            assert await other.scalar(select(func.count()).select_from(clinician_blocks)) == 1


async def test_a_constraint_refuses_a_write_as_ever(postgresql_engine: AsyncEngine) -> None:
    for refused in (False, True):
        async with committing_itself(postgresql_engine) as connection:
            if refused:
                with pytest.raises(IntegrityError, match="clinician_blocks") as told:
                    await connection.scalar(_BLOCK, _ROW)
                assert "200001" not in "".join(
                    format_exception(told.value)
                )  # the server's detail quotes the row
            else:
                await connection.scalar(_BLOCK, _ROW)
    assert given_back(postgresql_engine)


async def test_a_second_statement_is_refused_where_one_commits_by_itself(
    postgresql_engine: AsyncEngine,
) -> None:
    async with committing_itself(postgresql_engine) as connection:
        await connection.scalar(_BLOCK, _ROW)
        with pytest.raises(AssertionError, match="two need a transaction"):
            await connection.execute(text("SELECT 1"))


async def test_a_write_that_fails_is_never_repeated(
    postgresql_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    async def lost(_driver: object, sql: str, _values: object) -> Any:
        sent.append(sql)
        raise ConnectionResetError

    monkeypatch.setattr(direct, "fetch", lost)
    async with committing_itself(postgresql_engine) as connection:
        with pytest.raises(ConnectionResetError):
            await connection.scalar(_BLOCK, _ROW)
    assert len(sent) == 1
    monkeypatch.undo()
    async with postgresql_engine.connect() as other:
        assert await other.scalar(select(func.count()).select_from(clinician_blocks)) == 0


async def test_a_read_that_fails_is_repeated_on_a_new_connection(
    postgresql_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> Any:
        raise ConnectionResetError

    monkeypatch.setattr(direct, "fetch", lost)
    async with reading(postgresql_engine) as connection:
        assert (await connection.execute(driver_reads(_NAMED), {"wanted": "none"})).first() is None


async def test_a_wrong_write_is_told_as_any_other(postgresql_engine: AsyncEngine) -> None:
    async with committing_itself(postgresql_engine) as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(driver_writes(text("INSERT INTO nowhere VALUES (1)")))
    assert given_back(postgresql_engine)


async def test_a_list_of_parameters_is_refused_whose_statement_would_change_with_its_length(
    postgresql_engine: AsyncEngine,
) -> None:
    listed = _NAMED.where(checkouts.c.id.in_(bindparam("some", type_=Text, expanding=True)))
    with pytest.raises(AssertionError, match="another statement for each length"):
        direct.compiled_for(postgresql_engine.dialect, listed, ())


async def test_one_write_fails_when_the_server_has_ended_every_connection_and_the_next_ones_do_not(
    postgresql_engine: AsyncEngine,
) -> None:
    sleeping = driver_reads(select(func.pg_sleep(0.1)))

    async def one() -> None:
        async with reading(postgresql_engine) as connection:
            await connection.execute(sleeping)

    await asyncio.gather(*(one() for _ in range(5)))
    async with postgresql_engine.connect() as connection:
        await connection.execute(_END_THE_OTHERS)
    told: list[object] = []
    for number in range(8):
        async with committing_itself(postgresql_engine) as connection:
            try:
                told.append(await connection.scalar(_BLOCK, _ROW | {"clinician_id": f"c{number}"}))
            except DBAPIError as error:
                told.append(error)
    assert len([one for one in told if isinstance(one, DBAPIError)]) <= 1, told
    assert given_back(postgresql_engine)


async def test_a_migration_that_changes_a_columns_type_disturbs_no_statement_that_is_prepared(
    postgresql_engine: AsyncEngine,
) -> None:
    sample = Table("sample", MetaData(), Column("id", Integer, primary_key=True), Column("words", String))
    write, read = (
        driver_writes(insert(sample).returning(sample.c.id, sample.c.words)),
        driver_reads(select(sample)),
    )
    async with postgresql_engine.begin() as connection:
        await connection.run_sync(sample.metadata.create_all)
    async with committing_itself(postgresql_engine) as connection:
        await connection.execute(write, {"id": 1, "words": "one"})
    async with reading(postgresql_engine) as connection:
        await connection.execute(read)
    async with postgresql_engine.begin() as connection:
        await connection.execute(
            text("ALTER TABLE sample ALTER id TYPE bigint, ALTER words TYPE varchar(40)")
        )
    async with committing_itself(postgresql_engine) as connection:
        await connection.execute(write, {"id": 2, "words": "two"})
    async with reading(postgresql_engine) as connection:
        assert (await connection.execute(read)).all() == [(1, "one"), (2, "two")]


async def test_connections_beyond_the_pools_size_are_closed(postgres_url: str) -> None:
    engine = connect_database(postgres_url)
    sleeping = driver_reads(select(func.pg_sleep(0.1)))

    async def one() -> None:
        async with reading(engine) as connection:
            await connection.execute(sleeping)

    await asyncio.gather(*(one() for _ in range(12)))
    pool = cast("AsyncAdaptedQueuePool", engine.pool)
    assert (pool.checkedin(), pool.overflow()) == (pool.size(), 0)
    await engine.dispose()
