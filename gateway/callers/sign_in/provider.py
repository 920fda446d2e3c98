"""The provider's public keys: a cache of its JWK set, fetched on demand and refreshed in the background.

The set is found by OpenID Connect Discovery 1.0 (section 4), whose document must name the issuer itself (4.3); RFC 7517 gives
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
from gateway.strict_json import read_json
from schema.errors import RequestError

# For both documents together: requests with an unknown key wait for it.
TIMEOUT_SECONDS = 5.0

# The cached set is refreshed after this: a key that the provider withdraws is rejected soon after.
FRESH_FOR = timedelta(hours=1)

# The cached set is used this long while the provider does not answer: its outage should not be ours within a working day.
KEPT_FOR = timedelta(hours=12)

# The least time between two fetches: tokens that name made-up keys must not cause a request each.
PAUSE = timedelta(seconds=10)

# Real key sets have some kilobytes.
_LONGEST_ANSWER = 256 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProviderKey:
    """A key that verifies signatures."""

    kind: str  # `kty`
    algorithm: str | None  # `alg`, the only one it may be used with; None: not stated
    key: Any


class SignInUnavailable(RequestError):
    """The provider's keys cannot be fetched, so no token can be verified."""

    code = "SIGN_IN_UNAVAILABLE"
    message = "Signing in does not work at the moment. Try again in a minute."
    status = 503
    retryable = True
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "10"})


class ProviderKeys:
    """The keys of one issuer, cached for all requests of this process."""

    def __init__(self, *, issuer: str, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._issuer = issuer
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, ProviderKey] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._background: asyncio.Task[None] | None = None
        # Not cancelled with its caller: else a client that hangs up would use up the pause and leave the keys stale.
        self._fetch: SingleFlight[str, None] = SingleFlight(finished=True)

    async def get(self, key_id: str) -> ProviderKey | None:
        """The key with this `kid`; None when the provider has none. Raises SignInUnavailable."""
        if key_id not in self._keys or self._age() > KEPT_FOR:
            await self._refresh()
        elif self._age() > FRESH_FOR:  # in the background: no request waits for a provider that is down
            self._background = asyncio.create_task(self._refresh())
        if self._age() > KEPT_FOR:
            raise SignInUnavailable
        return self._keys.get(key_id)

    def _age(self) -> timedelta:
        return self._clock.now() - self._fetched_at if self._fetched_at else timedelta.max

    async def _refresh(self) -> None:
        """Fetches the keys unless that was tried within PAUSE; concurrent callers share one fetch."""
        await self._fetch("keys", self._fetch_keys)

    async def _fetch_keys(self) -> None:
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
        discovery = await self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if discovery["issuer"] != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        key_set = await self._json(str(discovery["jwks_uri"]))
        return _usable(key_set["keys"])

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
    """The keys that have a `kid` and may verify signatures. Keys of an unknown kind are skipped."""
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
    """Whether the key may verify signatures (`use` and `key_ops`: RFC 7517, 4.2 and 4.3)."""
    operations = key.get("key_ops", ["verify"])
    return key.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
