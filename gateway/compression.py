"""Compression of large answers, for clients that ask for it (ADR 55). Small ones, and those of signed-in callers, are sent as they are."""

import re
import sys
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.settings.operation import Compression

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Bytes from which it is worth it: below, an answer fits into the first packets of a connection anyway.
LEAST = 8 * 1024

# Values of headers whose meaning is remembered: clients send a handful.
_REMEMBERED = 64

# What compresses well; images and archives are compressed already.
_TEXTS = ("json", "text/", "javascript")


def _zstd(body: bytes) -> bytes:
    return zstd.compress(body, level=1)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()


# An encoding that a client names, and whether with the weight 0, which says that it does not take it (RFC 9110, section 12.5.3).
_TAKEN = re.compile(r"\s*([\w-]+)\s*(;\s*[qQ]=0(?:\.0*)?\s*$)?")

# In the order of preference.
_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}
_OFFERED = {
    Compression.NONE: frozenset[str](),
    Compression.ZSTD: frozenset({"zstd"}),
    Compression.GZIP: frozenset({"zstd", "gzip"}),
}


class Compressed:
    """ASGI middleware that compresses an answer of one piece. What is streamed, or encoded already, passes as it is.

    Requests with an `Authorization` are left out: their answers are private, and the length of one that mixes a secret with what somebody else may
    choose would tell of the secret (BREACH).
    """

    def __init__(self, app: ASGIApp, *, compression: Compression) -> None:
        self._app = app
        self._offered = _OFFERED[compression]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        encoding = self._encoding(scope["headers"]) if scope["type"] == "http" else None
        await self._app(scope, receive, send if encoding is None else _Compressing(send, encoding))

    def _encoding(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """The best encoding that the client takes."""
        accepted = None
        for name, value in headers:
            if name == b"authorization":
                return None
            if name == b"accept-encoding" and accepted is None:
                accepted = value
        return None if accepted is None else _best(accepted, self._offered)


@lru_cache(maxsize=_REMEMBERED)
def _best(accepted: bytes, offered: frozenset[str]) -> str | None:
    parts = accepted.decode("latin-1").split(",")
    taken = {found[1].lower() for part in parts if (found := _TAKEN.match(part)) and not found[2]}
    return next((name for name in _ENCODINGS if name in taken & offered), None)


class _Compressing:
    """Holds an answer's head back until its body is there."""

    def __init__(self, send: Send, encoding: str) -> None:
        self._send = send
        self._encoding = encoding
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if message["type"] == "http.response.body":
                message = self._packed(start, message)
            await self._send(start)
        await self._send(message)

    def _packed(self, start: Message, message: Message) -> Message:
        """The body, compressed where it is worth it; then the head says so."""
        body, headers = message.get("body", b""), MutableHeaders(scope=start)
        kind = headers.get("content-type", "")
        if message.get("more_body") or len(body) < LEAST or "content-encoding" in headers:
            return message
        if not any(text in kind for text in _TEXTS):
            return message
        packed = _ENCODINGS[self._encoding](body)
        headers["Content-Encoding"] = self._encoding
        headers["Content-Length"] = str(len(packed))
        headers.add_vary_header("Accept-Encoding")
        return {**message, "body": packed}
