"""Shared by commands: database access, the audit record of a command, and formatting."""

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
    from integrations.database.unit_of_work import Units


T = TypeVar("T")

# The form of a checkout id. Anything else that is typed in its place is not written into the audit trail.
_CHECKOUT_ID = re.compile(r"ch[kg]_[\w-]{1,64}")


@contextlib.contextmanager
def clean_errors(kind: type[Exception]) -> Iterator[None]:
    """Turns an expected error into a ClickException: its text, without a traceback."""
    try:
        yield
    except kind as error:
        raise click.ClickException(str(error)) from error


async def with_database(settings: "Settings", work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    """Runs `work` on the settings' database. Raises ClickException when the database is unreachable or not migrated."""
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
    """Raises ClickException when the database is unreachable or not migrated."""

    async def nothing(_: "AsyncEngine") -> None:
        """The check itself is all."""

    await with_database(settings, nothing)


def on_database(work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    """Runs `work` on the database of this process's settings."""
    from gateway.commands.starting import settings_of_process

    return asyncio.run(with_database(settings_of_process(), work))


def on_units(
    work: "Callable[[Units], Awaitable[T]]",
    *,
    settings: "Settings | None" = None,
    command: str | None = None,
    checkout_id: str | None = None,
) -> T:
    """Runs `work` with units of work on that database; `settings` if they have been read already.

    With a `command`, the audit trail records it, its operator and its checkout, or change, before `work` begins.
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
    """Records the command in the audit trail, before it shows or does anything. Raises ClickException when that fails."""
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


# What an operator can look at first, by the code at the end of a failed call's text.
_LOOK_AT = {
    "unauthorized": "the key is refused: has the setting the right one, and is it of this Healthie?",
    "not_sent": "nobody can be reached there: is FRONTDOOR_HEALTHIE_URL right?",
    "breaker_open": "nobody answers there: is FRONTDOOR_HEALTHIE_URL right?",
    "no_answer": "nobody answers there: is FRONTDOOR_HEALTHIE_URL right?",
    "http_404": "there is no GraphQL at that address: is FRONTDOOR_HEALTHIE_URL right?",
    "audit_unavailable": "the call cannot be recorded in the database, so it is not made",
    "rate_limited": "too many requests: try again in an hour",
    "backed_off": "too many requests: try again in an hour",
}


def with_a_hint(problem: str) -> str:
    """The text of a failed call to Healthie, with what to look at where its code tells."""
    hint = _LOOK_AT.get(problem.rpartition(" ")[2])
    return f"{problem} ({hint})" if hint else problem


def operator() -> str:
    """The operating system's user, as checkout histories and the audit trail name them."""
    try:
        return f"operator {getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a user without a passwd entry
        return f"operator uid-{os.getuid()}"


def moment(at: datetime) -> str:
    """Formats a moment: ISO 8601 in milliseconds, UTC as `Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ended(call: "AuditEntry") -> str:
    """Formats the outcome of an upstream call from its audit record."""
    if call.duration_ms is None:
        return "no answer recorded"
    return f"{call.error or 'ok'}, HTTP {call.status or '-'}, {call.duration_ms} ms"
