"""The headers of a request, as ASGI gives them, read by name."""

from starlette.datastructures import Headers

from gateway.headers import RequestHeaders

RAW = [
    (b"accept", b"a/b"),
    (b"x-forwarded-for", b"198.51.100.7"),
    (b"accept", b"c/d"),
    (b"x-forwarded-for", b"198.51.100.8, 198.51.100.9"),
    (b"x-name", "Zo\u00eb".encode("latin-1")),
]


def test_they_are_read_as_starlette_reads_them() -> None:
    ours, theirs = RequestHeaders(RAW), Headers(raw=RAW)
    for name in ("accept", "Accept", "X-Forwarded-For", "x-name", "x-none"):
        assert ours.get(name) == theirs.get(name)
        assert ours.getlist(name) == theirs.getlist(name)


def test_there_may_be_none() -> None:
    assert RequestHeaders([]).get("accept") is None
    assert RequestHeaders([]).getlist("accept") == []
