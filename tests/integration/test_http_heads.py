"""What comes before and behind a request's body is bounded, on the server as it runs in production."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.runtime.http_protocol import LONGEST_HEAD
from gateway.runtime.server import server_config

PATIENCE_SECONDS = 10  # for an answer that may never come

LINE = b"X-Filler: " + b"x" * 1000 + b"\r\n"


# The header lines that the application sees of each request.
SEEN: list[list[tuple[bytes, bytes]]] = []

CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nX-Network: real\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the length of the body."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    read, more = 0, True
    while more:
        message = await receive()
        read, more = read + len(message.get("body", b"")), message.get("more_body", False)
    SEEN.append(list(scope["headers"]))
    body = str(read).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = uvicorn.Server(server_config(app, host="127.0.0.1", port=0))
    served = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await served


def request(body: bytes, *, head: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body)


async def status(reader: asyncio.StreamReader) -> int:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length" in line)
    await reader.readexactly(length)
    return int(head.split()[1])


async def test_a_long_body_and_requests_one_behind_the_other_are_no_long_head() -> None:
    async with connection() as (reader, writer):
        writer.write(request(b"b" * 150_000) + request(b"") + request(b"b" * 150_000) + request(b"")[:20])
        for _ in range(3):
            assert await status(reader) == 200
        writer.write(request(b"")[20:])
        assert await status(reader) == 200


async def test_a_head_within_the_bound_is_read_however_small_its_pieces() -> None:
    async with connection() as (reader, writer):
        whole = request(b"", head=LINE * 60)
        for at in range(0, len(whole), 999):
            writer.write(whole[at : at + 999])
            await writer.drain()
        assert await status(reader) == 200


@pytest.mark.parametrize("before", [b"", request(b"body")])
@pytest.mark.parametrize("piece", [LINE, b"x" * 1000, b"\r\n" * 500])
async def test_a_head_without_an_end_is_refused_and_the_connection_closed(
    before: bytes, piece: bytes
) -> None:
    begun = b"" if piece.startswith(b"\r\n") else b"GET / HTTP/1.1\r\nX-First: "
    async with connection() as (reader, writer):
        writer.write(before)
        if before:
            assert await status(reader) == 200
        writer.write(begun)
        for _ in range(LONGEST_HEAD // len(piece) + 2):
            writer.write(piece)
            await writer.drain()
        assert await status(reader) == 400
        assert await reader.read() == b""


@pytest.mark.parametrize("trailer", [b"X-Network: made up\r\n", b"Expect: 100-continue\r\n"])
async def test_what_stands_behind_a_body_is_no_header(trailer: bytes) -> None:
    async with connection() as (reader, writer):
        writer.write(CHUNKED + trailer + b"\r\n" + request(b""))
        for _ in range(2):
            assert await status(reader) == 200
        assert SEEN[-2] == [(b"host", b"a"), (b"x-network", b"real"), (b"transfer-encoding", b"chunked")]


@pytest.mark.parametrize("begun", [b"", b"X-First: "])
async def test_trailers_without_an_end_are_refused_and_the_connection_closed(begun: bytes) -> None:
    head = CHUNKED.partition(b"\r\n\r\n")[0]
    async with connection() as (reader, writer):
        writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reader.readuntil(b"\r\n\r\n")  # so what follows is read apart from the head
        writer.write(b"0\r\n" + begun)
        piece = b"x" * len(LINE) if begun else LINE
        for _ in range(LONGEST_HEAD // len(piece) + 2):
            writer.write(piece)
            await writer.drain()
        assert await status(reader) == 400
        assert await reader.read() == b""


async def test_a_body_in_many_small_chunks_is_no_trailer() -> None:
    async with connection() as (reader, writer):
        writer.write(CHUNKED[: -len(b"0\r\n")])
        for _ in range(LONGEST_HEAD // 1000 + 2):
            for part in (b"1;" + b"x" * 1000 + b"\r\n", b"y\r\n"):
                writer.write(part)
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        assert await status(reader) == 200
