"""Verifies the JWTs of people who signed in with the practice's OpenID Connect provider (RFC 7519, RFC 8725)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import jwt

from booking.ports import Clock
from booking.principals import Principal, PrincipalKind
from gateway.callers.sign_in.provider import ProviderKeys
from gateway.callers.tokens import ROLES, InvalidToken

# Asymmetric algorithms by key type. Neither `none` nor an HMAC is among them, so a public key can never be taken for a shared
# secret (RFC 8725, 2.1 and 3.1).
ALGORITHMS: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA"}),
}

# Values of `typ` that are accepted, where it is present (RFC 8725, 3.11; RFC 9068, 4).
_TYPES = frozenset({"jwt", "at+jwt"})

# Claims of tokens that are not access tokens, where `typ` does not say so: ID tokens issued with an access token or a code
# (OpenID Connect Core 1.0, 3.1.3.6 and 3.3.2.11), logout tokens and other security events (RFC 8417, 2.2).
_OF_OTHER_TOKENS = frozenset({"at_hash", "c_hash", "s_hash", "events"})

# Clock skew between the provider and this machine.
SKEW = timedelta(seconds=30)

# Subjects that may appear in keys and logs as they are; any other, such as a mail address, is digested.
_PLAIN = re.compile(r"[A-Za-z0-9_|.-]{1,64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The signed-in person as the token's claims describe them."""

    issuer: str
    subject: str = field(repr=False)
    patient_id: str | None  # in the system of record, where the provider knows it
    email: str | None = field(repr=False)  # verified by the provider
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)


class PatientDirectory(Protocol):
    """Maps a signed-in person to their patient record."""

    async def patient_id(self, identity: Identity) -> str:
        """The patient's id in the system of record. Raises NoPatientRecord, UpstreamUnavailable."""


@dataclass(frozen=True, kw_only=True)
class SignInRules:
    """What a token must satisfy, and which claims are read."""

    issuer: str
    audience: str
    longest_life: timedelta
    role_claim: str = "role"
    patient_claim: str = "healthie_patient_id"
    tenant_claim: str | None = None
    tenant: str = ""


class ProviderTokens:
    """Implements TokenVerifier for the provider's tokens."""

    def __init__(
        self, *, rules: SignInRules, keys: ProviderKeys, patients: PatientDirectory, clock: Clock
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._patients = patients
        self._clock = clock

    async def verify(self, token: str) -> Principal:
        """The token's principal. Raises InvalidToken, SignInUnavailable, and what PatientDirectory raises."""
        try:
            claims = await self._claims(token)
            self._check_times(claims)
            self._check_tenant(claims)
            kind = self._kind(claims)
            identity = self._identity(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidToken from error
        if kind is PrincipalKind.PATIENT:
            return Principal(kind=kind, id=await self._patients.patient_id(identity))
        return Principal(kind=kind, id=_opaque(identity))

    async def _claims(self, token: str) -> dict[str, Any]:
        """Verifies the signature and returns the claims. The header is untrusted: it selects a key, and nothing else."""
        header = jwt.get_unverified_header(token)
        if "crit" in header:
            raise InvalidToken  # extensions that must be understood, and are not (RFC 7515, 4.1.11)
        if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in _TYPES:
            raise InvalidToken
        key = await self._keys.get(str(header["kid"]))
        if key is None or header["alg"] not in ALGORITHMS.get(key.kind, ()):
            raise InvalidToken
        if key.algorithm is not None and header["alg"] != key.algorithm:
            raise InvalidToken  # a key is for one algorithm (RFC 7517, 4.4; RFC 8725, 3.1)
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[header["alg"]],
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            options={
                "require": ["exp", "iat", "sub"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        if _OF_OTHER_TOKENS & claims.keys():
            raise InvalidToken
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        """Checks `iat`, `nbf`, `exp` and the lifetime against our own clock. Raises InvalidToken."""
        now, skew = self._clock.now().timestamp(), SKEW.total_seconds()
        issued, expires = float(claims["iat"]), float(claims["exp"])
        begins = float(claims.get("nbf", issued))
        live = max(issued, begins) - skew <= now < expires
        if not live or expires - issued > self._rules.longest_life.total_seconds():
            raise InvalidToken

    def _check_tenant(self, claims: Mapping[str, Any]) -> None:
        rules = self._rules
        if rules.tenant_claim is not None and claims.get(rules.tenant_claim) != rules.tenant:
            raise InvalidToken

    def _kind(self, claims: Mapping[str, Any]) -> PrincipalKind:
        """The one role of ours among those claimed; a patient without any. Several of ours, or none of ours, raise InvalidToken."""
        given = claims.get(self._rules.role_claim) or []
        if not isinstance(given, str | list):
            raise InvalidToken
        roles = {given} if isinstance(given, str) else set(given)
        ours = {ROLES[role] for role in roles & ROLES.keys()}
        if len(ours) > 1 or (roles and not ours):
            raise InvalidToken
        return ours.pop() if ours else PrincipalKind.PATIENT

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise InvalidToken
        patient_id = claims.get(self._rules.patient_claim)
        verified = claims.get("email_verified") is True
        return Identity(
            issuer=self._rules.issuer,
            subject=subject,
            patient_id=str(patient_id) if patient_id else None,
            email=_text(claims.get("email")) if verified else None,
            first_name=_text(claims.get("given_name")),
            last_name=_text(claims.get("family_name")),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _opaque(identity: Identity) -> str:
    """The subject if it may appear in keys and logs; else a digest of issuer and subject."""
    if _PLAIN.fullmatch(identity.subject):
        return identity.subject
    return hashlib.sha256(f"{identity.issuer} {identity.subject}".encode()).hexdigest()[:32]
