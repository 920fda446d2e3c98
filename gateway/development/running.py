"""`frontdoor dev`: runs a local stack and prints where it answers."""

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
    """Starts the stack, prints its addresses, and runs until `stop` is set. Raises StackError."""
    stopped = stop()
    started = time.monotonic()
    _print("Starting the Healthie emulator, the gateway and a worker …")
    async with local_stack(
        directory=directory, gateway_port=gateway_port, emulator_port=emulator_port, quiet=False
    ) as stack:
        settings = _write_settings(stack.settings, directory / "settings.env")
        _print(
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
    _print("\nStopped.")


def _print(text: str) -> None:
    """Prints the text; a closed standard output is ignored."""
    with contextlib.suppress(OSError):
        click.echo(text)


def _write_settings(settings: Mapping[str, str], path: Path) -> Path:
    """Writes the stack's settings as a shell script to source, so that any command can be tried on the stack."""
    path.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()), encoding="utf-8"
    )
    return path
