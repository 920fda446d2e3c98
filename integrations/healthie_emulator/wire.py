"""Drops connections in the middle of a response, as networks do.

ASGI cannot express this: the server answers 500 for an application that does not respond. So the connection itself is
closed underneath uvicorn; in process, where there is none, `ConnectionDropped` is raised.
"""

from starlette.types import Receive, Send


class ConnectionDropped(Exception):
    """The connection ended before the answer did."""


async def drop(receive: Receive) -> None:
    """Close the connection without answering."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionDropped
    transport.close()
    # Or the server would see an application that failed.
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_half(receive: Receive, send: Send, body: bytes, content_type: bytes) -> None:
    """Promise `body`, send half of it, and close the connection."""
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await drop(receive)
