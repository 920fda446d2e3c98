"""What the bare ASGI applications share: reading a body, and answering JSON."""

from collections.abc import Awaitable, Callable
from typing import Any


async def body_of(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
    """The whole body of a request."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def respond(send: Callable[[dict[str, Any]], Awaitable[None]], body: bytes) -> None:
    """Answer 200 with these bytes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
