"""The audit trail in SQLite and PostgreSQL: one chain whoever writes, added to and nothing else, and every tamper found."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from structlog.contextvars import bound_contextvars, get_contextvars
from structlog.testing import capture_logs

from booking.audit.chain import Anchor, Record, entry_of, record_of
from booking.audit.verification import ChainVerifier, VerificationReport
from booking.errors import AuditUnavailable
from integrations.database import audit, chain_append
from integrations.database.audit import SqlAuditTrail
from integrations.database.audit_reading import links, of_checkout, span
from integrations.database.chain_append import ChainWriter
from integrations.database.engine import connect_database
from integrations.database.migrations import migrate
from integrations.database.tables import metadata
from integrations.database.tables.operations import audit_records
from tests.doubles.audit_samples import KEY, NOON, an_entry
from tests.plugins.discovery import run_sql
from tests.plugins.statements import recorded_traffic

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def trail(engine: AsyncEngine) -> AsyncIterator[SqlAuditTrail]:
    trail = SqlAuditTrail(engine=engine, key=KEY)
    yield trail
    await trail.aclose()


async def verification_of(engine: AsyncEngine, *anchors: Anchor) -> VerificationReport:
    reader = ChainVerifier([KEY], anchors=anchors)
    async for link in links(engine, until=10_000):
        reader.read(link)
    return reader.end()


async def count(engine: AsyncEngine) -> int:
    return (await verification_of(engine)).records


async def filled(engine: AsyncEngine, records: int) -> Anchor:
    trail = SqlAuditTrail(engine=engine, key=KEY)
    await asyncio.gather(*(trail.record(an_entry(number)) for number in range(1, records + 1)))
    return await trail.head()


class TestRecord:
    async def test_it_is_in_the_table_when_it_is_acknowledged(
        self, trail: SqlAuditTrail, engine: AsyncEngine
    ) -> None:
        for number in (1, 2, 3):
            await trail.record(an_entry(number))
            assert await count(engine) == number
        assert (await verification_of(engine)).sound
        assert (await trail.head()).sequence == 3

    async def test_many_at_once_share_a_few_transactions(
        self, trail: SqlAuditTrail, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        write = trail._write

        async def counted(records: list[Record]) -> None:
            sizes.append(len(records))
            await write(records)

        monkeypatch.setattr(trail, "_write", counted)
        await asyncio.gather(*(trail.record(an_entry(number)) for number in range(1, 301)))
        assert sum(sizes) == 300
        assert len(sizes) <= 3
        assert (await verification_of(engine)).records == 300

    async def test_it_is_written_in_nobodys_name(
        self, trail: SqlAuditTrail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else a failure would be logged under the request that came first, long after that was answered."""
        names: list[dict[str, object]] = []

        async def write(records: list[Record]) -> None:
            names.append(get_contextvars())
            raise OSError(f"{len(records)} cannot be written")

        monkeypatch.setattr(trail, "_write", write)
        with bound_contextvars(request_id="of-the-first"), pytest.raises(AuditUnavailable):
            await trail.record(an_entry(1))
        assert names == [{}]

    async def test_one_that_cannot_be_signed_fails_alone(
        self, trail: SqlAuditTrail, engine: AsyncEngine
    ) -> None:
        outcomes = await asyncio.gather(
            trail.record(an_entry(1)), trail.record(an_entry(3, shape=object())), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), TypeError]
        assert await count(engine) == 1

    async def test_who_gives_up_waiting_does_not_keep_others_from_being_written(
        self, trail: SqlAuditTrail, engine: AsyncEngine
    ) -> None:
        leaving, staying = (asyncio.create_task(trail.record(an_entry(number))) for number in (1, 3))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
        assert (await verification_of(engine)).sound


