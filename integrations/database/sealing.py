"""Sealing: encryption of patient details at rest by AES-256-GCM (NIST SP 800-38D), each value bound to its row and column.

A sealed value names its key, so that keys can be rotated while rows under the former key remain. A value that was moved to another
row or column, or changed by one bit, does not open.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# The key length of AES-256.
KEY_BYTES = 32

# Random for each value (SP 800-38D, 8.2.2): safe for 2^32 values under one key, far more than there are checkouts.
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value does not open: its key is not known, or it was altered or moved. The text names the place, never a value."""


class Sealer:
    """Seals with the current key and opens with any known one."""

    def __init__(self, keys: Mapping[str, bytes], *, current: str) -> None:
        """`keys` maps ids to keys of 32 bytes; `current` is the id of the one that seals. Raises ValueError for another length."""
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = current
        self._cipher = self._ciphers[current]

    def seal(self, value: object, *, place: str) -> dict[str, str]:
        """Encrypt a JSON value. `place` names the table, row and column where it will be stored (additional authenticated data)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = self._cipher.encrypt(nonce, json.dumps(value).encode(), _bound(self._current, place))
        return {"key": self._current, "box": base64.b64encode(nonce + box).decode("ascii")}

    def open(self, sealed: Mapping[str, Any], *, place: str) -> Any:
        """Decrypt a value that was sealed for this place. Raises SealBroken."""
        try:
            name, box = str(sealed["key"]), base64.b64decode(sealed["box"], validate=True)
            opened = self._ciphers[name].decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound(name, place))
        except (KeyError, TypeError, ValueError, InvalidTag):
            raise SealBroken(place) from None
        return json.loads(opened)


def _bound(key: str, place: str) -> bytes:
    return f"{key} {place}".encode()
