"""Loads the Lua scripts of this package by name, and runs them by their hash."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError


class Script:
    """One script, called by its hash (EVALSHA), and sent whole when the server lacks it.

    Not the client's own `register_script`: that goes over every argument once more, for two keywords that are deprecated there.
    """

    def __init__(self, client: Redis, text: str) -> None:
        self._client = client
        self._text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(
        self, *, keys: Sequence[str], args: Sequence[str | bytes | float] = (), is_binary: bool = False
    ) -> Any:
        """Run it; `is_binary`: its answer is bytes, whatever the client makes of others. Raises RedisError."""
        options = {NEVER_DECODE: True} if is_binary else {}
        run: Callable[..., Awaitable[Any]] = self._client.execute_command
        try:
            return await run("EVALSHA", self._hash, len(keys), *keys, *args, **options)
        except NoScriptError:
            return await run("EVAL", self._text, len(keys), *keys, *args, **options)


def script(client: Redis, *names: str) -> Script:
    """These files, one after the other, as one script."""
    folder = files(__package__) / "lua"
    return Script(client, "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names))
