"""The catalog cache in Redis, shared by all processes.

The key, below the prefix: `catalog:<shape>` (one reading; the shape is a hash of its schema, so that another version of this program
never reads what it cannot parse). It expires after `STALE`, and holds no patient data.
"""

import hashlib
import json
from functools import cache

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from booking.catalog.cached import STALE, CatalogReading

log = structlog.get_logger(__name__)

# Bytes: some thousands of plans and clinicians. A larger catalog is read by each process for itself.
LARGEST = 2_000_000


class RedisCatalogCache:
    """The port CatalogCache. Never raises: a Redis that does not answer counts as an empty cache."""

    def __init__(self, *, client: Redis, prefix: str) -> None:
        self._client = client
        self._reading_key = f"{prefix}catalog:{_shape()}"

    async def last(self) -> CatalogReading | None:
        """The last reading, at most `STALE` old; None where there is none."""
        try:
            text = await self._client.get(self._reading_key)
            return _readings().validate_json(text) if text else None
        except RedisError as error:
            _unavailable(error)
        except ValidationError:
            log.warning("catalog.unreadable_in_cache")
        return None

    async def put(self, reading: CatalogReading) -> None:
        """Store a reading, unless it is too large."""
        text = _readings().dump_json(reading)
        if len(text) > LARGEST:
            log.warning("catalog.too_large_for_cache", size=len(text))
            return
        try:
            await self._client.set(self._reading_key, text, ex=STALE)
        except RedisError as error:
            _unavailable(error)


@cache
def _readings() -> TypeAdapter[CatalogReading]:
    return TypeAdapter(CatalogReading)


def _shape() -> str:
    schema = json.dumps(_readings().json_schema(), sort_keys=True)
    return hashlib.sha256(schema.encode()).hexdigest()[:8]


def _unavailable(error: RedisError) -> None:
    log.warning("catalog.cache_unavailable", error=type(error).__name__)
