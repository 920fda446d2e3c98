"""``engine``: the test runs twice, on SQLite and on PostgreSQL, each migrated and with nothing in its tables."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.database.engine import connect_database
from integrations.database.migrations import migrate, migrate_engine, ready
from integrations.database.tables import metadata
from integrations.database.tables.operations import audit_records
from tests.plugins.discovery import outside_the_loop


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[AsyncEngine]:
    """Answer an engine over the migrated database, its rows deleted."""
    engine = connect_database(url)
    try:
        if not await ready(engine):
            await migrate_engine(engine)
        async with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                if table is audit_records:  # its rows cannot be deleted
                    await connection.run_sync(table.drop)
                    await connection.run_sync(table.create)
                else:
                    await connection.execute(table.delete())
        yield engine
    finally:
        await engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with nothing in it, to be copied: a copy takes a hundredth of a migration's time."""
    path = tmp_path_factory.mktemp("migrated") / "frontdoor.sqlite3"
    outside_the_loop(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
async def sqlite_engine(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    path = shutil.copyfile(migrated_sqlite, tmp_path / "frontdoor.sqlite3")
    engine = connect_database(f"sqlite:///{path}")
    yield engine
    await engine.dispose()


@pytest.fixture
async def postgresql_engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    async with emptied(postgres_url) as engine:
        yield engine


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> AsyncEngine:
    migrated: AsyncEngine = request.getfixturevalue(f"{request.param}_engine")
    return migrated
