"""`frontdoor demo`: plays a patient's whole journey against a local stack, and checks each step."""

import contextlib
import time
from pathlib import Path

import httpx2

from gateway.development.demo.api import Broken
from gateway.development.demo.journey import Journey
from gateway.development.demo.screen import Screen
from gateway.development.local_stack import free_port, local_stack


async def play(directory: Path) -> int:
    """Plays the journey against a stack of its own; returns the exit code, 0 only if every check held. Raises StackError."""
    screen = Screen()
    started = time.monotonic()
    async with contextlib.AsyncExitStack() as exits:
        with screen.waiting("Starting the Healthie emulator, the gateway and a worker …"):
            running = local_stack(
                directory=directory, gateway_port=free_port(), emulator_port=free_port(), quiet=True
            )
            stack = await exits.enter_async_context(running)
            http = await exits.enter_async_context(httpx2.AsyncClient(timeout=30))
        try:
            await Journey(stack=stack, http=http, screen=screen).play()
        except Broken as broken:
            screen.say(f"\n[red]The demo failed:[/red] {broken}")
            return 1
    screen.say(f"\nAll held, in {time.monotonic() - started:.0f} s. Everybody in this demo is synthetic.")
    return 0
