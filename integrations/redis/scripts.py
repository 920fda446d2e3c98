"""Loads the Lua scripts of this package by name."""

from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript


def script(client: Redis, *names: str) -> AsyncScript:
    """Concatenate these files into one script. It is called by its hash (EVALSHA), and sent again when the server lacks it."""
    folder = files(__package__) / "lua"
    return client.register_script("\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names))
