import asyncio
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import CheckoutState
from booking.refusals import SlotTaken
from integrations.database.checkout_rows import to_row
from integrations.database.engine import connect_database
from integrations.database.migrations import configuration, migrate, ready
from integrations.database.tables import metadata
from integrations.database.tables.checkouts import checkouts
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.change_samples import a_reschedule, added_change
from tests.integration.database_samples import NOON, SEALER, a_checkout, a_slot, added

DEFINITIONS = {
    "sqlite": "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name != 'alembic_version'"
    " AND sql IS NOT NULL",
    "postgresql": """
        SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
          AND tablename != 'alembic_version'
        UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace AND conrelid != 'alembic_version'::regclass
        UNION ALL SELECT 'column ' || table_name || '.' || column_name, data_type || is_nullable
          FROM information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version'
    """,
}


def drift(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def definitions(connection: Connection) -> dict[str, str]:
    """Everything that the database enforces, by name, with its spacing and quotes taken out."""
    rows = connection.execute(text(DEFINITIONS[connection.dialect.name]))
    return {
        name: _parts(re.sub(r"[\s\"]+", " ", sql).replace("( ", "(").replace(" )", ")")) for name, sql in rows
    }


def _parts(sql: str) -> str:
    """A table's definition with its parts in order: SQLite keeps an added column behind the key, and it is the same table."""
    head, found, rest = sql.partition("(")
    if not sql.startswith("CREATE TABLE") or not found:
        return sql
    parts = re.split(r", (?![^(]*\))", rest.removesuffix(")"))
    return f"{head}({', '.join(sorted(parts))})"


def made_anew(connection: Connection) -> dict[str, str]:
    """The same for tables made from the metadata in the place of the migrated ones."""
    metadata.drop_all(connection)
    metadata.create_all(connection)
    return definitions(connection)


async def test_the_migrated_tables_are_those_that_the_program_knows(database_url: str) -> None:
    await migrate(database_url)
    engine = connect_database(database_url)
    async with engine.begin() as connection:
        assert await connection.run_sync(drift) == []
        migrated = await connection.run_sync(definitions)
        assert migrated == await connection.run_sync(made_anew)
        assert len(migrated) > 10
    await engine.dispose()


def test_whoever_imports_the_metadata_alone_has_every_table(migrated_sqlite: Path) -> None:
    """In a process of its own: in this one, other imports have made up for what the package forgot."""
    named = "from integrations.database.tables import metadata; print(*metadata.tables)"
    alone = subprocess.run([sys.executable, "-c", named], capture_output=True, text=True, check=True)
    with closing(sqlite3.connect(migrated_sqlite)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    migrated = {name for (name,) in rows} - {"alembic_version", "sqlite_sequence"}
    assert set(alone.stdout.split()) == migrated


async def test_a_second_run_changes_nothing(database_url: str) -> None:
    await migrate(database_url)
    engine = connect_database(database_url)
    async with sql_unit_of_work(engine, SEALER)() as unit:
        await unit.checkouts.add(a_checkout())
        await unit.commit()
    async with engine.connect() as connection:
        before = await connection.run_sync(definitions)
    await migrate(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(definitions) == before
        assert await connection.scalar(text("SELECT count(*) FROM checkouts")) == 1
    await engine.dispose()


async def test_concurrent_starts_migrate_once(database_url: str) -> None:
    await asyncio.gather(*(migrate(database_url) for _ in range(5)))
    engine = connect_database(database_url)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    assert await ready(engine)
    await engine.dispose()


async def test_a_failed_migration_leaves_nothing(database_url: str) -> None:
    engine = connect_database(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE holds (in_the_way int)"))  # the third of the four
    with pytest.raises(Exception, match="already exists"):
        await migrate(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["holds"]
    await engine.dispose()


def test_the_migrations_are_one_line() -> None:
    assert len(ScriptDirectory.from_config(configuration()).get_heads()) == 1


class TestReady:
    async def test_not_before_the_migration(self, database_url: str) -> None:
        engine = connect_database(database_url)
        assert not await ready(engine)
        await migrate(database_url)
        assert await ready(engine)
        await engine.dispose()

    async def test_with_tables_newer_than_the_program(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'newer.sqlite3'}"
        await migrate(url)
        engine = connect_database(url)
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
        assert await ready(engine)
        await engine.dispose()

    async def test_not_without_a_server(self) -> None:
        engine = connect_database("postgresql://nobody@127.0.0.1:1/nothing")
        assert not await ready(engine)
        await engine.dispose()


def _to_revision(connection: Connection, revision: str) -> None:
    command.upgrade(configuration(connection), revision)


# A claim as the version before writes it.
CLAIMED_BEFORE = (
    "INSERT INTO slot_claims (checkout_id, clinician_id, starts_at, ends_at) SELECT '{checkout}', clinician_id, starts_at, ends_at"
    " FROM checkouts WHERE id = '{checkout}' ON CONFLICT DO NOTHING"
)


class TestClaimsOfReschedules:
    """0016, which lets a reschedule own a slot claim, while checkouts are in flight."""

    @staticmethod
    async def stored_before(database_url: str) -> AsyncEngine:
        """A database of the version before, with a checkout in flight that has its claim."""
        engine = connect_database(database_url)
        row = to_row(a_checkout(state=CheckoutState.CHARGE_INTENDED), SEALER)
        async with engine.begin() as connection:
            await connection.run_sync(_to_revision, "0015")
            await connection.execute(insert(checkouts).values(row))
            await connection.execute(text(CLAIMED_BEFORE.format(checkout="checkout_1")))
        return engine

    async def test_keeps_the_claims_of_checkouts_in_flight(self, database_url: str) -> None:
        engine = await self.stored_before(database_url)
        await migrate(database_url)
        units = sql_unit_of_work(engine, SEALER)
        with pytest.raises(SlotTaken):
            await added_change(units, a_reschedule(to=a_checkout().slot))
        async with units() as unit:
            await unit.claims.take(a_checkout())  # still its own
            await unit.claims.release("checkout_1")
            await unit.commit()
        await added_change(units, a_reschedule(to=a_checkout().slot))
        await engine.dispose()

    @pytest.mark.postgres
    async def test_the_version_before_goes_on_claiming_and_is_kept_from_what_a_reschedule_has(
        self, empty_postgres_url: str
    ) -> None:
        engine = await self.stored_before(empty_postgres_url)
        await migrate(empty_postgres_url)
        units = sql_unit_of_work(engine, SEALER)
        tomorrow = a_slot(start=NOON + timedelta(days=1))
        await added(units, a_checkout("checkout_2", slot=tomorrow))
        later = a_slot(start=NOON + timedelta(days=2))
        await added(units, a_checkout("checkout_3", slot=later))
        await added_change(units, a_reschedule(to=tomorrow))
        async with engine.begin() as connection:
            written = [
                (await connection.execute(text(CLAIMED_BEFORE.format(checkout=name)))).rowcount
                for name in ("checkout_2", "checkout_3")
            ]
        assert written == [0, 1]
        await engine.dispose()

    async def test_goes_back_without_what_the_version_before_cannot_carry_on(self, database_url: str) -> None:
        engine = await self.stored_before(database_url)
        async with engine.connect() as connection:
            before = await connection.run_sync(definitions)
        await migrate(database_url)
        await added_change(sql_unit_of_work(engine, SEALER), a_reschedule())
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: command.downgrade(configuration(sync), "0015"))
            assert await connection.run_sync(definitions) == before
            claims = (await connection.execute(text("SELECT checkout_id FROM slot_claims"))).scalars().all()
        assert claims == ["checkout_1"]
        await migrate(database_url)
        await engine.dispose()
