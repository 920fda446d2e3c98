"""What stands between a gateway and the emulator, and can make the world stand still at one call.

So a process is killed exactly before or exactly after an effect, whatever the machine's speed.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum

import httpx2


class Side(StrEnum):
    """Where in a call the world stands still."""

    BEFORE = "before"  # it is sent, and has not arrived
    AFTER = "after"  # it is done, and the answer has not come back


@dataclass(eq=False, kw_only=True)
class Stop:
    """One call that stands still until it is let go."""

    operation: str
    side: Side
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)  # upstream has answered


class Proxy:
    """Forwards HTTP requests one by one, each connection in a task of its own."""

    def __init__(self, *, upstream: httpx2.AsyncClient) -> None:
        self._upstream = upstream
        self._stops: list[Stop] = []
        self.calls: list[str] = []  # operations that arrived upstream, in order
        self.url = ""

    def stop(self, operation: str, side: Side) -> Stop:
        """Make the next call of this operation stand still."""
        self._stops.append(Stop(operation=operation, side=side))
        return self._stops[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection. A client that is gone loses nothing: what it had sent arrives all the same."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:-2]]
                headers = httpx2.Headers({name: value for name, _, value in lines})
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                writer.write(await self._answer(headers, body))
                await writer.drain()
        writer.close()

    async def _answer(self, headers: httpx2.Headers, body: bytes) -> bytes:
        operation = json.loads(body)["operationName"]
        stop = next((each for each in self._stops if each.operation == operation), None)
        if stop:
            self._stops.remove(stop)
        if stop and stop.side is Side.BEFORE:
            await _stand(stop)
        self.calls.append(operation)
        answer = await self._upstream.post("/graphql", content=body, headers=_forwarded(headers))
        if stop:
            stop.over.set()
        if stop and stop.side is Side.AFTER:
            await _stand(stop)
        head = f"HTTP/1.1 {answer.status_code} -\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(answer.content)}\r\n\r\n".encode() + answer.content


@contextlib.asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """A proxy on a free port; calls that stand still when it ends never arrive."""
    async with contextlib.AsyncExitStack() as exits:
        # An answer stands still at will: nothing here may give up before the test does.
        upstream = await exits.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=60))
        proxy = Proxy(upstream=upstream)
        connections: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            connections.add(task)
            try:
                await proxy.serve(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                connections.discard(task)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield proxy
        finally:
            server.close()
            for task in list(connections):
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)


async def _stand(stop: Stop) -> None:
    stop.reached.set()
    await stop.let_go.wait()


def _forwarded(headers: httpx2.Headers) -> dict[str, str]:
    """What the emulator reads of a request's headers."""
    wanted = {"authorization", "authorizationsource", "healthie-graphql-api-version", "content-type"}
    return {name: value for name, value in headers.items() if name.lower() in wanted}
