"""JSON text of answers: UTF-8, no spaces, and readable whatever a text holds."""

import json
from json.encoder import encode_basestring
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


class Written:
    """A part of an answer that is JSON text already."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def text_of(value: Any) -> str:
    """The JSON text of a value, parts of which may be `Written`. Raises TypeError or ValueError for what JSON does not have."""
    match value:
        case Written():
            return value.text
        case str():
            return encode_basestring(value)
        case dict() if all(isinstance(key, str) for key in value):
            return (
                "{" + ",".join([f"{encode_basestring(k)}:{text_of(one)}" for k, one in value.items()]) + "}"
            )
        case list():
            return "[" + ",".join([text_of(one) for one in value]) + "]"
    return _ENCODER.encode(value)


def to_bytes(text: str) -> bytes:
    r"""The text in UTF-8. A lone surrogate, which UTF-8 does not have, becomes JSON's escape for it (`\ud800`).

    One can stand in strings only, and there Python's `backslashreplace` writes the same as JSON.
    """
    return text.encode("utf-8", "backslashreplace")
