"""Loads the Lua scripts of this package by name, and runs them by their hash."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from integrations.redis.client import ScriptingRedis
from integrations.redis.multiplexer import Multiplexer


class Script:
    """One script, called by its hash (EVALSHA), and sent whole when the server lacks it.

    Not the client's own `register_script`: that goes over every argument once more, for two keywords that are deprecated there.
    """

    def __init__(self, multiplexer: Multiplexer, text: str) -> None:
        self._execute = multiplexer.execute
        self._text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(
        self, *, keys: Sequence[str], args: Sequence[str | bytes | float] = (), is_binary: bool = False
    ) -> Any:
        """Run it; `is_binary`: texts of its answer stay bytes. Raises RedisError."""
        try:
            answer = await self._execute("EVALSHA", self._hash, len(keys), *keys, *args)
        except NoScriptError:
            answer = await self._execute("EVAL", self._text, len(keys), *keys, *args)
        return answer if is_binary else _decoded(answer)


def _decoded(answer: Any) -> Any:
    if isinstance(answer, bytes):
        return answer.decode()
    return [_decoded(one) for one in answer] if isinstance(answer, list) else answer


def script(client: ScriptingRedis, *names: str) -> Script:
    """These files, one after the other, as one script."""
    folder = files(__package__) / "lua"
    return Script(client.scripts, "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names))
