"""Ear: a small HTTP server that hears one webhook delivery at a time, to see how it is written."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser

from integrations.healthie.webhooks import signature

MAX_BODY = 1_000_000  # bytes


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook delivery, as it came. Nothing of it is trusted: the rehearsal only looks at its form."""

    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """The value of the header `Content-Digest`, after the algorithm's name."""
        return self.headers.get("content-digest", "").partition("=")[2]

    @property
    def resource_id(self) -> str:
        """The id of the record that it is about; empty when the body says none."""
        try:
            return str(json.loads(self.body)["resource_id"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""

    def is_signed_with(self, secret: str, digest: str, *, path: str, query: str) -> bool:
        """Whether its signature is of this digest, written so."""
        expected = signature(path, query, digest, length=len(self.body), secret=secret)
        return self.headers.get("signature", "").lower().endswith(f"={expected}")


class Ear:
    """What was heard at an address. `url` is the address as Healthie knows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._heard: asyncio.Queue[Delivery] = asyncio.Queue()

    async def delivery(self, *, within: float) -> Delivery:
        """The next delivery. Raises TimeoutError after so many seconds."""
        async with asyncio.timeout(within):
            return await self._heard.get()

    def forget(self) -> None:
        """Forget what was heard before."""
        while not self._heard.empty():
            self._heard.get_nowait()

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request, and answer it with 200."""
        try:
            _, _, head = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            headers = {
                name.lower(): str(value) for name, value in BytesHeaderParser().parsebytes(head).items()
            }
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), MAX_BODY))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            self._heard.put_nowait(Delivery(headers=headers, body=body))
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
