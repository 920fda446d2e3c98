"""Prepared reads answer as SQLAlchemy does, survive what their connections meet, and keep none of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import AsyncAdaptedQueuePool, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from booking.slots import Interval
from integrations.database.change_reader import SqlChangeReader
from integrations.database.columns import UtcTime, one_of
from integrations.database.engine import connect_database
from integrations.database.holds import SqlHoldStore
from integrations.database.prepared import PreparedRead
from integrations.database.tables.checkouts import checkouts
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import NOON, SEALER, a_row

_c = checkouts.c


def prepared(engine: AsyncEngine) -> PreparedRead:
    query = select(_c.id, _c.starts_at, _c.slot, _c.patient_created, _c.charge).where(
        one_of(engine.dialect.name, _c.id, "names"), _c.created_at <= bindparam("now", type_=UtcTime)
    )
    return PreparedRead(engine, query.order_by(_c.id))


@pytest.fixture
async def filled(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    units = sql_unit_of_work(engine, SEALER)
    await a_row(units, "one")
    await a_row(units, "two", start=NOON + timedelta(days=1))
    yield engine
    assert cast("AsyncAdaptedQueuePool", engine.pool).checkedout() == 0


async def test_the_values_are_those_that_sqlalchemy_reads(filled: AsyncEngine) -> None:
    read = prepared(filled)
    rows = await read({"names": ["one", "two", "three"], "now": NOON})
    query = select(_c.id, _c.starts_at, _c.slot, _c.patient_created, _c.charge).order_by(_c.id)
    async with filled.connect() as connection:
        assert [tuple(row) for row in rows] == [tuple(row) for row in await connection.execute(query)]
    assert await read({"names": [], "now": NOON}) == []
    assert await read({"names": ["one"], "now": NOON - timedelta(days=1)}) == []


async def test_a_moment_without_its_zone_is_refused(filled: AsyncEngine) -> None:
    with pytest.raises(Exception, match="without its zone"):
        await prepared(filled)({"names": ["one"], "now": NOON.replace(tzinfo=None)})


async def test_it_sees_what_is_committed_and_no_more(filled: AsyncEngine) -> None:
    read = prepared(filled)
    async with sql_unit_of_work(filled, SEALER)() as unit:
        row = await unit.checkouts.get("one")
        assert row is not None
        await unit.checkouts.save(row.changed(patient_created=True))
        assert (await read({"names": ["one"], "now": NOON}))[0][3] is False
        await unit.commit()
    assert (await read({"names": ["one"], "now": NOON}))[0][3] is True


@pytest.mark.postgres
class TestOnPostgresql:
    async def test_the_driver_executes_each_and_sqlalchemy_none(
        self, postgresql_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What SQLAlchemy would do after an error of the driver, at several times the cost, nobody would notice."""

        def refuse(_: object) -> None:
            raise AssertionError("by SQLAlchemy")

        monkeypatch.setattr("integrations.database.prepared.reading", refuse)
        span = Interval(start=NOON, end=NOON + timedelta(days=1))
        reader = SqlChangeReader(engine=postgresql_engine)
        assert await reader.claims(["clinician-1"], span) == []
        assert await reader.recorded(["clinician-1"], span, since=NOON) == ([], [])
        assert (
            await SqlHoldStore(engine=postgresql_engine, clock=FakeClock()).busy(["clinician-1"], span) == []
        )
        assert await prepared(postgresql_engine)({"names": ["one"], "now": NOON}) == []

    async def test_a_connection_that_was_lost_meanwhile_is_replaced(
        self, postgresql_engine: AsyncEngine, postgres_url: str
    ) -> None:
        read = prepared(postgresql_engine)
        await read({"names": ["one"], "now": NOON})
        other = connect_database(postgres_url)
        async with other.begin() as connection:
            lost = (
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert await connection.scalar(text(lost)) >= 1
        with capture_logs() as logs:
            assert await read({"names": ["one"], "now": NOON}) == []
        assert [line["event"] for line in logs] == ["database.read_repeated"]
        await other.dispose()

    async def test_one_that_is_cancelled_gives_its_connection_back(
        self, postgresql_engine: AsyncEngine
    ) -> None:
        sleeping = PreparedRead(postgresql_engine, select(func.pg_sleep(30)))
        reading = asyncio.create_task(sleeping({}))
        pool = cast("AsyncAdaptedQueuePool", postgresql_engine.pool)
        async with asyncio.timeout(10):
            while pool.checkedout() == 0:  # noqa: ASYNC110 - a pool tells nobody
                await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert pool.checkedout() == 0
        assert await prepared(postgresql_engine)({"names": ["one"], "now": NOON}) == []

    async def test_a_wrong_statement_is_told_as_any_other(self, postgresql_engine: AsyncEngine) -> None:
        wrong = PreparedRead(postgresql_engine, select(text("nothing")).select_from(text("nowhere")))
        with pytest.raises(DBAPIError):
            await wrong({})

    async def test_one_that_takes_too_long_is_an_outage_and_is_not_tried_again(
        self, postgres_url: str
    ) -> None:
        engine = connect_database(postgres_url, statement_seconds=0.2)
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await PreparedRead(engine, select(func.pg_sleep(30)))({})
        assert asyncio.get_running_loop().time() - began < 20
        await engine.dispose()
