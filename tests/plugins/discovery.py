"""Which server a test run uses: the one it is told of, else the one on the standard local port, else its own."""

import asyncio
import contextlib
import getpass
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.plugins.temporary_servers import ask_redis

LOCAL_REDIS_PORT = 6379
LOCAL_POSTGRES_PORT = 5432
CONNECT_TIMEOUT_SECONDS = 5.0

T = TypeVar("T")


def discover(*, told: str | None, local: Callable[[], str | None], own: Callable[[], str]) -> str:
    """Answer a server's URL, looking no further than it must.

    A server that the tests are told of is taken as it is: if it is down, they fail rather than use another.
    """
    return told or local() or own()


def local_redis() -> str | None:
    """Answer the URL of the Redis on its standard local port, if one answers without a password."""
    if ask_redis(LOCAL_REDIS_PORT, "PING").startswith("+PONG"):
        return f"redis://127.0.0.1:{LOCAL_REDIS_PORT}/0"
    return None


def local_postgres() -> str | None:
    """Answer the URL of the PostgreSQL on its standard local port, if we may create databases there."""
    for user in ("postgres", getpass.getuser()):
        url = f"postgresql+asyncpg://{user}@127.0.0.1:{LOCAL_POSTGRES_PORT}/postgres"
        if may_create_databases(url):
            return url
    return None


def may_create_databases(url: str) -> bool:
    """Tell whether the server behind ``url`` lets us in, and lets us make databases."""
    query = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
    with contextlib.suppress(Exception):  # whatever is wrong with it, it is not a server for us
        return bool(run_sql(url, query))
    return False


def run_sql(url: str, *statements: str) -> object:
    """Execute statements one by one, outside any transaction, and answer the last one's first value."""
    return outside_the_loop(_run_sql(url, statements))


def outside_the_loop(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` in a thread and a loop of its own: a synchronous fixture must not touch a test's loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, work).result()


async def _run_sql(url: str, statements: Iterable[str]) -> object:
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": CONNECT_TIMEOUT_SECONDS},
    )
    answer: object = None
    async with engine.connect() as connection:
        for statement in statements:
            result = await connection.execute(text(statement))
            answer = result.scalar() if result.returns_rows else None
    return answer
