"""A strict JSON parser for untrusted input.

Rejects duplicate names, `NaN` and `Infinity`, and text that no database can store (NUL, lone surrogates).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

# An escaped surrogate or NUL; whether a surrogate has its pair is checked on the parsed value.
_SUSPECT_ESCAPES = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


def read_json(data: str | bytes) -> object:
    """The parsed value. Raises ValueError, whose text quotes nothing of the input."""
    try:
        text = data if isinstance(data, str) else data.decode()
        value: object = _DECODER.decode(text)
        if _SUSPECT_ESCAPES.search(text):
            _check_text(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("not valid JSON in UTF-8") from error
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _check_text(value: object) -> None:
    """Raises ValueError for a lone surrogate or NUL anywhere in the value."""
    match value:
        case str():
            if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
                raise ValueError("text that no database could keep")
        case Mapping():
            for name, one in value.items():
                _check_text(name)
                _check_text(one)
        case list():
            for one in value:
                _check_text(one)


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
