"""`frontdoor audit …`: verifies, prints, exports and anchors the audit trail."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.common import ended, moment, note_access, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from booking.audit.chain import Anchor, Link
    from booking.audit.verification import VerificationReport
    from gateway.settings import Settings

FAULTY = 1

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """Verify, read and export the record of the calls to Healthie."""


@audit.command()
@click.option(
    "--anchors", type=_file, help="Anchors to verify against; by default those of the settings' file."
)
@click.option("--export", type=_file, help="Verify an export instead of the database.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def verify(anchors: Path | None, export: Path | None, as_json: bool) -> None:
    """Read the whole chain and report where it was changed. Exits 0 when it is sound, 1 when not, 2 for wrong usage."""
    from booking.errors import InvalidInput
    from gateway.commands.starting import settings_of_process
    from integrations.anchors import anchors_in

    settings = settings_of_process()
    kept = anchors or settings.audit_anchor_file
    try:
        known = tuple(anchors_in(kept)) if kept is not None and kept.exists() else ()
        report = _verify_export(settings, export, known) if export else _verify_database(settings, known)
    except InvalidInput as error:
        raise click.ClickException(error.reason) from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
    if kept is not None and not kept.exists() and not as_json:
        click.echo(f"There is no {kept}: nothing was anchored there yet, or it was taken away.")
    click.echo(json.dumps(_as_json(report)) if as_json else "\n".join(_as_text(report)))
    if not report.sound:
        raise SystemExit(FAULTY)


@audit.command()
@click.option("--checkout", "checkout_id", required=True, help="The checkout whose calls to print.")
def show(checkout_id: str) -> None:
    """Print the history of a checkout's calls, in order. That you looked is recorded."""
    from gateway.commands.starting import settings_of_process
    from integrations.database.audit_reading import of_checkout

    settings = settings_of_process()

    async def print_calls(engine: "AsyncEngine") -> None:
        found = await of_checkout(engine, checkout_id)
        if not found:
            raise click.ClickException("The trail knows of no such checkout.")
        await note_access(settings, engine, "audit show", checkout_id=checkout_id)
        for link in found:
            click.echo(f"{link.sequence:>9}  {_entry(link)}")

    asyncio.run(with_database(settings, print_calls))


@audit.command()
@click.option("--since", type=click.DateTime(), help="From this moment on, in UTC.")
@click.option("--until", type=click.DateTime(), help="Before this moment, in UTC.")
def export(since: datetime | None, until: datetime | None) -> None:
    """Write records to standard output as JSON lines.

    Each has its macs, so `verify --export` needs no database. The export itself is recorded.
    """
    from booking.audit.export import line_of
    from gateway.commands.starting import settings_of_process
    from integrations.database.audit_reading import links, span

    settings = settings_of_process()

    async def write(engine: "AsyncEngine") -> None:
        await note_access(settings, engine, "audit export")
        before, last = await span(engine, since=_utc(since), until=_utc(until))
        previous = before.mac
        async for link in links(engine, after=before.sequence, until=last):
            click.echo(line_of(link, previous=previous))
            previous = link.mac

    asyncio.run(with_database(settings, write))


@audit.command()
def anchor() -> None:
    """Write an anchor of the audit chain.

    It goes to the log, and to the file that the settings name. A worker does so every minute.
    """
    from gateway.clock import SystemClock
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.audit import Anchoring, anchor_sinks, audit_keys
    from integrations.database.audit import SqlAuditTrail

    settings = settings_of_process()

    async def take(engine: "AsyncEngine") -> "Anchor":
        trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
        return await Anchoring(trail=trail, sinks=anchor_sinks(settings), clock=SystemClock()).take()

    taken = asyncio.run(with_database(settings, take))
    click.echo(json.dumps(asdict(taken)))


def _verify_database(settings: "Settings", anchors: "Iterable[Anchor]") -> "VerificationReport":
    from booking.audit.verification import ChainVerifier
    from gateway.runtime.audit import audit_keys
    from integrations.database.audit_reading import links, span

    async def read(engine: "AsyncEngine") -> "VerificationReport":
        verifier = ChainVerifier(audit_keys(settings), anchors=anchors)
        _, last = await span(engine)  # records written meanwhile are left to the next run
        async for link in links(engine, until=last):
            verifier.read(link)
        return verifier.end()

    return asyncio.run(with_database(settings, read))


def _verify_export(settings: "Settings", path: Path, anchors: "Iterable[Anchor]") -> "VerificationReport":
    from booking.audit.export import links_of
    from booking.audit.verification import ChainVerifier
    from gateway.runtime.audit import audit_keys

    with path.open(encoding="utf-8", errors="replace") as lines:
        before, links = links_of(iter(lines))
        verifier = ChainVerifier(audit_keys(settings), after=before, anchors=anchors)
        for link in links:
            verifier.read(link)
    return verifier.end(whole=False)


def _as_text(report: "VerificationReport") -> list[str]:
    """The verification report as text, one line a fact."""
    lines = [f"{report.records:,} records, {report.first:,} to {report.head.sequence:,}"]
    lines += [
        f"key {key}: {use.records:,} from {use.first:,} to {use.last:,}" for key, use in report.keys.items()
    ]
    lines.append(
        f"{report.anchors:,} anchors, the last at {report.anchored:,}: "
        f"{max(0, report.head.sequence - report.anchored):,} later records could be cut off unseen"
    )
    if report.unanswered:
        first = ", ".join(map(str, report.unanswered_at))
        lines.append(
            f"{report.unanswered:,} attempts without an answer (under way, or their process died): {first}"
        )
    if report.sound:
        return [*lines, "Sound."]
    lines += [f"record {fault.sequence:,}: {fault.kind}: {fault.detail}" for fault in report.shown]
    return [*lines, f"NOT SOUND: {report.faults:,} faults, the first at record {report.bad:,}."]


def _as_json(report: "VerificationReport") -> dict[str, object]:
    return {"sound": report.sound, "first_bad": report.bad, **asdict(report)}


def _entry(link: "Link") -> str:
    from booking.audit.chain import entry_of

    try:
        entry = entry_of(link.record)
    except ValueError:
        return "no record of ours: run `frontdoor audit verify`"
    parts = [moment(entry.at), f"{entry.kind:<9}", entry.operation_kind, entry.operation, f"by {entry.actor}"]
    if entry.acting:
        parts.append(f"as {entry.acting}, key {entry.key_fingerprint}, try {entry.attempt}")
    if entry.patient:
        parts.append(f"patient {entry.patient}")
    if entry.duration_ms is not None:
        parts.append(ended(entry))
    parts += [f"request {one}" for one in (entry.request_id, entry.upstream_request_id) if one]
    return "  ".join(parts)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
