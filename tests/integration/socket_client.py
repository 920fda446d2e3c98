"""A client of graphql-transport-ws that says exactly what a test tells it to say, and a server for an endpoint."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from gateway.runtime.gateway_processes import listening_socket
from gateway.sockets.rules import LONGEST_MESSAGE

Json = Any

PROTOCOL = "graphql-transport-ws"

# A server on this machine answers at once, however busy it is.
PATIENCE_SECONDS = 20


@dataclass(kw_only=True)
class Socket:
    """One socket of an app."""

    connection: ClientConnection
    names: "itertools.count[int]" = field(default_factory=itertools.count)

    async def say(self, message: Json) -> None:
        """Send a message: text and bytes as they are, everything else as JSON."""
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.connection.send(raw)

    async def hear(self) -> Json:
        """The next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.connection.recv())

    async def closed(self) -> tuple[int | None, str]:
        """How the server closed it; every message before that is thrown away."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code, self.connection.close_reason or ""

    async def open(self, payload: Json = None) -> "Socket":
        """Initialise the connection."""
        await self.say({"type": "connection_init"} | ({"payload": payload} if payload is not None else {}))
        assert await self.hear() == {"type": "connection_ack"}
        return self

    async def subscribe(self, query: str | None, variables: Json = None, **payload: Json) -> str:
        """Begin an operation; answers its id."""
        name = f"op-{next(self.names)}"
        given = {"query": query, "variables": variables, **payload}
        await self.say({"id": name, "type": "subscribe", "payload": given})
        return name

    async def ask(self, query: str | None, variables: Json = None, **payload: Json) -> Json:
        """Run a query or a mutation; answers the payload of its one result."""
        name = await self.subscribe(query, variables, **payload)
        answer = await self.hear()
        assert (answer["id"], answer["type"]) == (name, "next"), answer
        assert await self.hear() == {"id": name, "type": "complete"}
        return answer["payload"]

    async def refused(self, query: str | None, variables: Json = None, **payload: Json) -> Json:
        """Ask for what is not executed; answers its one error."""
        name = await self.subscribe(query, variables, **payload)
        answer = await self.hear()
        assert (answer["id"], answer["type"]) == (name, "error"), answer
        (error,) = answer["payload"]
        return error


@contextlib.asynccontextmanager
async def connected(
    url: str,
    *,
    protocols: Sequence[str] = (PROTOCOL,),
    headers: Mapping[str, str] | None = None,
    origin: str | None = None,
) -> AsyncIterator[Socket]:
    """A socket that has said nothing yet."""
    async with connect(
        url,
        subprotocols=[Subprotocol(one) for one in protocols] or None,
        additional_headers=dict(headers or {}),
        origin=Origin(origin) if origin else None,
        compression=None,
        close_timeout=2,
    ) as connection:
        yield Socket(connection=connection)


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on a free port of this machine, in this event loop; gives its WebSocket address."""
    listener = listening_socket("127.0.0.1", 0)
    config = uvicorn.Config(app, lifespan="off", log_config=None, ws_max_size=10 * LONGEST_MESSAGE)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/graphql"
    finally:
        server.should_exit = True
        await serving
        listener.close()
