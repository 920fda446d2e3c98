"""What may be kept of a call's variables: which there were and of which kind, and a digest to compare them by."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from booking.audit.model import Json


def shape(value: object) -> Json:
    """Names and JSON kinds in the place of the values; of a list the kinds in it, never how many there were."""
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
    """HMAC-SHA256, in hex, of the operation and its canonical variables: equal only for an equal request.

    With the key, values of which there are few (a date of birth) can be found by trying them all: it is a secret.
    """
    canonical = json.dumps(
        [operation, variables], sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hmac.digest(key, canonical.encode(errors="surrogatepass"), hashlib.sha256).hex()
