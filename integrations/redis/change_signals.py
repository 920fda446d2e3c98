"""Change signals among processes, over one Redis pub/sub channel: the ids of what changed, never its content.

Signals may be lost with a connection or a process; each process' change poller finds what they would have announced.
"""

import asyncio
import contextvars
import json
import secrets
from collections.abc import Callable, Collection

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from booking.change_signals import LocalChangeSignals

# Seconds of silence after which a connection is pinged, and within which it must then answer.
_PING_AFTER = 5.0

# Seconds between attempts to reconnect: soon enough for people, and no load for a server that starts up.
_RECONNECT_AFTER = 1.0

log = structlog.get_logger(__name__)


class RedisChangeSignals:
    """The port ChangeSignals. Listeners of this process are notified at once and do not depend on Redis."""

    def __init__(self, *, client: Redis, listener: Redis, channel: str, local: LocalChangeSignals) -> None:
        """`listener` must raise when its connection breaks, see `connect_listener`."""
        self._client = client
        self._listener = listener
        self._channel = channel
        self._local = local
        self._sender = secrets.token_hex(8)  # by which a process skips its own messages
        self._unsent: set[str] = set()
        self._sending: asyncio.Task[None] | None = None

    def publish(self, topics: Collection[str]) -> None:
        """Notify the listeners of this process now, and those of other processes in the background."""
        self._local.publish(topics)
        self._unsent.update(topics)
        if self._unsent and (self._sending is None or self._sending.done()):
            # In an empty context: it also sends what later callers add.
            self._sending = asyncio.create_task(self._send(), context=contextvars.Context())

    async def aclose(self) -> None:
        """Send what is still unsent."""
        if self._sending is not None:
            await self._sending

    async def listen(self, *, healed: Callable[[], object]) -> None:
        """Forward the signals of other processes to local listeners, until cancelled.

        `healed` is called after each (re)connection: signals may have been lost before it.
        """
        while True:
            try:
                await self._listen(healed)
            except Exception as error:  # noqa: BLE001  # a malformed message included: nothing may end this loop
                log.warning("change_signals.redis_unavailable", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _listen(self, healed: Callable[[], object]) -> None:
        async with self._listener.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            pinged = False
            while True:
                message = await pubsub.get_message(timeout=_PING_AFTER)
                if message is None:
                    if pinged:
                        raise TimeoutError("Redis does not answer")
                    await pubsub.ping()
                elif message["type"] == "subscribe":
                    healed()
                elif message["type"] == "message":
                    self._receive(message["data"])
                pinged = message is None

    async def _send(self) -> None:
        while self._unsent:
            topics, self._unsent = sorted(self._unsent), set()
            try:
                await self._client.publish(self._channel, json.dumps([self._sender, *topics]))
            except RedisError as error:
                log.warning("change_signals.not_published", error=type(error).__name__)

    def _receive(self, text: str) -> None:
        sender, *topics = json.loads(text)
        if sender != self._sender:
            self._local.publish(topics)
