"""Exit codes and output of commands that monitoring systems run."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

# The exit codes of monitoring plugins (Nagios): OK, warning, critical, unknown.
FINE, WARNING, CRITICAL, UNKNOWN = range(4)


def exit_with(
    code: int, status: str, findings: Mapping[str, object], lines: Sequence[str], *, as_json: bool
) -> NoReturn:
    """Prints the findings, as JSON with the `status` or as `lines` for people, and exits with the code."""
    click.echo(json.dumps({"status": status, **findings}, indent=2) if as_json else "\n".join(lines))
    sys.exit(code)


def give_up(problem: str, *, as_json: bool) -> NoReturn:
    """Prints the problem and exits with UNKNOWN: the check could not be made."""
    click.echo(json.dumps({"status": "unknown", "problem": problem}) if as_json else problem)
    sys.exit(UNKNOWN)
