"""Counts in Redis: the storage of `limits`, over the connections that we have."""

from limits.aio.storage import RedisStorage
from redis.asyncio import Redis


def redis_storage(client: Redis, prefix: str) -> RedisStorage:
    """Counts below `<prefix>:`; each goes by itself. The connections are the client's, and its owner ends them."""
    return RedisStorage(
        "redis://",  # not opened: the pool knows where
        implementation="redispy",
        key_prefix=prefix,
        connection_pool=client.connection_pool,  # type: ignore[arg-type]  # passed on to the client, as documented
    )
