"""The provider's public keys: found by discovery, fetched when they are needed, kept, and exchanged when it changes them.

OpenID Connect Discovery 1.0 names the place (section 4) and asks that the document be the issuer's own (4.3); RFC 7517 is
the form of the keys.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx2
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from booking.ports import Clock
from booking.single_flight import SingleFlight
from gateway.json_text import read_json
from schema.errors import RequestError

# A provider that takes longer for both documents keeps everybody who signs in waiting.
TIMEOUT_SECONDS = 5.0

# A key that the provider withdraws is worth nothing to us an hour later.
FRESH_FOR = timedelta(hours=1)

# While the provider does not answer, what it said last still counts; its own outage should not be ours for a working day.
KEPT_FOR = timedelta(hours=12)

# Tokens that name made-up keys must not have us ask the provider for each: one look in so long finds every new key.
PAUSE = timedelta(seconds=10)

# The largest set of keys of any provider is some kilobytes.
_LONGEST_ANSWER = 256 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProviderKey:
    """One that signatures can be verified with."""

    kind: str  # `kty`
    algorithm: str | None  # the only one that it is for; None: the provider does not say
    key: Any


class SignInUnavailable(RequestError):
    """The provider's keys are not to be had: whether a token is good cannot be told."""

    code = "SIGN_IN_UNAVAILABLE"
    message = "Signing in does not work at the moment. Try again in a minute."
    status = 503
    retryable = True
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "10"})


class ProviderKeys:
    """The keys of one issuer, shared by all requests of this process."""

    def __init__(self, *, issuer: str, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._issuer = issuer
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, ProviderKey] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._behind: asyncio.Task[None] | None = None
        # Finished in any case: whoever hangs up would else use up the pause, and nobody's keys would be renewed.
        self._asking: SingleFlight[str, None] = SingleFlight(finished=True)

    async def get(self, key_id: str) -> ProviderKey | None:
        """The key of this id; None when the provider has none. Raises SignInUnavailable."""
        if key_id not in self._keys or self._age() > KEPT_FOR:
            await self._refresh()
        elif self._age() > FRESH_FOR:  # nobody waits for a provider that is down while its keys are known
            self._behind = asyncio.create_task(self._refresh())
        if self._age() > KEPT_FOR:
            raise SignInUnavailable
        return self._keys.get(key_id)

    def _age(self) -> timedelta:
        return self._clock.now() - self._fetched_at if self._fetched_at else timedelta.max

    async def _refresh(self) -> None:
        """Ask the provider, unless it has answered just now; whoever comes while it is asked waits for that answer."""
        await self._asking("keys", self._ask)

    async def _ask(self) -> None:
        if self._asked_at is not None and self._clock.now() < self._asked_at + PAUSE:
            return
        self._asked_at = self._clock.now()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._keys = await self._fetched()
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("sign_in.keys_not_fetched", error=type(error).__name__)
            return
        self._fetched_at = self._clock.now()
        log.info("sign_in.keys_fetched", keys=len(self._keys))

    async def _fetched(self) -> Mapping[str, ProviderKey]:
        place = await self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if place["issuer"] != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        found = await self._json(str(place["jwks_uri"]))
        return _usable(found["keys"])

    async def _json(self, url: str) -> Any:
        if not url.startswith(self._issuer.partition("//")[0]):
            raise ValueError("keys of an https issuer come over https")
        async with self._client.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LONGEST_ANSWER:
                    raise ValueError("no set of keys is that long")
        return read_json(bytes(body))


def _usable(keys: Any) -> Mapping[str, ProviderKey]:
    """Keys with an id that are there to verify signatures; what we do not know is another program's business."""
    usable = {}
    for key in keys:
        if not isinstance(key, dict) or not isinstance(key.get("kid"), str) or not _verifies(key):
            continue
        try:
            known = PyJWK.from_dict(key)
        except PyJWTError:
            log.info("sign_in.key_skipped")
            continue
        usable[key["kid"]] = ProviderKey(kind=str(key["kty"]), algorithm=key.get("alg"), key=known.key)
    return usable


def _verifies(key: Mapping[str, Any]) -> bool:
    """Whether that is what the key is for (RFC 7517, 4.2 and 4.3)."""
    operations = key.get("key_ops", ["verify"])
    return key.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
