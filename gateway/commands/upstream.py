"""`frontdoor upstream check`: detects drift between Healthie's schema and our contract."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from booking.errors import UpstreamUnavailable
from booking.pacing import LearnedPace
from booking.sync.drift import ApiVersion, DriftReport, Severity
from gateway.commands.common import operator, prove_database, with_a_hint
from gateway.commands.monitoring import CRITICAL, FINE, WARNING, exit_with, give_up

if TYPE_CHECKING:
    from gateway.settings import Settings

_STATUS = {FINE: "fine", WARNING: "warning", CRITICAL: "breaking"}


@click.group()
def upstream() -> None:
    """Check Healthie itself."""


@upstream.command()
@click.option(
    "--sdl",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with the schema in this file instead of asking Healthie.",
)
@click.option("--api-version", help="The API version of the schema in that file; the contract's without it.")
@click.option("--json", "as_json", is_flag=True, help="For monitoring.")
def check(sdl: Path | None, api_version: str | None, as_json: bool) -> None:
    """Check Healthie's schema, versions, permissions and charges.

    Compares the schema with the contract that we depend on, tells which versions of the API are answered, and finds permissions
    that keys lack and visits that Healthie would charge again. Changes nothing.

    Exits with 0 when nothing in use has changed, 1 for what will break in future, 2 for what is broken now, 3 when the check
    cannot be made.
    """
    if api_version and not sdl:
        raise click.UsageError(
            "--api-version is of the schema in a file: name it with --sdl. FRONTDOOR_HEALTHIE_API_VERSION pins the version that is asked for."
        )
    try:
        report, pace = (_of_file(sdl, api_version), None) if sdl else _of_healthie()
    except UpstreamUnavailable as error:
        problem = (
            f"The file cannot be read as a schema: {error}"
            if sdl
            else with_a_hint(f"Healthie could not be asked: {error}")
        )
        give_up(problem, as_json=as_json)
    except click.ClickException as error:  # settings or database: its own exit code would mean a warning
        give_up(error.message, as_json=as_json)
    code = _exit_code(report)
    exit_with(code, _STATUS[code], _as_json(report, pace), _as_text(report, pace), as_json=as_json)


def _of_file(path: Path, version: str | None) -> DriftReport:
    from gateway.runtime.upstream import drift_of

    try:
        sdl = path.read_text(encoding="utf-8")
    except ValueError as error:
        raise UpstreamUnavailable(str(error)) from error
    return drift_of(sdl, version=version)


def _of_healthie() -> tuple[DriftReport, LearnedPace | None]:
    from gateway.commands.starting import settings_of_process

    return asyncio.run(_asked(settings_of_process()))


async def _asked(settings: "Settings") -> tuple[DriftReport, LearnedPace | None]:
    from booking.work_context import asked_by
    from gateway.runtime.composition import compose
    from gateway.runtime.upstream import organization_pace

    await prove_database(settings)
    async with compose(settings) as system:
        with asked_by(operator()):  # only for the check: what every start does besides is not the operator's
            report = await system.upstream.drift.check(system.clock.now().date())
        return report, await organization_pace(settings, system.foundation.shared)


def _exit_code(report: DriftReport) -> int:
    return {Severity.BREAKING: CRITICAL, Severity.WARNING: WARNING}.get(report.worst or Severity.NOTE, FINE)


def _as_json(report: DriftReport, pace: LearnedPace | None) -> dict[str, object]:
    known = {"pace": _pace_as_json(pace)} if pace else {}
    return known | {
        "version": report.version,
        "sunset": report.sunset.isoformat() if report.sunset else None,
        "days_left": report.days_left,
        "pinned": report.pinned,
        "versions": [
            {
                "version": each.name,
                "answered": each.answered,
                "usable": each.usable,
                "used": each.used,
                "sunset": each.sunset.isoformat() if each.sunset else None,
                "days_left": each.days_left,
            }
            for each in report.versions
        ],
        "findings": [{"severity": each.severity, "what": each.what} for each in report.findings],
    }


def _pace_as_json(pace: LearnedPace) -> dict[str, object]:
    refused_at = _moment(pace)
    return {
        "requests_per_second": round(pace.per_second, 2),
        "ceiling": None if pace.ceiling is None else round(pace.ceiling, 2),
        "refused_at": refused_at.isoformat(timespec="seconds") if refused_at else None,
    }


def _as_text(report: DriftReport, pace: LearnedPace | None) -> list[str]:
    lines = [f"{each.severity:<9} {each.what}" for each in report.findings]
    lines += [_version_line(each, pinned=report.pinned) for each in report.versions]
    if pace is not None:
        lines.append(_pace_line(pace))
    if report.worst is None:
        lines.append("Nothing that is in use has changed.")
    return lines


def _pace_line(pace: LearnedPace) -> str:
    parts = [f"{pace.per_second:.3g} requests a second"]
    if pace.ceiling is not None:
        parts.append(f"no more than {pace.ceiling:.3g} for now")
    refused_at = _moment(pace)
    parts.append(f"last refused on {refused_at:%Y-%m-%d %H:%M} UTC" if refused_at else "nothing was refused")
    return f"Pace of the organization key: {', '.join(parts)}."


def _moment(pace: LearnedPace) -> datetime | None:
    return datetime.fromtimestamp(pace.refused_at, UTC) if pace.refused_at else None


def _version_line(version: ApiVersion, *, pinned: bool) -> str:
    parts = ["answered" if version.answered else "not answered"]
    if version.answered and not version.usable:
        parts.append("refuses operations of ours")
    if version.used:
        parts.append("in use (pinned)" if pinned else "in use")
    if version.sunset is not None and version.answered:
        parts.append(f"ends on {version.sunset}, in {version.days_left} days")
    elif version.used and version.answered:
        parts.append("no end is known")
    return f"API version {version.name}: {', '.join(parts)}."