class TestLater:
    async def test_it_waits_for_company_and_no_longer_than_a_second(
        self, trail: SqlAuditTrail, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trail.later(an_entry(1))
        await trail.record(an_entry(3))
        assert await count(engine) == 2
        monkeypatch.setattr(audit, "FLUSH_SECONDS", 0.01)
        trail.later(an_entry(5))
        async with asyncio.timeout(10):
            while await count(engine) < 3:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)

    async def test_what_waits_is_written_at_the_end(self, trail: SqlAuditTrail, engine: AsyncEngine) -> None:
        for number in range(1, 801):  # more than one batch
            trail.later(an_entry(number))
        await trail.aclose()
        report = await verification_of(engine)
        assert (report.records, report.sound, report.unanswered) == (800, True, 0)

    async def test_attempts_wait_to_be_written_when_too_much_waits_and_answers_never_wait(
        self, trail: SqlAuditTrail, monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine
    ) -> None:
        monkeypatch.setattr(audit, "WAITING_LIMIT", 2)
        await trail.record_soon(an_entry(1))
        trail.later(an_entry(2))
        assert await count(engine) == 0
        with capture_logs() as logs:
            await trail.record_soon(an_entry(3))  # with all that waits
            assert await count(engine) == 3
            for number in (4, 6, 8):
                trail.later(an_entry(number))
            await trail.record_soon(an_entry(5))
        assert await count(engine) == 7
        assert [(log["event"], log["waiting"]) for log in logs] == [
            ("audit.calls_slowed_down", 2)
        ]  # once a minute

    async def test_a_thousand_calls_at_once_are_slowed_down_and_none_is_refused(
        self, trail: SqlAuditTrail, engine: AsyncEngine
    ) -> None:
        async def call(number: int) -> None:
            await trail.record_soon(an_entry(number))
            trail.later(an_entry(number + 1))

        calls = 2 * audit.WAITING_LIMIT
        with capture_logs():
            await asyncio.gather(*(call(number) for number in range(1, 2 * calls, 2)))
        await trail.aclose()
        report = await verification_of(engine)
        assert (report.records, report.unanswered, report.sound) == (2 * calls, 0, True)

    async def test_who_waits_too_long_to_be_written_is_refused(
        self, trail: SqlAuditTrail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = asyncio.Event()

        async def hangs(records: object) -> None:
            await release.wait()

        monkeypatch.setattr(audit, "PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(audit, "WAITING_LIMIT", 1)
        monkeypatch.setattr(trail, "_write", hangs)
        await trail.record_soon(an_entry(1))
        with capture_logs(), pytest.raises(AuditUnavailable):
            await trail.record_soon(an_entry(3))
        release.set()


class TestOutage:
    @pytest.fixture
    async def broken(self) -> AsyncIterator[SqlAuditTrail]:
        engine = connect_database("postgresql://nobody@127.0.0.1:1/nothing")
        yield SqlAuditTrail(engine=engine, key=KEY)
        await engine.dispose()

    async def test_without_a_database_a_record_is_refused(self, broken: SqlAuditTrail) -> None:
        with capture_logs(), pytest.raises(AuditUnavailable):
            await broken.record(an_entry())

    async def test_a_database_that_is_gone_is_asked_at_intervals_however_much_waits(
        self, broken: SqlAuditTrail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "FLUSH_SECONDS", 0.25)
        with capture_logs() as logs:
            for number in range(1, 2 * (audit.BATCH + 1), 2):
                await broken.record_soon(an_entry(number))
            await asyncio.sleep(1)
            asked = [log["event"] for log in logs].count("audit.not_written")
            await broken.aclose()
        assert 1 <= asked <= 4

    async def test_what_could_not_be_written_at_the_end_is_counted_in_the_log(
        self, broken: SqlAuditTrail
    ) -> None:
        with capture_logs() as logs:
            broken.later(an_entry(1))
            broken.later(an_entry(2))
            await broken.aclose()
        (lost,) = [log for log in logs if log["event"] == "audit.entries_lost"]
        assert lost["entries"] == 2

    async def test_entries_that_can_wait_outlast_it(
        self, trail: SqlAuditTrail, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def out(records: object) -> None:
            raise OSError

        with capture_logs(), monkeypatch.context() as outage:
            outage.setattr(trail, "_write", out)
            trail.later(an_entry(1))
            with pytest.raises(AuditUnavailable):
                await trail.record(an_entry(3))
        await trail.record(an_entry(5))
        trail.later(an_entry(2))
        await trail.aclose()
        kept = [link.record async for link in links(engine, until=9)]
        assert [entry_of(record).call_id for record in kept] == ["call-1", "call-3", "call-1"]

    async def test_who_waits_too_long_is_refused(
        self, trail: SqlAuditTrail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = asyncio.Event()

        async def hangs(records: object) -> None:
            await release.wait()

        monkeypatch.setattr(audit, "PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(trail, "_write", hangs)
        with pytest.raises(AuditUnavailable):
            await trail.record(an_entry())
        release.set()

    async def test_who_was_refused_leaves_nothing_behind(
        self, trail: SqlAuditTrail, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A database that hangs must not fill the memory meanwhile, nor count those refused among what waits."""
        release = asyncio.Event()

        async def hangs(records: object) -> None:
            await release.wait()

        with monkeypatch.context() as outage:
            outage.setattr(audit, "WAITING_LIMIT", 2)
            outage.setattr(audit, "PATIENCE_SECONDS", 0.01)
            outage.setattr(trail, "_write", hangs)
            for number in range(1, 9, 2):
                with pytest.raises(AuditUnavailable):
                    await trail.record(an_entry(number))
            trail.later(an_entry(9))
            release.set()
        await trail.aclose()
        assert await count(engine) == 1


async def test_processes_that_write_at_once_extend_one_chain_without_fork_or_gap(engine: AsyncEngine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    program = (sys.executable, "-m", "tests.integration.audit_writer", url, "60")
    processes = [await asyncio.create_subprocess_exec(*program, cwd=ROOT) for _ in range(2)]
    assert [await process.wait() for process in processes] == [0, 0]
    report = await verification_of(engine)
    assert (report.records, report.head.sequence, report.sound) == (120, 120, True)


async def test_trails_that_write_at_once_extend_one_chain(engine: AsyncEngine) -> None:
    trails = [SqlAuditTrail(engine=engine, key=KEY) for _ in range(4)]
    await asyncio.gather(*(trail.record(an_entry(number)) for number in range(1, 26) for trail in trails))
    report = await verification_of(engine)
    assert (report.records, report.sound) == (100, True)


async def test_trails_of_two_processes_that_write_in_turn_extend_one_chain(engine: AsyncEngine) -> None:
    """Each finds that the chain has grown since it wrote last, also by fewer records than it brings."""
    one, other = (ChainWriter(engine=engine, key=KEY) for _ in range(2))
    for records in (1, 3, 1, 5, 2):
        await one.append(some_records(1))
        await other.append(some_records(records))
    report = await verification_of(engine)
    assert (report.records, report.head.sequence, report.sound) == (17, 17, True)


async def test_a_chain_that_grows_at_every_try_is_locked_first(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ChainWriter(engine=engine, key=KEY)
    append_to = writer._append_to

    async def after_another(known: Anchor, records: Sequence[Record]) -> tuple[Anchor, bool]:
        await ChainWriter(engine=engine, key=KEY).append(some_records(1))
        return await append_to(known, records)

    monkeypatch.setattr(writer, "_append_to", after_another)
    await writer.append(some_records(2))
    report = await verification_of(engine)
    assert report.sound
    assert report.records == 2 + (chain_append.TRIES if engine.dialect.name == "postgresql" else 0)


async def test_a_database_that_was_restored_under_a_running_process_gets_no_gap(engine: AsyncEngine) -> None:
    writer = ChainWriter(engine=engine, key=KEY)
    await writer.append(some_records(4))
    async with engine.begin() as connection:
        await take_the_fence_down(connection)
        await connection.execute(text("DELETE FROM audit_records WHERE sequence > 2"))
    await writer.append(some_records(2))
    report = await verification_of(engine)
    assert (report.records, report.head.sequence, report.sound) == (4, 4, True)


@pytest.mark.postgres
async def test_on_postgresql_records_are_one_statement_and_one_commit(postgresql_engine: AsyncEngine) -> None:
    writer, other = (ChainWriter(engine=postgresql_engine, key=KEY) for _ in range(2))
    await writer.append(some_records(1))
    with recorded_traffic() as traffic:
        await writer.append(some_records(1))
        await writer.append(some_records(7))
        assert traffic.counts() | {"statements": 2, "commits": 2, "rollbacks": 0} == traffic.counts()
        await other.append(some_records(1))
        traffic.clear()
        await writer.append(some_records(1))  # finds that the chain has grown
        assert len(traffic.statements) == 2


def some_records(number: int) -> list[Record]:
    return [record_of(an_entry(one), KEY) for one in range(1, number + 1)]


class TestReading:
    async def test_pages_follow_one_another(
        self, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.database.audit_reading.PAGE", 3)
        await filled(engine, 9)
        assert [link.sequence async for link in links(engine, until=9)] == list(range(1, 10))
        assert [link.sequence async for link in links(engine, after=2, until=7)] == [3, 4, 5, 6, 7]

    async def test_a_checkouts_records_are_found(self, engine: AsyncEngine) -> None:
        await filled(engine, 9)
        assert [link.sequence for link in await of_checkout(engine, "checkout_1")] == [3, 4, 9]

    async def test_a_part_is_found_by_time_and_sound_by_itself(self, engine: AsyncEngine) -> None:
        await filled(engine, 9)
        since, until = NOON + timedelta(seconds=3), NOON + timedelta(seconds=7)
        before, last = await span(engine, since=since, until=until)
        assert (before.sequence, last) == (2, 6)
        reader = ChainVerifier([KEY], after=before)
        async for link in links(engine, after=before.sequence, until=last):
            reader.read(link)
        assert reader.end().sound
        assert await span(engine, since=NOON + timedelta(days=1)) == (Anchor(sequence=0, mac="0" * 64), 0)


CHANGES = (
    "UPDATE audit_records SET record = '{}'",
    "UPDATE audit_records SET sequence = sequence + 1",
    "DELETE FROM audit_records",
    "DELETE FROM audit_records WHERE sequence = 3",
)


# What more PostgreSQL has to offer.
MORE_CHANGES = (
    "TRUNCATE audit_records",
    "INSERT INTO audit_records SELECT * FROM audit_records ON CONFLICT (sequence) DO UPDATE SET record = '{}'",
    "SELECT * FROM audit_records FOR UPDATE",
    "ALTER TABLE audit_records DISABLE TRIGGER USER",
    "DROP TABLE audit_records",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_records EXECUTE FUNCTION only_added_to()",
    "UPDATE alembic_version SET version_num = '0'",
)


class TestOnlyAddedTo:
    @pytest.mark.parametrize("change", CHANGES)
    async def test_triggers_refuse_even_the_owner(self, engine: AsyncEngine, change: str) -> None:
        await filled(engine, 3)
        with pytest.raises(DBAPIError, match="only added to"):
            await run(engine, change)
        assert await count(engine) == 3

    async def test_sqlite_refuses_to_replace(self, sqlite_engine: AsyncEngine) -> None:
        await filled(sqlite_engine, 3)
        replace = "INSERT OR REPLACE INTO audit_records SELECT 2, at, checkout_id, record, mac FROM audit_records WHERE sequence = 1"
        with pytest.raises(DBAPIError, match="only added to"):
            await run(sqlite_engine, replace)

    @pytest.mark.postgres
    async def test_postgresql_refuses_to_truncate(self, postgresql_engine: AsyncEngine) -> None:
        await filled(postgresql_engine, 3)
        with pytest.raises(DBAPIError, match="only added to"):
            await run(postgresql_engine, "TRUNCATE audit_records")


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@contextmanager
def a_role(server_url: str) -> Iterator[str]:
    """A role of the test's own on the server, that may log in and owns nothing."""
    name = f"frontdoor_test_{uuid4().hex[:12]}"
    run_sql(server_url, f"CREATE ROLE {name} LOGIN PASSWORD 'synthetic'")
    try:
        yield name
    finally:
        run_sql(server_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@pytest.mark.postgres
class TestRoles:
    @pytest.fixture
    async def application(self, empty_postgres_url: str) -> AsyncIterator[AsyncEngine]:
        """The database as the application's role sees it, migrated by another; triggers off, so that rights decide."""
        with a_role(empty_postgres_url) as role:
            await migrate(empty_postgres_url, role=role)
            run_sql(empty_postgres_url, "ALTER TABLE audit_records DISABLE TRIGGER USER")
            address = make_url(empty_postgres_url).set(username=role, password="synthetic")
            engine = connect_database(address.render_as_string(hide_password=False))
            yield engine
            await engine.dispose()

    async def test_the_applications_role_adds_and_reads(self, application: AsyncEngine) -> None:
        await filled(application, 5)
        assert (await verification_of(application)).records == 5

    async def test_and_may_do_nothing_else_with_the_trail(self, application: AsyncEngine) -> None:
        await filled(application, 3)
        for change in (*CHANGES, *MORE_CHANGES):
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                await run(application, change)
        assert await count(application) == 3

    async def test_it_may_use_every_other_table(self, application: AsyncEngine) -> None:
        async with application.begin() as connection:
            for table in metadata.sorted_tables:
                if table is not audit_records:
                    await connection.execute(table.delete())
            await connection.execute(
                text("SELECT nextval(pg_get_serial_sequence('checkout_events', 'sequence'))")
            )

    async def test_the_owner_itself_is_left_no_more_until_it_takes_it(self, empty_postgres_url: str) -> None:
        with a_role(empty_postgres_url) as owner:
            database = make_url(empty_postgres_url).database
            run_sql(
                empty_postgres_url,
                "CREATE EXTENSION btree_gist",
                f"ALTER DATABASE {database} OWNER TO {owner}",
            )
            address = make_url(empty_postgres_url).set(username=owner, password="synthetic")
            url = address.render_as_string(hide_password=False)
            await migrate(url)
            engine = connect_database(url)
            await filled(engine, 3)
            with pytest.raises(DBAPIError, match="permission denied"):
                await run(engine, "DELETE FROM audit_records")
            await engine.dispose()
            run_sql(empty_postgres_url, f"ALTER DATABASE {database} OWNER TO CURRENT_USER")


def tampers(random: Random, records: int) -> list[tuple[str, ...]]:
    """Statements that somebody runs who owns the database: each list makes one change."""
    one, other = random.sample(range(1, records + 1), 2)
    where = f"WHERE sequence = {one}"
    return [
        (f"UPDATE audit_records SET at = at || 'x' {where}",),
        (f"UPDATE audit_records SET checkout_id = 'checkout_7' {where}",),
        (f"UPDATE audit_records SET record = replace(record, '\"attempt\":1', '\"attempt\":2') {where}",),
        (f"UPDATE audit_records SET mac = '{'0' * 64}' {where}",),
        (f"UPDATE audit_records SET sequence = {records + 5} {where}",),
        (f"DELETE FROM audit_records {where}",),
        (f"DELETE FROM audit_records WHERE sequence >= {one}",),
        (
            f"UPDATE audit_records SET sequence = -1 {where}",
            f"UPDATE audit_records SET sequence = {one} WHERE sequence = {other}",
            f"UPDATE audit_records SET sequence = {other} WHERE sequence = -1",
        ),
        (
            f"INSERT INTO audit_records SELECT {records + 1}, at, checkout_id, record, mac FROM audit_records {where}",
        ),
    ]


async def test_whoever_takes_the_fence_down_is_found(engine: AsyncEngine) -> None:
    random, records = Random(7), 8
    kinds = len(tampers(random, records))
    for kind in range(kinds):
        async with engine.begin() as connection:
            await connection.run_sync(audit_records.drop)
            await connection.run_sync(audit_records.create)
        anchor = await filled(engine, records)
        assert (await verification_of(engine, anchor)).sound
        async with engine.begin() as connection:
            await take_the_fence_down(connection)
            for statement in tampers(random, records)[kind]:
                assert (await connection.exec_driver_sql(statement)).rowcount
        assert not (await verification_of(engine, anchor)).sound, kind


async def test_what_is_no_text_at_all_is_found(sqlite_engine: AsyncEngine) -> None:
    await filled(sqlite_engine, 3)
    async with sqlite_engine.begin() as connection:
        await take_the_fence_down(connection)
        for column in ("at", "checkout_id", "record", "mac"):
            await connection.execute(
                text(f"UPDATE audit_records SET {column} = CAST(x'ff' AS TEXT) WHERE sequence = 2")
            )
    report = await verification_of(sqlite_engine)
    assert [fault.sequence for fault in report.shown] == [2, 3]


async def take_the_fence_down(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        for trigger in ("no_update", "no_delete", "no_replace"):
            await connection.execute(text(f"DROP TRIGGER audit_records_{trigger}"))
    else:
        await connection.execute(text("ALTER TABLE audit_records DISABLE TRIGGER USER"))


async def test_a_process_that_died_between_leaves_an_attempt_without_an_answer(engine: AsyncEngine) -> None:
    dying = SqlAuditTrail(engine=engine, key=KEY)
    await dying.record(an_entry(1))
    going_on = SqlAuditTrail(engine=engine, key=KEY)
    for number in (3, 4):
        await going_on.record(an_entry(number))
    report = await verification_of(engine)
    assert report.sound
    assert (report.unanswered, report.unanswered_at) == (1, [1])
