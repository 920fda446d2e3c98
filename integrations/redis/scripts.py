"""Lua scripts of this package, by name."""

from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript


def script(client: Redis, *names: str) -> AsyncScript:
    """These files as one script, called by its hash; sent whole again when the server has forgotten it."""
    folder = files(__package__) / "lua"
    return client.register_script("\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names))
