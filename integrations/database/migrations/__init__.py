"""Migrations: bring a database to the newest revision, in one transaction, safe when several processes start at once."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from asyncpg import PostgresError  # type: ignore[import-untyped]
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from integrations.database.engine import connect_database, reading
from integrations.database.roles import grant_to

# The errors of a database that cannot be used; while connecting, the driver's own are not wrapped.
_FAULTS = (SQLAlchemyError, OSError, PostgresError)

# The key of the advisory lock. Any number, the same in every process: "frontdoo" in ASCII.
_LOCK = int.from_bytes(b"frontdoo", "big")


class DatabaseUnusable(Exception):
    """The database cannot be used as it is. The text says what to do, and names its address without the password."""


async def migrate(url: str, *, role: str | None = None) -> None:
    """Bring the database at the URL to the newest revision; idempotent.

    Concurrent calls wait for each other, and all of it is one transaction. `role` is the PostgreSQL role that the program runs as,
    where another one migrates: it is granted the privileges that it needs. Raises DatabaseUnusable when the database does not answer.
    """
    engine = connect_database(url, statement_seconds=None)
    try:
        await _reach(engine)
        await migrate_engine(engine, role=role)
    finally:
        await engine.dispose()


async def migrate_engine(engine: AsyncEngine, *, role: str | None = None) -> None:
    """Do what `migrate` does, over an existing engine."""
    async with engine.begin() as connection:
        await _wait_for_others(connection)
        await connection.run_sync(_upgrade)
        if role is not None:
            await grant_to(role, connection)


async def ready(engine: AsyncEngine) -> bool:
    """Whether the database answers and is at the revision that this program needs, or a newer one."""
    try:
        await prove_ready(engine)
    except DatabaseUnusable:
        return False
    return True


async def prove_ready(engine: AsyncEngine) -> None:
    """Raise DatabaseUnusable unless the database answers and is at the needed revision, or a newer one."""
    await _reach(engine)
    try:
        async with reading(engine) as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except _FAULTS:
        found = None
    if found is None or found in _outdated():
        raise DatabaseUnusable(
            "The database has not the tables of this version yet: run `frontdoor migrate`."
        )


async def _reach(engine: AsyncEngine) -> None:
    try:
        async with reading(engine) as connection:
            await connection.execute(select(1))
    except _FAULTS as error:
        url = engine.url
        place = url.database if url.host is None else f"{url.host}:{url.port or 5432}/{url.database}"
        raise DatabaseUnusable(
            f"The database at {place} does not answer, or refuses this user ({type(error).__name__})."
        ) from error


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration; the scripts are found beside this module wherever it is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def _outdated() -> frozenset[str]:
    """Revisions before the newest. An unknown revision is newer than this program: acceptable while a new version is rolled out."""
    scripts = ScriptDirectory.from_config(configuration())
    return frozenset(script.revision for script in scripts.walk_revisions()) - set(scripts.get_heads())


async def _wait_for_others(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(select(text("pg_advisory_xact_lock(:lock)").bindparams(lock=_LOCK)))
    else:
        await connection.execute(select(1))  # BEGIN IMMEDIATE is the lock, and comes with the first statement


def _upgrade(connection: Connection) -> None:
    command.upgrade(configuration(connection), "head")
