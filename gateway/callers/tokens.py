"""Tokens: what proves who asks. Visitor and guest tokens are signed names; nothing of them is stored.

Each kind is signed with a key of its own, derived from the one secret of the settings.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

import jwt

from booking.ports import Clock
from booking.principals import Principal, PrincipalKind, guest_of
from gateway.clock import SystemClock
from gateway.settings import Settings
from gateway.settings.sign_in import TokenSettings

# 128 random bits: nobody meets another visitor's name by chance or by trying.
_VISITOR_BYTES = 16

# The development issuer's name and ours, so that its tokens are worth nothing to another program.
DEVELOPMENT_ISSUER = "frontdoor-development"
AUDIENCE = "frontdoor"

# One algorithm, ours to choose: a token's header never chooses.
_ALGORITHM = "HS256"

# A working day's session is longer; a development token that leaks is worth little the next hour.
DEVELOPMENT_LIFETIME = timedelta(hours=1)

# What a principal's id may be made of, so that it can stand in keys and logs.
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

# Who signs in; everybody else has a token of ours.
ROLES: Mapping[str, PrincipalKind] = {
    kind.value: kind for kind in (PrincipalKind.PATIENT, PrincipalKind.STAFF, PrincipalKind.OPERATOR)
}


class InvalidToken(Exception):
    """A token that proves nothing; why is nobody's business."""


class TokenVerifier(Protocol):
    """Reads the tokens of people who signed in."""

    async def verify(self, token: str) -> Principal:
        """Whose token it is. Raises InvalidToken."""


def derive_key(secret: str, purpose: str) -> bytes:
    """The key for one purpose: HMAC-SHA256 of its label under the secret, so that no key gives away another."""
    return hmac.digest(secret.encode(), f"frontdoor/{purpose}".encode(), hashlib.sha256)


def keyed_digest(key: bytes, text: str) -> str:
    """HMAC-SHA256, in hexadecimal: what stands for a text that is to be recognised and not read."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


class SignedNames:
    """Tokens of the form `<prefix>_<name>.<signature>`."""

    def __init__(self, *, prefix: str, key: bytes) -> None:
        self._prefix = f"{prefix}_"
        self._key = key

    def sign(self, name: str) -> str:
        """The token for the name; the same one every time."""
        return f"{self._prefix}{name}.{self._signature(name)}"

    def read(self, token: str) -> str | None:
        """The name, if the token is ours."""
        body, _, signature = token.rpartition(".")
        name = body.removeprefix(self._prefix)
        if name == body or not token.isascii():
            return None
        return name if hmac.compare_digest(signature, self._signature(name)) else None

    def _signature(self, name: str) -> str:
        return _text(hmac.digest(self._key, name.encode(), hashlib.sha256))


class GatewayTokens:
    """Visitor tokens (`fdv_…`, random) and guest tokens (`fdg_<checkout id>.…`, derived)."""

    def __init__(self, *, secret: str) -> None:
        self._visitors = SignedNames(prefix="fdv", key=derive_key(secret, "visitor-token"))
        self._guests = SignedNames(prefix="fdg", key=derive_key(secret, "guest-token"))

    def visitor(self) -> str:
        """A fresh visitor token."""
        return self._visitors.sign(_text(secrets.token_bytes(_VISITOR_BYTES)))

    def guest(self, checkout_id: str) -> str:
        """The token that opens this checkout and nothing else; the same one every time."""
        return self._guests.sign(checkout_id)

    def read_visitor(self, token: str) -> Principal | None:
        """The visitor, if the token is ours."""
        name = self._visitors.read(token)
        return Principal(kind=PrincipalKind.VISITOR, id=name) if name else None

    def read_guest(self, token: str) -> Principal | None:
        """The guest of a checkout, if the token is ours."""
        name = self._guests.read(token)
        return guest_of(name) if name else None


class DevelopmentTokens:
    """JWTs for development: a stand-in for the practice's sign-in, never accepted or issued in production."""

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
        """A token for a patient (by their id in the system of record), a member of staff or an operator. Raises ValueError."""
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
        """Whose token it is. Raises InvalidToken."""
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
    """Development tokens outside development."""


def issue_development_token(
    settings: Settings | TokenSettings,
    subject: str,
    *,
    kind: PrincipalKind = PrincipalKind.PATIENT,
    lifetime: timedelta,
) -> str:
    """A token for a person, as the practice's sign-in would issue it. Raises DevelopmentTokensRefused."""
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
    """Where nobody can sign in: every bearer token of a person is refused."""

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken."""
        del token
        raise InvalidToken


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
