"""Patient details at rest: sealed by AES-256-GCM (NIST SP 800-38D), each bound to the place where it stands.

A sealed value names the key that opens it, so that keys can be changed while rows under the former one are still about.
Moved to another row or column, or changed by one bit, it does not open.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# What AES-256 takes.
KEY_BYTES = 32

# Drawn at random for each value (SP 800-38D, 8.2.2): good for 2^32 values under one key, far more than there are checkouts.
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value that does not open: under no key that is known, or not where it was put. Names no value."""


class Sealer:
    """Seals with one key and opens with any that is known."""

    def __init__(self, keys: Mapping[str, bytes], *, current: str) -> None:
        """`keys` by their ids, each of 32 bytes; `current` seals. Raises ValueError for a key of another length."""
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = current
        self._cipher = self._ciphers[current]

    def seal(self, value: object, *, place: str) -> dict[str, str]:
        """The JSON value, unreadable. `place` is where it will stand: table, row and column."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = self._cipher.encrypt(nonce, json.dumps(value).encode(), _bound(self._current, place))
        return {"key": self._current, "box": base64.b64encode(nonce + box).decode("ascii")}

    def open(self, sealed: Mapping[str, Any], *, place: str) -> Any:
        """The value that was sealed for this place. Raises SealBroken."""
        try:
            name, box = str(sealed["key"]), base64.b64decode(sealed["box"], validate=True)
            opened = self._ciphers[name].decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound(name, place))
        except (KeyError, TypeError, ValueError, InvalidTag):
            raise SealBroken(place) from None
        return json.loads(opened)


def _bound(key: str, place: str) -> bytes:
    return f"{key} {place}".encode()
