"""`frontdoor dev`: a stack for a developer, and a word on where it answers."""

import asyncio
import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from gateway.development.local_stack import local_stack


async def run_until_stopped(
    *, directory: Path, gateway_port: int, emulator_port: int, stop: Callable[[], asyncio.Event]
) -> None:
    """Start the stack, say where it is, and stay until stopped. Raises StackError."""
    stopped = stop()
    started = time.monotonic()
    _say("Starting the Healthie emulator, the gateway and a worker …")
    async with local_stack(
        directory=directory, gateway_port=gateway_port, emulator_port=emulator_port, quiet=False
    ) as stack:
        settings = _written(stack.settings, directory / "settings.env")
        _say(
            f"""
  Frontdoor is ready ({time.monotonic() - started:.1f} s)

    GraphiQL        {stack.gateway}/graphiql   example tabs, to be run from left to right
    GraphQL         {stack.graphql}
    Emulator        {stack.emulator}   its books: {stack.emulator}/_control/books

    As a patient    Authorization: Bearer $({sys.argv[0]} token --patient {stack.patients[0]})
    As an operator  . {settings} && {sys.argv[0]} checkouts list

  Everybody in it is synthetic, and every start is a fresh practice. Ctrl-C ends it all.
"""
        )
        await stopped.wait()
    _say("\nStopped.")


def _say(text: str) -> None:
    """Say it, as long as whoever started the stack reads along."""
    with contextlib.suppress(OSError):
        click.echo(text)


def _written(settings: Mapping[str, str], path: Path) -> Path:
    """Write the stack's settings as a shell reads them, so that any command can be tried on it."""
    path.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()), encoding="utf-8"
    )
    return path
