"""The Redis storage of the package `limits`, on the connection pool that the process has already."""

from limits.aio.storage import RedisStorage
from redis.asyncio import Redis


def redis_storage(client: Redis, prefix: str) -> RedisStorage:
    """A storage of counts below `<prefix>:`, each with an expiry. The connections belong to the client, whose owner closes them."""
    return RedisStorage(
        "redis://",  # required, and not used: the pool has the address
        implementation="redispy",
        key_prefix=prefix,
        connection_pool=client.connection_pool,  # type: ignore[arg-type]  # passed on to the client, as documented
    )
