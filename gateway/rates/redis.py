"""The Redis storage of the package `limits`, on the connections that the process has already."""

from limits.aio.storage import RedisStorage

from integrations.redis.client import ScriptingRedis
from integrations.redis.scripts import script


class _Storage(RedisStorage):
    """Counts by our own way to run a script: the package would take a connection from the pool for each count."""

    def __init__(self, client: ScriptingRedis, prefix: str) -> None:
        super().__init__(
            "redis://",  # required, and not used: the pool has the address
            implementation="redispy",
            key_prefix=prefix,
            connection_pool=client.connection_pool,  # type: ignore[arg-type]  # passed on to the client, as documented
        )
        self._count = script(client, "count")

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the count, which expires after so many seconds; its value."""
        value: int = await self._count(keys=[self.bridge.prefixed_key(key)], args=[expiry, amount])
        return value


def redis_storage(client: ScriptingRedis, prefix: str) -> RedisStorage:
    """A storage of counts below `<prefix>:`, each with an expiry. The connections belong to the client, whose owner closes them."""
    return _Storage(client, prefix)
