"""Redaction: what the audit stores of a call's variables, which is their names and JSON types, and a keyed digest."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from booking.audit.model import Json

# What most values are.
_KINDS = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}

_sortable = json.JSONEncoder(sort_keys=True).encode

_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def shape(value: object) -> Json:
    """Replace every value by its JSON type. A list becomes the set of types in it, without their number."""
    if (kind := _KINDS.get(type(value))) is not None:
        return kind
    match value:
        case Mapping():
            return {str(name): shape(value[name]) for name in sorted(value)}
        case str():
            return "string"
        case int() | float():
            return "number"
        case Sequence():
            shapes = {_sortable(each): each for each in map(shape, value)}
            return [shapes[text] for text in sorted(shapes)]
        case _:
            raise TypeError("a value of a kind that JSON does not have")


def digest(operation: str, variables: Mapping[str, object], *, key: bytes) -> str:
    """HMAC-SHA256, in hex, of the operation and its canonical variables. Equal digests mean equal requests.

    The key is a secret: with it, values with few possibilities (a date of birth) can be found by trying them all.
    """
    canonical = _canonical([operation, variables])
    return hmac.digest(key, canonical.encode(errors="surrogatepass"), hashlib.sha256).hex()
