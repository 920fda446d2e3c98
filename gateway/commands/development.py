"""Commands for developers: `frontdoor dev`, `demo` and `token`."""

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import click

from gateway.commands.common import clean_errors
from gateway.commands.processes import EMULATOR_PORT, GATEWAY_PORT, PORT, stop_event


@click.command()
@click.option("--gateway-port", default=GATEWAY_PORT, show_default=True, type=PORT)
@click.option("--emulator-port", default=EMULATOR_PORT, show_default=True, type=PORT)
def dev(gateway_port: int, emulator_port: int) -> None:
    """Run emulator, gateway and worker on SQLite until Ctrl-C. Every start is a fresh practice."""
    from gateway.development.local_stack import StackError
    from gateway.development.running import run_until_stopped

    with tempfile.TemporaryDirectory(prefix="frontdoor-dev-") as directory, clean_errors(StackError):
        asyncio.run(
            run_until_stopped(
                directory=Path(directory),
                gateway_port=gateway_port,
                emulator_port=emulator_port,
                stop=stop_event,
            )
        )


@click.command()
def demo() -> None:
    """Play a patient's whole journey against a stack of its own. Exits 0 only if every check held."""
    from gateway.development.demo import play
    from gateway.development.local_stack import StackError

    with tempfile.TemporaryDirectory(prefix="frontdoor-demo-") as directory, clean_errors(StackError):
        sys.exit(asyncio.run(play(Path(directory))))


@click.command()
@click.option("--patient", help="The patient's id in Healthie.")
@click.option("--staff", help="Any name for a member of the practice's staff.")
@click.option("--operator", help="Any name for somebody who runs Frontdoor for the practice.")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 60))
def token(minutes: int, **people: str | None) -> None:
    """Issue a development token for one person. Good for `frontdoor dev`; refused in production."""
    from gateway.callers.tokens import ROLES, DevelopmentTokensRefused, issue_development_token
    from gateway.settings.sign_in import TokenSettings

    named = [(role, name) for role, name in people.items() if name is not None]
    if len(named) != 1:
        raise click.UsageError("Name one person: --patient, --staff or --operator.")
    ((role, name),) = named
    with clean_errors(DevelopmentTokensRefused):
        click.echo(
            issue_development_token(
                TokenSettings(), name, kind=ROLES[role], lifetime=timedelta(minutes=minutes)
            )
        )
