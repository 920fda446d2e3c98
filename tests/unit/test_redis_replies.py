"""Redis' protocol as scripts need it: whatever the bytes are cut into, each reply is read whole, and no other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from redis.exceptions import InvalidResponse, NoScriptError, ResponseError

from integrations.redis.replies import Incomplete, Pushed, read, written

texts = some.binary(max_size=30)
replies = some.recursive(
    some.none() | some.integers() | texts, lambda inner: some.lists(inner, max_size=4), max_leaves=12
)


def told(reply: Any, null: bytes) -> bytes:
    """The reply as Redis writes it."""
    if reply is None:
        return null
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    return b"*%d\r\n%b" % (len(reply), b"".join(told(one, null) for one in reply))


@given(reply=replies, after=texts, null=some.sampled_from([b"_\r\n", b"$-1\r\n", b"*-1\r\n"]))
def test_a_reply_is_read_once_it_is_whole_and_not_before(reply: Any, after: bytes, null: bytes) -> None:
    data = told(reply, null)
    assert read(b"before" + data + after, 6) == (reply, 6 + len(data))
    for cut in range(len(data)):
        with pytest.raises(Incomplete):
            read(data[:cut], 0)


def test_an_error_is_a_reply_and_one_for_a_script_that_is_not_there_is_told_apart() -> None:
    reply, after = read(b"*2\r\n-ERR no\r\n-NOSCRIPT none\r\n+OK\r\n", 0)
    assert [type(one) for one in reply] == [ResponseError, NoScriptError]
    assert read(b"*2\r\n-ERR no\r\n-NOSCRIPT none\r\n+OK\r\n", after)[0] == b"OK"


def test_a_message_is_no_reply() -> None:
    data = b">2\r\n$4\r\nmove\r\n:1\r\n:7\r\n"
    reply, after = read(data, 0)
    assert reply is Pushed
    assert read(data, after) == (7, len(data))


def test_what_no_script_answers_is_refused() -> None:
    with pytest.raises(InvalidResponse):
        read(b"%1\r\n+a\r\n+b\r\n", 0)


def test_a_command_is_written_with_texts_numbers_and_bytes() -> None:
    assert written(["SET", "ключ", b"\x00\r\n", 1, 0.5]) == (
        b"*5\r\n$3\r\nSET\r\n$8\r\n\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87\r\n$3\r\n\x00\r\n\r\n$1\r\n1\r\n$3\r\n0.5\r\n"
    )
