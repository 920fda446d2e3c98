"""`frontdoor upstream check`: whether Healthie is still what we were written for."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from booking.refusals import UpstreamUnavailable
from gateway.clock import SystemClock
from gateway.commands import operator

if TYPE_CHECKING:
    from booking.alerts import Watch
    from booking.ports import Clock
    from integrations.healthie.audit import CallAudit
    from integrations.healthie.upstream import Report, UpstreamCheck

# What monitoring plugins have always answered: fine, warning, critical, and "I do not know".
FINE, WARNING, BREAKING, UNKNOWN = 0, 1, 2, 3


@click.group()
def upstream() -> None:
    """Look at Healthie itself."""


@upstream.command()
@click.option(
    "--sdl",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with the schema in this file instead of asking Healthie.",
)
@click.option("--json", "as_json", is_flag=True, help="For monitoring.")
def check(sdl: Path | None, as_json: bool) -> None:
    """Compare Healthie's schema with the contract that our operations stand on.

    Exits with 0 when nothing in use changed, 1 for what will break one day, 2 for what is broken, 3 when it cannot be told.
    """
    try:
        report = _of_file(sdl) if sdl else _of_healthie()
    except UpstreamUnavailable as error:
        problem = (
            f"{'The file cannot be read as a schema' if sdl else 'Healthie could not be asked'}: {error}"
        )
        click.echo(json.dumps({"status": "unknown", "problem": problem}) if as_json else problem)
        sys.exit(UNKNOWN)
    click.echo(json.dumps(_as_json(report), indent=2) if as_json else "\n".join(_as_text(report)))
    sys.exit(_exit_code(report))


async def watch_upstream(check: "UpstreamCheck", watch: "Watch", clock: "Clock") -> None:
    """Check, and alert what is broken or will be; the same finding is told once. Raises UpstreamUnavailable."""
    from booking.oversight import Attention
    from integrations.healthie.drift import Severity

    report = await check.check(clock.now().date())
    for finding in report.findings:
        if finding.severity is not Severity.NOTE:
            await watch.raise_alert(Attention.UPSTREAM_DRIFT, finding.what)


def _of_file(path: Path) -> "Report":
    from graphql import GraphQLError, build_schema

    from integrations.healthie.upstream import compare

    try:
        return compare(build_schema(path.read_text()))
    except (GraphQLError, TypeError, ValueError) as error:
        raise UpstreamUnavailable(str(error)) from error


def _of_healthie() -> "Report":
    from booking.current import asked_by
    from gateway.audit import audit_keys, audited_calls
    from gateway.starting import settings_of_process
    from integrations.database.audit import SqlAuditTrail
    from integrations.database.engine import connect_database
    from integrations.healthie.connect import connect

    settings = settings_of_process()

    async def ask() -> "Report":
        clock, engine = SystemClock(), connect_database(settings.database_url)
        trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
        try:
            with asked_by(operator()):
                return await compared(audited_calls(settings, trail=trail, clock=clock))
        finally:
            await trail.aclose()
            await engine.dispose()

    async def compared(audit: "CallAudit") -> "Report":
        async with connect(
            url=str(settings.healthie_url),
            organization_key=settings.healthie_organization_key,
            clinician_keys={},
            declines={},
            audit=audit,
            version=settings.healthie_api_version,
            shard=settings.healthie_shard,
        ) as healthie:
            return await healthie.upstream.check(SystemClock().now().date())

    return asyncio.run(ask())


def _exit_code(report: "Report") -> int:
    from integrations.healthie.drift import Severity

    return {Severity.BREAKING: BREAKING, Severity.WARNING: WARNING}.get(report.worst or Severity.NOTE, FINE)


def _as_json(report: "Report") -> dict[str, object]:
    return {
        "status": ("fine", "warning", "breaking")[_exit_code(report)],
        "version": report.version,
        "sunset": report.sunset.isoformat() if report.sunset else None,
        "days_left": report.days_left,
        "findings": [{"severity": each.severity, "what": each.what} for each in report.findings],
    }


def _as_text(report: "Report") -> list[str]:
    lines = [f"{each.severity:<9} {each.what}" for each in report.findings]
    if report.sunset is not None:
        lines.append(
            f"API version {report.version} is answered until {report.sunset}: {report.days_left} days."
        )
    elif report.version is not None:
        lines.append(f"Healthie names no end of API version {report.version}.")
    if report.worst is None:
        lines.append("Nothing that is in use has changed.")
    return lines
