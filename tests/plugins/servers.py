"""Fixtures that give a test a real Redis or PostgreSQL with a place of its own in it.

``postgres_url``        a database that this test process owns; its tests share what is in it
``empty_postgres_url``  a database that this one test owns
``redis_url``           a server that others may use too: write below ``redis_prefix`` only, never empty it
``redis_prefix``        a key prefix that this one test owns; what is below it goes when the test ends
``database_url``        the test runs twice, with an empty SQLite file and with an empty PostgreSQL database
``temporary_redis``, ``temporary_postgres``
                        start a server that this one test owns, and may empty, kill and start again
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

from tests.plugins.discovery import discover, local_postgres, local_redis, run_sql
from tests.plugins.missing_servers import no_server
from tests.plugins.server_process import ServerUnavailableError, TemporaryServer
from tests.plugins.temporary_servers import TemporaryPostgres, TemporaryRedis

TOLD_REDIS = "FRONTDOOR_TEST_REDIS_URL"
TOLD_POSTGRES = "FRONTDOOR_TEST_POSTGRES_URL"


def start(servers: ExitStack, kind: Callable[[], TemporaryServer]) -> TemporaryServer:
    """Start a server that stops when ``servers`` closes; without the means to, skip the test."""
    try:
        server = kind()
        servers.callback(server.stop)
        server.start()
    except ServerUnavailableError as error:
        no_server(str(error))
    return server


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Make a database with a name of its own on the server, answer its URL, and drop it at the end."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"frontdoor_test_{worker}_{uuid4().hex[:12]}"
    run_sql(server_url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def own_prefix(server_url: str) -> AsyncIterator[str]:
    """Answer a key prefix that nobody else uses, and delete what is below it at the end."""
    prefix = f"frontdoor-test-{uuid4().hex[:12]}:"
    try:
        yield prefix
    finally:
        async with Redis.from_url(server_url) as redis:
            async for key in redis.scan_iter(f"{prefix}*", count=1000):
                await redis.delete(key)


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    with ExitStack() as servers:
        found = discover(
            told=os.environ.get(TOLD_POSTGRES),
            local=local_postgres,
            own=lambda: start(servers, TemporaryPostgres).url,
        )
        yield make_url(found).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    with own_database(postgres_server_url) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server_url: str) -> Iterator[str]:
    with own_database(postgres_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with ExitStack() as servers:
        yield discover(
            told=os.environ.get(TOLD_REDIS),
            local=local_redis,
            own=lambda: start(servers, TemporaryRedis).url,
        )


@pytest.fixture
async def redis_prefix(redis_url: str) -> AsyncIterator[str]:
    async with own_prefix(redis_url) as prefix:
        yield prefix


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'frontdoor.sqlite3'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def temporary_redis() -> Iterator[Callable[[], TemporaryServer]]:
    with ExitStack() as servers:
        yield lambda: start(servers, TemporaryRedis)


@pytest.fixture
def temporary_postgres() -> Iterator[Callable[[], TemporaryServer]]:
    with ExitStack() as servers:
        yield lambda: start(servers, TemporaryPostgres)
