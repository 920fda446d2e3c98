"""A sign-in provider of the tests: its keys, its tokens, and its two documents over a transport without a network."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from booking.ports import Clock

ISSUER = "https://sign-in.example.com/practice/"
AUDIENCE = "frontdoor-api"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()

_ALGORITHMS: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "RS512": jwt.algorithms.RSAAlgorithm,
    "PS256": jwt.algorithms.RSAPSSAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def public(key: Any, algorithm: str, key_id: str, **changes: Any) -> dict[str, Any]:
    """A key as the provider publishes it."""
    told: dict[str, Any] = json.loads(_ALGORITHMS[algorithm].to_jwk(key.public_key()))
    return told | {"kid": key_id, "use": "sig", "alg": algorithm} | changes


@dataclass(frozen=True)
class Raw:
    """What is sent as it is."""

    content: bytes = field(repr=False)


class Trickle(httpx2.AsyncByteStream):
    """Goes on for ever, a little at a time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)


_AS_KEYS: Any = object()


@dataclass(kw_only=True)
class Provider:
    """What it publishes, and how often it was asked."""

    clock: Clock
    keys: list[Any] = field(default_factory=lambda: [public(RSA_KEY, "RS256", "k1")])
    discovery: dict[str, Any] = field(
        default_factory=lambda: {"issuer": ISSUER, "jwks_uri": "https://sign-in.example.com/keys"}
    )
    told: Any = _AS_KEYS  # in place of the set of keys
    down: bool = False
    trickles: bool = False
    asked: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # by a question
    slow: asyncio.Event | None = None  # it answers when this is set

    def client(self) -> httpx2.AsyncClient:
        """A client that reaches nobody else."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        self.reached.set()
        if self.slow is not None:
            await self.slow.wait()
        if self.down:
            raise httpx2.ConnectError("nobody there")
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx2.Response(200, json=self.discovery)
        if self.trickles:
            return httpx2.Response(200, stream=Trickle())
        if isinstance(self.told, Raw):
            return httpx2.Response(200, content=self.told.content)
        return httpx2.Response(200, json={"keys": self.keys} if self.told is _AS_KEYS else self.told)

    def token(
        self,
        key: Any = RSA_KEY,
        algorithm: str = "RS256",
        *,
        key_id: str = "k1",
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token of a patient for ten minutes, its claims changed; None takes a claim out."""
        now = self.clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "auth0|sample",
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=10)).timestamp()),
            "healthie_patient_id": "p1",
        } | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": key_id} | (header or {}))
