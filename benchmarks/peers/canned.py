"""The floor of floors: a bare ASGI application that answers bytes which it has in memory, and asks nobody.

`uvicorn benchmarks.peers.canned:app`, with the directory of the answers in `PEER_ANSWERS`: `plans.json`, and a file `SIZE.json` for the
visit types of each size. The slots are those of one question, whatever is asked.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.asgi import body_of, respond

_ANSWERS = {
    file.stem.encode(): file.read_bytes()
    for file in Path(os.environ.get("PEER_ANSWERS", "/nowhere")).glob("*.json")
}

_VISIT_TYPE = b'"visitTypeId":"6'


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer what is kept for the size that is asked for."""
    if scope["type"] != "http":
        return
    body = await body_of(receive)
    at = body.find(_VISIT_TYPE)
    size = body[at + len(_VISIT_TYPE) :][:4] if at >= 0 else b"plans"
    await respond(send, _ANSWERS[size])
