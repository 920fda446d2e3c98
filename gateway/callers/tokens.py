"""Tokens: stateless visitor and guest tokens, development JWTs, and the verifier's interface.

Visitor and guest tokens are names signed by HMAC-SHA256; nothing of them is stored. Each kind is signed with a key of its own,
derived from `FRONTDOOR_SECRET_KEY`.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import jwt

from booking.ports import Clock
from booking.principals import Principal, PrincipalKind, guest_of
from gateway.clock import SystemClock
from gateway.settings import Settings
from gateway.settings.sign_in import TokenSettings

# 128 random bits: another visitor's name is neither hit by chance nor guessed.
_VISITOR_BYTES = 16

# Tokens of one kind that one process remembers as verified, those used last, each of at most so many characters.
_REMEMBERED = 4_096
_LONGEST = 256

# `iss` and `aud` of development tokens, so that no other program accepts them.
DEVELOPMENT_ISSUER = "frontdoor-development"
AUDIENCE = "frontdoor"

# Fixed: the algorithm in a token's header is never trusted (RFC 8725, section 3.1).
_ALGORITHM = "HS256"

# Short enough that a leaked development token is soon worthless; another is one command away.
DEVELOPMENT_LIFETIME = timedelta(hours=1)

# The characters of a principal's id, so that it can be part of keys and log lines.
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

# The roles of people who sign in; visitors and guests have tokens that the gateway signs.
ROLES: Mapping[str, PrincipalKind] = {
    kind.value: kind for kind in (PrincipalKind.PATIENT, PrincipalKind.STAFF, PrincipalKind.OPERATOR)
}


T = TypeVar("T")


class InvalidToken(Exception):
    """The token is invalid. The reason is not for the caller."""


class TokenVerifier(Protocol):
    """Verifies the bearer tokens of people who signed in."""

    async def verify(self, token: str) -> Principal:
        """The principal that the token was issued to. Raises InvalidToken."""


def derive_key(secret: str, purpose: str) -> bytes:
    """Derives the key of one purpose: HMAC-SHA256 of its label under the secret, so that no key reveals another."""
    return hmac.digest(secret.encode(), f"frontdoor/{purpose}".encode(), hashlib.sha256)


def keyed_digest(key: bytes, text: str) -> str:
    """HMAC-SHA256 in hexadecimal: lets a text be recognised without being stored."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


class SignedNames(Generic[T]):
    """Signs and reads tokens of the form `<prefix>_<name>.<signature>`, which do not expire; verified ones are remembered."""

    def __init__(self, *, prefix: str, key: bytes, meaning: Callable[[str], T]) -> None:
        """`meaning`: what a name stands for."""
        self._prefix = f"{prefix}_"
        self._key = key
        self._meaning = meaning
        self._verified = lru_cache(maxsize=_REMEMBERED)(self._verify)

    def sign(self, name: str) -> str:
        """The token for the name. Deterministic."""
        return f"{self._prefix}{name}.{self._signature(name)}"

    def read(self, token: str) -> T | None:
        """What the name stands for, if the signature is valid; else None."""
        if not token.startswith(self._prefix) or len(token) > _LONGEST or not token.isascii():
            return None  # nobody else's tokens are remembered
        return self._verified(token)

    def _verify(self, token: str) -> T | None:
        body, _, signature = token.rpartition(".")
        name = body.removeprefix(self._prefix)
        if name == body or not hmac.compare_digest(signature, self._signature(name)):
            return None
        return self._meaning(name)

    def _signature(self, name: str) -> str:
        return _text(hmac.digest(self._key, name.encode(), hashlib.sha256))


class GatewayTokens:
    """Visitor tokens (`fdv_…`, random) and guest tokens (`fdg_<checkout id>.…`, derived)."""

    def __init__(self, *, secret: str) -> None:
        self._visitors = SignedNames(
            prefix="fdv", key=derive_key(secret, "visitor-token"), meaning=_visitor_of
        )
        self._guests = SignedNames(prefix="fdg", key=derive_key(secret, "guest-token"), meaning=guest_of)

    def visitor(self) -> str:
        """A fresh visitor token."""
        return self._visitors.sign(_text(secrets.token_bytes(_VISITOR_BYTES)))

    def guest(self, checkout_id: str) -> str:
        """The token that opens this checkout and nothing else. Deterministic, so that a replay can answer it again."""
        return self._guests.sign(checkout_id)

    def read_visitor(self, token: str) -> Principal | None:
        """The visitor, if the signature is valid; else None."""
        return self._visitors.read(token)

    def read_guest(self, token: str) -> Principal | None:
        """The guest of a checkout, if the signature is valid; else None."""
        return self._guests.read(token)


class DevelopmentTokens:
    """Issues and verifies JWTs in place of the practice's provider. Never used in production."""

    def __init__(self, *, secret: str, clock: Clock) -> None:
        self._key = derive_key(secret, "development-jwt")
        self._clock = clock

    def issue(
        self,
        subject: str,
        *,
        kind: PrincipalKind = PrincipalKind.PATIENT,
        lifetime: timedelta = DEVELOPMENT_LIFETIME,
    ) -> str:
        """A token for a patient (`subject` is their id in the system of record), staff or an operator. Raises ValueError."""
        if not _SUBJECT.fullmatch(subject) or kind not in ROLES.values():
            raise ValueError("A token names a person who signs in, by letters, digits, - and _.")
        now = self._clock.now()
        claims = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "role": kind.value,
            "iat": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    async def verify(self, token: str) -> Principal:
        """The principal that the token was issued to. Raises InvalidToken."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=DEVELOPMENT_ISSUER,
                audience=AUDIENCE,
                options={"require": ["exp", "iat", "sub", "role"], "verify_exp": False, "verify_iat": False},
            )
            live = self._clock.now().timestamp() < int(claims["exp"])
            kind = ROLES[claims["role"]]
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidToken from error
        if not live or not _SUBJECT.fullmatch(claims["sub"]):
            raise InvalidToken
        return Principal(kind=kind, id=claims["sub"])


class DevelopmentTokensRefused(Exception):
    """No development token is issued here: the gateway runs in production, or with a provider of its own."""


def issue_development_token(
    settings: Settings | TokenSettings,
    subject: str,
    *,
    kind: PrincipalKind = PrincipalKind.PATIENT,
    lifetime: timedelta,
) -> str:
    """A development token for a person. Raises DevelopmentTokensRefused."""
    if not settings.in_development:
        raise DevelopmentTokensRefused("Development tokens are issued in development only.")
    if settings.oidc_issuer is not None:
        raise DevelopmentTokensRefused(
            "Where FRONTDOOR_OIDC_ISSUER is set, nobody else's tokens are taken: development tokens neither."
        )
    issuer = DevelopmentTokens(secret=settings.secret_key.get_secret_value(), clock=SystemClock())
    try:
        return issuer.issue(subject, kind=kind, lifetime=lifetime)
    except ValueError as error:
        raise DevelopmentTokensRefused(str(error)) from error


class NoSignIn:
    """The TokenVerifier of a gateway without sign-in: rejects every token."""

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken."""
        del token
        raise InvalidToken


def _visitor_of(name: str) -> Principal:
    return Principal(kind=PrincipalKind.VISITOR, id=name)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
