import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.columns import UtcTime
from integrations.database.engine import connect_database, reading

# The moment before the clock went back in New York, and the one an hour after with the same local time.
EASTERN_SUMMER, EASTERN_WINTER = timezone(timedelta(hours=-4)), timezone(timedelta(hours=-5))

moments = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcTime))


class TestTimes:
    async def test_come_back_in_utc_to_the_microsecond_and_in_order(self, engine: AsyncEngine) -> None:
        written = [
            datetime(2026, 11, 1, 1, 30, 0, 1, tzinfo=EASTERN_WINTER),
            datetime(2026, 11, 1, 1, 30, 0, 1, tzinfo=EASTERN_SUMMER),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            None,
        ]
        async with engine.connect() as connection:
            await connection.run_sync(moments.create)
            await connection.execute(insert(moments), [{"at": at} for at in written])
            query = select(moments.c.at).where(moments.c.at.is_not(None)).order_by(moments.c.at)
            read = (await connection.scalars(query)).all()
        assert read == [written[2], written[1], written[0]]
        assert {at.utcoffset() for at in read} == {timedelta(0)}

    async def test_without_a_zone_are_refused(self, engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            with pytest.raises(StatementError, match="without its zone"):
                await connection.execute(select(moments).where(moments.c.at == datetime(2026, 1, 1)))  # noqa: DTZ001 - the claim


async def test_errors_do_not_show_what_was_written(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as error:
            await connection.execute(
                text("INSERT INTO nowhere VALUES (:email)"), {"email": "patient@example.com"}
            )
    assert "patient@example.com" not in str(error.value)


async def test_sqlite_keeps_its_word_after_a_power_cut_and_its_references(
    sqlite_engine: AsyncEngine,
) -> None:
    async with sqlite_engine.connect() as connection:
        settings = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


async def test_sqlite_readers_wait_for_no_writer(sqlite_engine: AsyncEngine) -> None:
    async with sqlite_engine.connect() as writer:
        await writer.execute(text("DELETE FROM holds"))
        async with asyncio.timeout(2), reading(sqlite_engine) as reader:
            assert await reader.scalar(text("SELECT count(*) FROM holds")) == 0


async def test_sqlite_writers_decide_on_what_they_alone_have_read(sqlite_engine: AsyncEngine) -> None:
    async with sqlite_engine.begin() as connection:
        await connection.run_sync(moments.create)
        await connection.execute(insert(moments).values(id=0))

    async def count_up() -> None:
        async with sqlite_engine.begin() as connection:
            present = (await connection.execute(select(moments.c.id))).scalar_one()
            await asyncio.sleep(0)  # everybody gets a turn between the look and the write
            await connection.execute(text("UPDATE moments SET id = :next"), {"next": present + 1})

    await asyncio.gather(*(count_up() for _ in range(20)))
    async with reading(sqlite_engine) as connection:
        assert await connection.scalar(select(moments.c.id)) == 20


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_an_sqlite_in_memory_is_one_database_for_all_tasks(url: str) -> None:
    engine = connect_database(url)
    async with engine.begin() as connection:
        await connection.run_sync(moments.create)

    async def write(number: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert(moments).values(id=number))

    await asyncio.gather(*(write(n) for n in range(1, 21)))
    async with reading(engine) as connection:
        assert len((await connection.execute(select(moments))).all()) == 20
    await engine.dispose()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///some/file", "sqlite+aiosqlite"),
        ("postgres://user@host/name", "postgresql+asyncpg"),
        ("postgresql://user@host/name", "postgresql+asyncpg"),
        ("postgresql+asyncpg://user@host/name", "postgresql+asyncpg"),
    ],
)
async def test_a_url_needs_no_driver(url: str, driver: str) -> None:
    engine = connect_database(url)
    assert engine.url.drivername == driver
    await engine.dispose()


@pytest.mark.postgres
async def test_a_postgresql_url_may_ask_for_encryption_as_libpq_does(postgres_url: str) -> None:
    engine = connect_database(f"{postgres_url}?sslmode=prefer")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


def test_connecting_opens_nothing(tmp_path: Path) -> None:
    connect_database(f"sqlite:///{tmp_path / 'missing' / 'file'}")
    assert list(tmp_path.iterdir()) == []


