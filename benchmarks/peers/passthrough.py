"""The floor in Python: a bare ASGI application that asks the system of record and passes its bytes on, unread.

`uvicorn benchmarks.peers.passthrough:app`, with the system of record's URL in `PEER_UPSTREAM`.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from benchmarks.peers.asgi import body_of, respond

_UPSTREAM = os.environ.get("PEER_UPSTREAM", "")

# The shortest documents that a system of record would answer so.
_OFFERINGS = "query Offerings { offerings { nodes { id } } }"
_AVAILABLE = "query AvailableSlots { availableSlotsForRange { user_id date length is_fully_booked } }"

_sessions: list[aiohttp.ClientSession] = []


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Ask what the request is about, and answer the same bytes."""
    if scope["type"] != "http":
        return
    if not _sessions:
        _sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)))
    async with _sessions[0].post(_UPSTREAM, data=_asked(await body_of(receive))) as answer:
        await respond(send, await answer.read())


def _asked(body: bytes) -> bytes:
    if b'"operationName":"Plans"' in body:
        return json.dumps({"query": _OFFERINGS, "operationName": "Offerings", "variables": {}}).encode()
    given = json.loads(body)["variables"]
    variables = {
        "appt_type_id": given["filter"]["visitTypeId"],
        "start_date": f"{given['from']}T00:00:00",
        "end_date": f"{given['until']}T23:59:59",
        "timezone": given["filter"]["timeZone"],
    }
    asked = {"query": _AVAILABLE, "operationName": "AvailableSlots", "variables": variables}
    return json.dumps(asked).encode()
