"""What commands have in common: how they reach the database, who runs them, and how they tell things."""

import asyncio
import contextlib
import getpass
import os
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from booking.audit.model import AuditEntry
    from gateway.settings import Settings
    from integrations.database.unit_of_work import SqlUnitOfWork

    Units = Callable[[], SqlUnitOfWork]

T = TypeVar("T")

# What a checkout is called. Whatever else somebody types in its place is not for the audit trail.
_CHECKOUT_ID = re.compile(r"chk_[\w-]{1,64}")


@contextlib.contextmanager
def clean_errors(kind: type[Exception]) -> Iterator[None]:
    """Show an expected error as its text, without a traceback."""
    try:
        yield
    except kind as error:
        raise click.ClickException(str(error)) from error


async def with_database(settings: "Settings", work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    """Do it on the database of the settings; one that cannot be worked on ends the command with a clear text."""
    from integrations.database.engine import connect_database
    from integrations.database.migrations import DatabaseUnusable, prove_ready

    engine = connect_database(settings.database_url, statement_seconds=None)
    try:
        await prove_ready(engine)
        return await work(engine)
    except DatabaseUnusable as error:
        raise click.ClickException(str(error)) from error
    finally:
        await engine.dispose()


async def prove_database(settings: "Settings") -> None:
    """End the command with a clear text where the database cannot be worked on."""

    async def nothing(_: "AsyncEngine") -> None:
        """It is ready: that was all."""

    await with_database(settings, nothing)


def on_database(work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    """Run it on the database that the settings of this process name."""
    from gateway.commands.starting import settings_of_process

    return asyncio.run(with_database(settings_of_process(), work))


def on_units(
    work: "Callable[[Units], Awaitable[T]]",
    *,
    settings: "Settings | None" = None,
    command: str | None = None,
    checkout_id: str | None = None,
) -> T:
    """Run it on that database in units of work; `settings` if they have been read already.

    With a `command`, who gives it, and for which checkout, is in the audit trail before the work begins.
    """
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.sealing import sealer
    from integrations.database.unit_of_work import sql_unit_of_work

    known = settings or settings_of_process()
    named = checkout_id if checkout_id and _CHECKOUT_ID.fullmatch(checkout_id) else None

    async def do(engine: "AsyncEngine") -> T:
        if command is not None:
            await note_access(known, engine, command, checkout_id=named)
        return await work(sql_unit_of_work(engine, sealer(known)))

    return asyncio.run(with_database(known, do))


async def note_access(
    settings: "Settings", engine: "AsyncEngine", command: str, *, checkout_id: str | None = None
) -> None:
    """Record who looks or acts, before they do: without that, nothing is shown and nothing is done."""
    from booking.audit.model import AuditEntry, AuditKind
    from booking.errors import AuditUnavailable
    from gateway.runtime.audit import audit_keys
    from integrations.database.audit import SqlAuditTrail

    entry = AuditEntry(
        kind=AuditKind.ACCESSED,
        call_id=uuid.uuid4().hex,
        at=datetime.now(UTC),
        actor=operator(),
        operation=command,
        operation_kind="command",
        attempt=1,
        checkout_id=checkout_id,
    )
    trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
    try:
        await trail.record(entry)
    except AuditUnavailable as error:
        raise click.ClickException(
            "That you look, or act, cannot be recorded, so nothing is shown or done."
        ) from error
    finally:
        await trail.aclose()


def operator() -> str:
    """Who is logged in on this machine, as stories and the audit trail name them."""
    try:
        return f"operator {getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a user whom no file knows
        return f"operator uid-{os.getuid()}"


def moment(at: datetime) -> str:
    """A moment as people read it, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ended(call: "AuditEntry") -> str:
    """How a call ended, as its record says."""
    if call.duration_ms is None:
        return "no answer recorded"
    return f"{call.error or 'ok'}, HTTP {call.status or '-'}, {call.duration_ms} ms"
