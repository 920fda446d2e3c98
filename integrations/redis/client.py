"""The connection to Redis, one pool for a process."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroke
from redis.maint_notifications import MaintNotificationsConfig

# Callers beyond this many at once queue for a connection instead of opening a thousand.
CONNECTIONS = 50

# A hold takes well under a millisecond; a patient does not wait for a Redis that is gone.
TIMEOUT_SECONDS = 5.0


# Pacing and the shared catalogue do without a Redis that is slower than this.
SHORT_SECONDS = 1.0


def connect_listener(url: str) -> Redis:
    """A client for one connection that listens; a connection that breaks is an error, and not made anew in silence."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=SHORT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def connect_redis(url: str, *, timeout: float = TIMEOUT_SECONDS) -> Redis:
    """Build a client for `redis://…`; nothing is opened yet. The caller ends it with `aclose()`. `timeout` is in seconds.

    What breaks with its connection is sent once more, on a new one: the server may have done it already, so only what is the
    same when it is done twice, or nearly so, is to be sent. What takes too long is not sent again.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1, (ConnectionBroke,)),
        # Only without these is a connection that the server cut while it rested known for that before it is used.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)
