"""Redaction: what the audit stores of a call's variables, which is their names and JSON types, and a keyed digest."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from booking.audit.model import Json


def shape(value: object) -> Json:
    """Replace every value by its JSON type. A list becomes the set of types in it, without their number."""
    match value:
        case Mapping():
            return {str(name): shape(value[name]) for name in sorted(value)}
        case str():
            return "string"
        case bool():
            return "boolean"
        case None:
            return "null"
        case int() | float():
            return "number"
        case Sequence():
            kinds = {json.dumps(shape(each), sort_keys=True) for each in value}
            return [json.loads(kind) for kind in sorted(kinds)]
        case _:
            raise TypeError("a value of a kind that JSON does not have")


def digest(operation: str, variables: Mapping[str, object], *, key: bytes) -> str:
    """HMAC-SHA256, in hex, of the operation and its canonical variables. Equal digests mean equal requests.

    The key is a secret: with it, values with few possibilities (a date of birth) can be found by trying them all.
    """
    canonical = json.dumps(
        [operation, variables], sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hmac.digest(key, canonical.encode(errors="surrogatepass"), hashlib.sha256).hex()
