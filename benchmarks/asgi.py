"""One request to an application in this process, as uvicorn would pass it: no server, no socket, no client."""

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message


async def answer(app: ASGIApp, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Post the body to `/graphql`; returns the body of the answer."""
    received, answered = asyncio.Event(), bytearray()

    async def receive() -> Message:
        if not received.is_set():
            received.set()
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()  # the client stays until it is answered
        raise AssertionError

    async def send(message: Message) -> None:
        answered.extend(message.get("body", b""))

    more = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await app(
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"gateway.example.invalid"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *more,
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        },
        receive,
        send,
    )
    return bytes(answered)
