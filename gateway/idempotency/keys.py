"""Reads idempotency keys from requests, and requires one key and one mutation field per mutation document."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from schema.context import Context
from schema.errors import RequestError

KEY_HEADER = "idempotency-key"

_LONGEST_KEY = 255

_QUOTED = re.compile(r'"(?:[^"\\]|\\["\\])*"')
_ESCAPED = re.compile(r"\\(.)")


class KeyRequired(RequestError):
    """The mutation has no idempotency key."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    message = (
        "Send a fresh random key with every new attempt, in the header Idempotency-Key or in "
        "extensions.idempotencyKey of the request, and the same key when you send the same attempt again."
    )


class KeyInvalid(RequestError):
    """The key is empty, too long or unprintable, or header and extensions disagree."""

    code = "IDEMPOTENCY_KEY_INVALID"
    message = (
        f"An idempotency key has 1 to {_LONGEST_KEY} printable characters; header and extensions agree on it."
    )


class OneMutationAtATime(RequestError):
    """The document has several mutation fields; one key cannot identify several outcomes."""

    code = "ONE_MUTATION_PER_REQUEST"
    message = "Send one mutation field a request, each with an idempotency key of its own."


def require_key(
    names: Sequence[str], context: Context, extensions: Mapping[str, Any], *, keyless: Collection[str]
) -> None:
    """Refuse a mutation before execution when it has no key, several fields, or no identified caller.

    `names` are its root fields; a document with one of the `keyless` fields alone is exempt. Raises KeyRequired, KeyInvalid,
    OneMutationAtATime, VisitorTokenRequired.
    """
    if len(names) == 1 and names[0] in keyless:
        return
    read_key(context.idempotency_key, extensions)
    if len(names) > 1:
        raise OneMutationAtATime
    _ = context.identified


def read_key(header: str | None, extensions: Mapping[str, Any] | None) -> str:
    """The request's key, plain or as the quoted string of draft-ietf-httpapi-idempotency-key-header.

    Raises KeyRequired, KeyInvalid.
    """
    header = _unquoted(header) if header is not None else None
    given = [key for key in (header, (extensions or {}).get("idempotencyKey")) if key is not None]
    if not given:
        raise KeyRequired
    key = given[0]
    agreed = all(other == key for other in given)
    if not agreed or not isinstance(key, str) or not key.isprintable() or not key.strip():
        raise KeyInvalid
    if len(key) > _LONGEST_KEY:
        raise KeyInvalid
    return key


def _unquoted(header: str) -> str:
    """The content of an RFC 8941 string (section 3.3.3); any other text unchanged."""
    return _ESCAPED.sub(r"\1", header[1:-1]) if _QUOTED.fullmatch(header) else header
