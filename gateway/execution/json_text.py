"""JSON text of answers: UTF-8, no spaces, and readable whatever a text holds."""

import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def text_of(value: Any) -> str:
    """The JSON text. Raises TypeError or ValueError for what JSON does not have."""
    return _ENCODER.encode(value)


def to_bytes(text: str) -> bytes:
    r"""The text in UTF-8. A lone surrogate, which UTF-8 does not have, becomes JSON's escape for it (`\ud800`).

    One can stand in strings only, and there Python's `backslashreplace` writes the same as JSON.
    """
    return text.encode("utf-8", "backslashreplace")
