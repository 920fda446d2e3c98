"""Redis clients: one connection pool for each client, with timeouts and a bounded retry."""

from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroke
from redis.maint_notifications import MaintNotificationsConfig

from integrations.redis.multiplexer import Multiplexer

# Connections in a pool; further callers queue for one instead of opening a thousand.
CONNECTIONS = 50

# A hold takes well under a millisecond; a patient does not wait for a Redis that is gone.
TIMEOUT_SECONDS = 5.0

# Pacing, change signals and the catalog cache carry on without a Redis that is slower than this.
SHORT_SECONDS = 1.0


def connect_listener(url: str) -> Redis:
    """A client for one pub/sub connection. A broken connection raises, and is not silently reopened."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=SHORT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class ScriptingRedis(Redis):
    """A client that executes scripts over one more connection, which all callers share (`multiplexer`)."""

    scripts: Multiplexer

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001  # the library's signature
        """Close all connections."""
        await self.scripts.aclose()
        await super().aclose(close_connection_pool)


def connect_redis(url: str, *, timeout: float = TIMEOUT_SECONDS) -> ScriptingRedis:
    """Build a client for `redis://…`; nothing is opened yet. The caller closes it with `aclose()`. `timeout` is in seconds.

    A command whose connection breaks is retried once on a new one, though the server may have executed it already: send only
    commands that are idempotent, or nearly so. A timeout is not retried.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1, (ConnectionBroke,)),
        # With these enabled, an idle connection that the server has closed would not be detected before its next use.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    client = cast("ScriptingRedis", ScriptingRedis.from_pool(pool))
    client.scripts = Multiplexer(pool, timeout=timeout)
    return client
