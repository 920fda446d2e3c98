"""An endpoint of another system that receives events, over real HTTP on a thread of its own."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass
class Receiver:
    """Another system: keeps what it gets, and answers as it is told to."""

    answer: Callable[[Request], Awaitable[Response]] | None = None
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.got.append((dict(request.headers), await request.body()))
        response = await self.answer(request) if self.answer else Response(status_code=204)
        await response(scope, receive, send)


@contextmanager
def serving(
    receiver: Receiver, *, certificate: Path | None = None, key: Path | None = None
) -> Iterator[Receiver]:
    listener = create_server(("127.0.0.1", 0))
    receiver.port = listener.getsockname()[1]
    config = uvicorn.Config(
        receiver,
        log_config=None,
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
