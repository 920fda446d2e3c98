"""`frontdoor dev`: a stack for a developer, and a word on where it answers."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from gateway.local_stack import local_stack


async def run_until_stopped(
    *, directory: Path, gateway_port: int, emulator_port: int, stop: Callable[[], asyncio.Event]
) -> None:
    """Start the stack, say where it is, and stay until stopped. Raises StackError."""
    stopped = stop()
    started = time.monotonic()
    click.echo("Starting the Healthie emulator, the gateway and a worker …")
    async with local_stack(
        directory=directory, gateway_port=gateway_port, emulator_port=emulator_port, quiet=False
    ) as stack:
        click.echo(
            f"""
  Frontdoor is ready ({time.monotonic() - started:.1f} s)

    GraphiQL        {stack.gateway}/graphiql   example tabs, to be run from left to right
    GraphQL         {stack.graphql}
    Emulator        {stack.emulator}   its books: {stack.emulator}/_control/books

    As a patient    Authorization: Bearer $({sys.argv[0]} token --patient {stack.patients[0]})

  Everybody in it is synthetic, and every start is a fresh practice. Ctrl-C ends it all.
"""
        )
        await stopped.wait()
    click.echo("\nStopped.")
