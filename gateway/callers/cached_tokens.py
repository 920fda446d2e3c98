"""Caches for a minute whose token was verified: a signature costs more than everything else of a small request."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from booking.ports import Clock
from booking.principals import Principal
from gateway.callers.tokens import TokenVerifier

# Much shorter than a withdrawn key is accepted (`sign_in.provider`), and than a patient's record is known by (`sign_in.patients`).
CACHED_FOR = timedelta(minutes=1)

# Tokens of one process, those verified last; some 200 bytes each.
MOST = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verified:
    principal: Principal
    at: datetime
    until: datetime


class CachedTokens:
    """Implements TokenVerifier over another one, for JWTs. A token is known by its SHA-256, never as it is.

    What is refused is not remembered.
    """

    def __init__(self, inner: TokenVerifier, *, clock: Clock, most: int = MOST) -> None:
        self._inner = inner
        self._clock = clock
        self._most = most
        self._known: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The principal that the token was issued to. Raises InvalidToken, and what the other verifier raises."""
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock.now()
        known = self._known.get(digest)
        if known is not None and known.at <= now < known.until:
            return known.principal
        principal = await self._inner.verify(token)
        self._known[digest] = _Verified(
            principal=principal, at=now, until=min(now + CACHED_FOR, _expiry_of(token))
        )
        self._known.move_to_end(digest)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return principal


def _expiry_of(token: str) -> datetime:
    """When a token that was verified expires; both verifiers require `exp`."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return datetime.fromtimestamp(float(claims["exp"]), UTC)
