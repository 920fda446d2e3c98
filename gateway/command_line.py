"""The command line: `frontdoor COMMAND`. Each command imports what it needs, so that none is slow for another's sake."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.audit import audit
from gateway.commands.checkouts import checkouts, clinicians
from gateway.commands.endpoints import endpoints
from gateway.commands.handlers import handlers
from gateway.commands.upstream import upstream
from gateway.commands.webhooks import webhooks
from gateway.tether import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.settings import Settings

GATEWAY_PORT = 8000
EMULATOR_PORT = 8010

_PORT = click.IntRange(0, 65535)


def _tied(_context: click.Context, _option: click.Parameter, given: bool) -> bool:
    """Tie this process to its parent: before it loads anything, which takes seconds on a busy machine."""
    if given:
        end_with_parent()
    return given


_until_stdin_closes = click.option(
    "--until-stdin-closes",
    is_flag=True,
    hidden=True,
    callback=_tied,
    help="End with the process that started this one.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="frontdoor", message="frontdoor %(version)s")
def main() -> None:
    """Frontdoor: the patient-side gateway for practices that run on Healthie."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=GATEWAY_PORT, show_default=True, type=_PORT)
@_until_stdin_closes
def serve(host: str, port: int, until_stdin_closes: bool) -> None:  # noqa: ARG001  # see `_tied`
    """Run the gateway: the GraphQL API."""
    import uvicorn

    from gateway.app import create_app
    from gateway.sockets.rules import LONGEST_MESSAGE
    from gateway.trusted_documents import ManifestInvalid

    settings = _settings()
    with _clean_errors(ManifestInvalid):
        app = create_app(settings)
    # What has been imported stays: looking through all of it for garbage stops everybody for a tenth of a second. The little
    # that is left is looked through more often than Python would, since what has gathered costs as long as there is of it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 4)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,  # messages are small, and a compressor for each socket is not
    )


@main.command()
@click.option(
    "--heartbeat",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="A file that is touched whenever the worker has found the database: for health checks.",
)
@_until_stdin_closes
def worker(heartbeat: Path | None, until_stdin_closes: bool) -> None:  # noqa: ARG001  # see `_tied`
    """Run a worker: goes on with checkouts that are due, and clears away what has run out."""
    from gateway.commands.common import prove_database
    from gateway.composition import compose

    settings = _settings()

    async def run() -> None:
        stop = _stop_event()
        await prove_database(settings)
        async with compose(settings) as system:
            await system.worker().run(stop, beat=heartbeat.touch if heartbeat else None)

    asyncio.run(run())


@main.command()
def migrate() -> None:
    """Bring the database's tables up to date; safe to run again, and at the same time elsewhere."""
    from integrations.database.migrations import DatabaseUnusable
    from integrations.database.migrations import migrate as migrate_database

    settings = _settings()
    with _clean_errors(DatabaseUnusable):
        asyncio.run(migrate_database(settings.database_url, role=settings.database_role))
    click.echo("The database is up to date.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=EMULATOR_PORT, show_default=True, type=_PORT)
@click.option(
    "--seed", default=1, show_default=True, help="The same seed and requests give the same answers."
)
@_until_stdin_closes
def emulator(host: str, port: int, seed: int, until_stdin_closes: bool) -> None:
    """Run the Healthie emulator, an independent program."""
    arguments = ["--host", host, "--port", str(port), "--seed", str(seed)]
    if until_stdin_closes:
        arguments.append("--until-stdin-closes")
    os.execv(sys.executable, [sys.executable, "-m", "integrations.healthie_emulator", *arguments])  # noqa: S606  # ourselves


@main.command()
@click.option("--gateway-port", default=GATEWAY_PORT, show_default=True, type=_PORT)
@click.option("--emulator-port", default=EMULATOR_PORT, show_default=True, type=_PORT)
def dev(gateway_port: int, emulator_port: int) -> None:
    """Run emulator, gateway and worker on SQLite until Ctrl-C; every start is a fresh practice."""
    from gateway.development import run_until_stopped
    from gateway.local_stack import StackError

    with tempfile.TemporaryDirectory(prefix="frontdoor-dev-") as directory, _clean_errors(StackError):
        asyncio.run(
            run_until_stopped(
                directory=Path(directory),
                gateway_port=gateway_port,
                emulator_port=emulator_port,
                stop=_stop_event,
            )
        )


@main.command()
def demo() -> None:
    """Play a patient's whole journey against a stack of its own; exits 0 only if all held."""
    from gateway.demo import play
    from gateway.local_stack import StackError

    with tempfile.TemporaryDirectory(prefix="frontdoor-demo-") as directory, _clean_errors(StackError):
        sys.exit(asyncio.run(play(Path(directory))))


@main.command()
def schema() -> None:
    """Print the public GraphQL schema."""
    from gateway.graphql import print_sdl

    click.echo(print_sdl(), nl=False)


@main.command()
@click.option("--patient", help="The patient's id in Healthie.")
@click.option("--staff", help="Any name for a member of the practice's staff.")
@click.option("--operator", help="Any name for somebody who runs Frontdoor for the practice.")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 60))
def token(minutes: int, **people: str | None) -> None:
    """Issue a development token for one person, good for `frontdoor dev`; refused in production."""
    from datetime import timedelta

    from gateway.settings import TokenSettings
    from gateway.tokens import ROLES, DevelopmentTokensRefused, issue_development_token

    named = [(role, name) for role, name in people.items() if name is not None]
    if len(named) != 1:
        raise click.UsageError("Name one person: --patient, --staff or --operator.")
    ((role, name),) = named
    with _clean_errors(DevelopmentTokensRefused):
        click.echo(
            issue_development_token(
                TokenSettings(), name, kind=ROLES[role], lifetime=timedelta(minutes=minutes)
            )
        )


@main.group()
def documents() -> None:
    """Trusted documents: those that your apps were built with."""


@documents.command()
@click.argument("manifest", type=click.Path(path_type=Path))
def check(manifest: Path) -> None:
    """Hold a manifest against the schema and its limits; exits 0 only if every document would be answered."""
    from gateway.graphql import build_schema
    from gateway.manifests import faults_of
    from gateway.trusted_documents import ManifestInvalid, read_manifest

    with _clean_errors(ManifestInvalid):
        texts = read_manifest(manifest)
    faults = faults_of(texts, build_schema().documents)
    for name, fault in faults:
        click.echo(f"{name}: {fault}", err=True)
    if faults:
        raise click.ClickException(
            f"{len({name for name, _ in faults})} of {len(texts)} documents would be refused."
        )
    click.echo(f"All {len(texts)} documents would be answered.")


def _settings() -> "Settings":
    from gateway.commands.starting import settings_of_process

    return settings_of_process()


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C and by SIGTERM; to be made inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


@contextlib.contextmanager
def _clean_errors(kind: type[Exception]) -> "Iterator[None]":
    """Show an expected error as its text, without a traceback."""
    try:
        yield
    except kind as error:
        raise click.ClickException(str(error)) from error


main.add_command(audit)
main.add_command(checkouts)
main.add_command(clinicians)
main.add_command(endpoints)
main.add_command(handlers)
main.add_command(upstream)
main.add_command(webhooks)

if __name__ == "__main__":
    main()
