"""Commands that run Frontdoor's processes: `frontdoor serve`, `worker`, `migrate` and `emulator`."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.common import clean_errors, prove_database
from gateway.runtime.parent_watchdog import end_with_parent

if TYPE_CHECKING:
    import uvicorn

GATEWAY_PORT = 8000
EMULATOR_PORT = 8010

PORT = click.IntRange(0, 65535)


def _watch_parent(_context: click.Context, _option: click.Parameter, given: bool) -> bool:
    """Starts the parent watchdog, before anything is loaded, which takes seconds on a busy machine."""
    if given:
        end_with_parent()
    return given


_until_stdin_closes = click.option(
    "--until-stdin-closes",
    is_flag=True,
    hidden=True,
    callback=_watch_parent,
    help="End with the process that started this one.",
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=GATEWAY_PORT, show_default=True, type=PORT)
@_until_stdin_closes
def serve(host: str, port: int, until_stdin_closes: bool) -> None:  # noqa: ARG001  # see `_watch_parent`
    """Run the gateway: the GraphQL API."""
    import uvicorn

    from gateway.app import create_app
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.server import server_config, spare_the_collector
    from gateway.trusted_documents import ManifestInvalid

    settings = settings_of_process()
    _log_zone_rules()
    with clean_errors(ManifestInvalid):
        app = create_app(settings)
    spare_the_collector()
    server = uvicorn.Server(server_config(app, host=host, port=port))
    if settings.gateway_processes > 1:
        code = _served_by_several(server, settings.gateway_processes, counts_apart=settings.redis_url is None)
        sys.exit(code)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def _served_by_several(server: "uvicorn.Server", processes: int, *, counts_apart: bool) -> int:
    """Serve by forked processes; returns the exit code."""
    import structlog

    from gateway.runtime.gateway_processes import GatewayProcesses, listening_socket

    host, port = server.config.host, server.config.port
    try:
        opened = listening_socket(host, port)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[
            0
        ]  # Python adds the address, which is named already
        raise click.ClickException(f"Cannot listen at {host}:{port}: {reason}.") from error
    if counts_apart:
        log = structlog.get_logger(__name__)
        log.warning("gateway.processes_count_apart", processes=processes, missing="FRONTDOOR_REDIS_URL")
    return GatewayProcesses(lambda: server.run(sockets=[opened]), processes=processes).run()


@click.command()
@click.option(
    "--heartbeat",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="A file that is touched whenever the worker has found the database: for health checks.",
)
@_until_stdin_closes
def worker(heartbeat: Path | None, until_stdin_closes: bool) -> None:  # noqa: ARG001  # see `_watch_parent`
    """Run a worker: it drives checkouts and dispatches events.

    It resumes checkouts that are due, delivers domain events, and runs periodic tasks.
    """
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.composition import compose

    settings = settings_of_process()

    async def run() -> None:
        stop = stop_event()
        await prove_database(settings)
        _log_zone_rules()
        async with compose(settings) as system:
            await system.worker().run(stop, beat=heartbeat.touch if heartbeat else None)

    asyncio.run(run())


@click.command()
def migrate() -> None:
    """Bring the database's tables up to date. Safe to run again, and by several processes at once."""
    from gateway.commands.starting import settings_of_process
    from integrations.database.migrations import DatabaseUnusable
    from integrations.database.migrations import migrate as migrate_database

    settings = settings_of_process()
    with clean_errors(DatabaseUnusable):
        asyncio.run(migrate_database(settings.database_url, role=settings.database_role))
    click.echo("The database is up to date.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=EMULATOR_PORT, show_default=True, type=PORT)
@click.option(
    "--seed", default=1, show_default=True, help="The same seed and requests give the same answers."
)
@click.option(
    "--profile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Behave as the Healthie of this profile, which `frontdoor rehearse` wrote.",
)
@_until_stdin_closes
def emulator(host: str, port: int, seed: int, profile: Path | None, until_stdin_closes: bool) -> None:
    """Run the Healthie emulator, an independent program."""
    arguments = ["--host", host, "--port", str(port), "--seed", str(seed)]
    if profile is not None:
        arguments += ["--profile", str(profile)]
    if until_stdin_closes:
        arguments.append("--until-stdin-closes")
    os.execv(sys.executable, [sys.executable, "-m", "integrations.healthie_emulator", *arguments])  # noqa: S606  # ourselves


def _log_zone_rules() -> None:
    """Logs which release of the time zone database this process uses."""
    import structlog

    from gateway.runtime.zone_rules import zone_rules_of_process

    rules = zone_rules_of_process()
    structlog.get_logger(__name__).info(
        "zones.rules", release=rules.release, source=rules.source, of_system=rules.system_release
    )


def stop_event() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set. Must be called inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
