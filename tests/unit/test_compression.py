"""Large answers are compressed for who asks for it, and only where that gives nothing away."""

import gzip
import sys
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from gateway.compression import LEAST, Compressed
from gateway.settings.operation import Compression

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGE = {"data": ["a free time"] * 2000}
UNPACKED = {"zstd": zstd.decompress, "gzip": gzip.decompress}


async def asked(
    app: ASGIApp, *, compression: Compression = Compression.GZIP, **headers: str
) -> tuple[httpx2.Headers, bytes]:
    """The headers and the raw body."""
    transport = httpx2.ASGITransport(Compressed(app, compression=compression))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway.invalid") as http:
        del http.headers["accept-encoding"]
        async with http.stream("GET", "/", headers=named) as answer:
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert len(raw) == int(answer.headers.get("content-length", len(raw)))
    return answer.headers, raw


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5, identity", "gzip"),
        ("gzip, zstd;q=0", "gzip"),
        ("zstd; q=0.0, gzip;q=0.1", "gzip"),
    ],
)
async def test_the_best_encoding_that_the_client_takes(accepted: str, encoding: str) -> None:
    whole = JSONResponse(LARGE, headers={"Vary": "Origin"})
    headers, raw = await asked(whole, accept_encoding=accepted)
    assert headers["content-encoding"] == encoding
    assert headers["vary"] == "Origin, Accept-Encoding"
    assert UNPACKED[encoding](raw) == whole.body
    assert len(raw) < len(whole.body) / 4


@pytest.mark.parametrize(
    ("compression", "accepted"),
    [
        (Compression.NONE, "zstd, gzip"),
        (Compression.ZSTD, "gzip"),
        (Compression.GZIP, "br"),
        (Compression.GZIP, "gzip;q=0"),
        (Compression.GZIP, "gzip;q=0.000, *"),
        (Compression.GZIP, ""),
    ],
)
async def test_what_is_not_offered_or_not_taken_is_not_used(compression: Compression, accepted: str) -> None:
    headers, _ = await asked(JSONResponse(LARGE), compression=compression, accept_encoding=accepted)
    assert "content-encoding" not in headers


async def test_the_answer_to_a_signed_in_caller_keeps_its_length() -> None:
    headers, raw = await asked(JSONResponse(LARGE), accept_encoding="zstd", authorization="Bearer sample")
    assert "content-encoding" not in headers
    assert raw == JSONResponse(LARGE).body


async def several(count: int) -> Any:
    for _ in range(count):
        yield b"x" * LEAST


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"a": "x" * (LEAST - 100)}),
        Response(b"x" * LEAST, media_type="image/png"),
        Response(b"x" * LEAST, media_type="text/css", headers={"Content-Encoding": "br"}),
        Response(status_code=204),
    ],
    ids=["small", "image", "encoded", "nothing"],
)
async def test_what_gains_nothing_by_it_is_sent_as_it_is(answer: Response) -> None:
    headers, raw = await asked(answer, accept_encoding="zstd")
    assert headers.get("content-encoding") == answer.headers.get("content-encoding")
    assert raw == answer.body


async def test_what_is_streamed_comes_piece_by_piece() -> None:
    answer = StreamingResponse(several(3), media_type="text/event-stream")
    headers, raw = await asked(answer, accept_encoding="zstd")
    assert "content-encoding" not in headers
    assert raw == b"x" * 3 * LEAST
