"""What the commands that monitoring runs have in common: how they end."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

# What monitoring plugins have always answered: fine, warning, critical, and "I do not know".
FINE, WARNING, CRITICAL, UNKNOWN = range(4)


def exit_with(
    code: int, status: str, told: Mapping[str, object], lines: Sequence[str], *, as_json: bool
) -> NoReturn:
    """End with this exit code: what was found as JSON, under its status in a word, or in lines for people."""
    click.echo(json.dumps({"status": status, **told}, indent=2) if as_json else "\n".join(lines))
    sys.exit(code)


def give_up(problem: str, *, as_json: bool) -> NoReturn:
    """End because it cannot be told."""
    click.echo(json.dumps({"status": "unknown", "problem": problem}) if as_json else problem)
    sys.exit(UNKNOWN)
