"""Redis' protocol (RESP 2 and 3) as far as scripts need it: a command as bytes, and replies from bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from redis.exceptions import InvalidResponse, NoScriptError, ResponseError

Command: TypeAlias = Sequence[str | bytes | float]

_END = b"\r\n"


class Incomplete(Exception):  # a decision, not an error
    """More bytes have to come."""


class Pushed:
    """What stands in the place of a message that is no reply."""


def written(command: Command) -> bytes:
    """The command as Redis reads it."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        data = part if isinstance(part, bytes) else str(part).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def read(data: bytes, at: int) -> tuple[Any, int]:
    """The reply that begins there, and where the next one begins. Texts are bytes; an error is a ResponseError, not raised.

    Raises Incomplete, and InvalidResponse for what no script answers.
    """
    end = data.find(_END, at)
    if end < 0:
        raise Incomplete
    read_kind = _KINDS.get(data[at])
    if read_kind is None:
        raise InvalidResponse("a reply of a kind that no script has")
    return read_kind(data, data[at + 1 : end], end + 2)


def _text(data: bytes, line: bytes, after: int) -> tuple[bytes | None, int]:
    size = int(line)
    if size < 0:
        return None, after
    if len(data) < after + size + 2:
        raise Incomplete
    return data[after : after + size], after + size + 2


def _list(data: bytes, line: bytes, after: int) -> tuple[list[Any] | None, int]:
    if int(line) < 0:
        return None, after
    found = []
    for _ in range(int(line)):
        one, after = read(data, after)
        found.append(one)
    return found, after


def _message(data: bytes, line: bytes, after: int) -> tuple[type[Pushed], int]:
    return Pushed, _list(data, line, after)[1]


def _error(_: bytes, line: bytes, after: int) -> tuple[ResponseError, int]:
    text = line.decode(errors="replace")
    return (NoScriptError if text.startswith("NOSCRIPT") else ResponseError)(text), after


_KINDS: Mapping[int, Callable[[bytes, bytes, int], tuple[Any, int]]] = {
    ord("$"): _text,
    ord("*"): _list,
    ord(">"): _message,
    ord("-"): _error,
    ord(":"): lambda _, line, after: (int(line), after),
    ord("+"): lambda _, line, after: (line, after),
    ord("_"): lambda _, __, after: (None, after),
}