async def test_sqlite_is_free_at_once_when_a_writer_is_cancelled_in_mid_statement(
    sqlite_engine: AsyncEngine,
) -> None:
    begun = asyncio.Event()
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"

    async def write() -> None:
        async with sqlite_engine.begin() as connection:
            await connection.execute(text("DELETE FROM holds"))
            begun.set()
            await connection.execute(text(long))

    async def kept_in_mind() -> BaseException:
        try:
            await write()
        except asyncio.CancelledError as error:
            return error  # its traceback, as a log or a monitor keeps it, refers to the cursor
        raise AssertionError("it was not cancelled in time")

    cancelled = asyncio.create_task(kept_in_mind())
    await begun.wait()
    await asyncio.sleep(0.02)  # into the statement: it will have a row that nobody fetches
    cancelled.cancel()
    error = await cancelled
    async with asyncio.timeout(2), sqlite_engine.begin() as connection:
        await connection.execute(text("DELETE FROM holds"))
    assert error.__traceback__ is not None


async def test_cancelled_writers_leave_nothing_locked_and_no_connection_lost(engine: AsyncEngine) -> None:
    async def write(number: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM holds WHERE extensions = :n"), {"n": number})
            await connection.execute(text("SELECT 1"))

    for switches in range(
        0, 40, 2
    ):  # cancelled in another place each time: waiting, beginning, writing, committing
        writers = [asyncio.create_task(write(n)) for n in range(8)]
        for _ in range(switches):
            await asyncio.sleep(0)
        await asyncio.sleep(switches / 10_000)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
    async with asyncio.timeout(5):
        await asyncio.gather(*(write(n) for n in range(30)))


@asynccontextmanager
async def a_way_to(url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Another address of the server, where nothing is carried or said any more once the event is set."""
    target, cut, carrying = make_url(url), asyncio.Event(), set[asyncio.Task[None]]()

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if cut.is_set():
                await asyncio.Event().wait()
            sink.write(data)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_there, there = await asyncio.open_connection(target.host, target.port or 5432)
        try:
            await asyncio.gather(carry(reader, there), carry(from_there, writer))
        finally:
            for end in (there, writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying.add(asyncio.create_task(connect(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False), cut
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@pytest.mark.postgres
class TestConnectionsThatDied:
    async def test_a_server_that_is_gone_without_a_word_is_given_up(self, postgres_url: str) -> None:
        async with a_way_to(postgres_url) as (url, cut):
            engine = connect_database(url, statement_seconds=0.2)
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
            cut.set()
            async with asyncio.timeout(10):
                with pytest.raises((TimeoutError, DBAPIError)):
                    async with engine.connect() as connection:
                        await connection.execute(text("SELECT 1"))
            await engine.dispose()

    @pytest.fixture
    async def pooled(self, postgres_url: str) -> AsyncIterator[AsyncEngine]:
        """An engine whose one connection was ended by the server while it rested."""
        engine, other = connect_database(postgres_url), connect_database(postgres_url)
        async with engine.connect() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        async with other.connect() as connection:
            await connection.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)"))
        yield engine
        await engine.dispose()
        await other.dispose()

    async def test_is_replaced_unseen_after_a_rest(
        self, pooled: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.database.engine.KNOWN_ALIVE_SECONDS", 0.0)
        async with pooled.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1

    async def test_costs_one_error_at_most_when_it_was_used_lately(
        self, pooled: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.database.engine.KNOWN_ALIVE_SECONDS", 60.0)
        with pytest.raises(DBAPIError):
            async with pooled.connect() as connection:
                await connection.scalar(text("SELECT 1"))
        async with pooled.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1


async def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    async def journal_of(url: str) -> object:
        engine = connect_database(url)
        async with engine.connect() as connection:
            mode = await connection.scalar(text("PRAGMA journal_mode"))
        await engine.dispose()
        return mode

    for number in range(25):  # one in about forty was refused, once
        url = f"sqlite:///{tmp_path / f'{number}.sqlite3'}"
        assert set(await asyncio.gather(*(journal_of(url) for _ in range(8)))) == {"wal"}
