"""Ear: a small HTTP server that hears one webhook delivery at a time, to see how it is written."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.parser import BytesHeaderParser

MAX_BODY = 1_000_000  # bytes


class Ear:
    """What was heard at an address. `url` is the address as Healthie knows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._heard: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()

    async def headers(self, *, within: float) -> Mapping[str, str]:
        """The headers of the next delivery, names in lower case. Raises TimeoutError after so many seconds."""
        async with asyncio.timeout(within):
            return await self._heard.get()

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request, and answer it with 200."""
        try:
            _, _, head = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            headers = {
                name.lower(): str(value) for name, value in BytesHeaderParser().parsebytes(head).items()
            }
            await reader.readexactly(min(int(headers.get("content-length", "0")), MAX_BODY))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            self._heard.put_nowait(headers)
        except (ValueError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whatever it was, it was no delivery
        finally:
            writer.close()


@asynccontextmanager
async def listening(url: str, *, host: str, port: int) -> AsyncIterator[Ear]:
    """Listen on this machine's port, which is reached from outside as `url`."""
    ear = Ear(url)
    server = await asyncio.start_server(ear.hear, host, port)
    async with server:
        yield ear
