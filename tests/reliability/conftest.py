"""Fixtures of the tests with real processes."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.runtime import composition
from integrations.database.engine import connect_database
from tests.plugins.databases import emptied
from tests.plugins.discovery import outside_the_loop
from tests.plugins.stack import FIRST_PROOFS_SECONDS
from tests.reliability.database import Database
from tests.reliability.practice import Practice, a_practice
from tests.reliability.processes import Nursery, Running, a_nursery

Open = Callable[..., Awaitable[Practice]]


@pytest.fixture(autouse=True)
def every_key_is_proved_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer in this process starts with every clinician offered, however slow the machine."""
    monkeypatch.setattr(composition, "FIRST_PROOFS_SECONDS", FIRST_PROOFS_SECONDS)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with a_nursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def emulator_process(nursery: Nursery) -> Running:
    return outside_the_loop(nursery.emulator())


@pytest.fixture
async def sqlite_database(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = shutil.copy(migrated_sqlite, tmp_path / "frontdoor.sqlite3")
    engine = connect_database(f"sqlite:///{path}")
    yield Database(url=f"sqlite:///{path}", engine=engine)
    await engine.dispose()


@pytest.fixture
async def postgresql_database(postgres_url: str) -> AsyncIterator[Database]:
    async with emptied(postgres_url) as engine:
        yield Database(url=postgres_url, engine=engine)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    made: Database = request.getfixturevalue(f"{request.param}_database")
    return made


@pytest.fixture
async def practice_on(nursery: Nursery, emulator_process: Running) -> AsyncIterator[Open]:
    """Opens a freshly seeded practice on a database."""
    async with AsyncExitStack() as exits:

        async def open_on(database: Database, **more: str) -> Practice:
            return await exits.enter_async_context(a_practice(nursery, emulator_process, database, **more))

        yield open_on


@pytest.fixture
async def practice(practice_on: Open, database: Database) -> Practice:
    return await practice_on(database)
