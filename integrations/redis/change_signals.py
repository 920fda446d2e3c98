"""ChangeSignals among processes, over one channel of Redis: ids of what changed, nothing of what it is now.

Word that is lost, with the connection or with the process that was to give it, is found again by each process' lookout.
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

# A connection that was quiet for so long is asked whether it is there; as long again it may take to answer.
_QUIET = 5.0

# Between attempts to listen again: soon enough for people, and no load for a server that comes up.
_PAUSE = 1.0

log = structlog.get_logger(__name__)


class RedisChangeSignals:
    """The port ChangeSignals. Listeners of this process are told at once and do not depend on Redis."""

    def __init__(self, *, client: Redis, listener: Redis, channel: str, local: LocalChangeSignals) -> None:
        """`listener` reports a connection that breaks, see `connect_listener`."""
        self._client = client
        self._listener = listener
        self._channel = channel
        self._local = local
        self._name = secrets.token_hex(8)  # what we say ourselves is not heard again
        self._unsaid: set[str] = set()
        self._saying: asyncio.Task[None] | None = None

    def publish(self, topics: Collection[str]) -> None:
        """Tell whoever listens; other processes in a moment."""
        self._local.publish(topics)
        self._unsaid.update(topics)
        if self._unsaid and (self._saying is None or self._saying.done()):
            # Nobody's in particular: it says what others bring after the one who started it.
            self._saying = asyncio.create_task(self._say(), context=contextvars.Context())

    async def aclose(self) -> None:
        """Say what is unsaid."""
        if self._saying is not None:
            await self._saying

    async def listen(self, *, healed: Callable[[], object]) -> None:
        """Pass on what other processes say, until cancelled. `healed` is called when word could come again, and may have been lost."""
        while True:
            try:
                await self._listen(healed)
            except Exception as error:  # noqa: BLE001  # a message that is no poke among it: nothing may end the listening
                log.warning("change_signals.redis_unavailable", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _listen(self, healed: Callable[[], object]) -> None:
        async with self._listener.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            asked = False
            while True:
                message = await pubsub.get_message(timeout=_QUIET)
                if message is None:
                    if asked:
                        raise TimeoutError("Redis does not answer")
                    await pubsub.ping()
                elif message["type"] == "subscribe":
                    healed()
                elif message["type"] == "message":
                    self._hear(message["data"])
                asked = message is None

    async def _say(self) -> None:
        while self._unsaid:
            topics, self._unsaid = sorted(self._unsaid), set()
            try:
                await self._client.publish(self._channel, json.dumps([self._name, *topics]))
            except RedisError as error:
                log.warning("change_signals.not_published", error=type(error).__name__)

    def _hear(self, text: str) -> None:
        name, *topics = json.loads(text)
        if name != self._name:
            self._local.publish(topics)
