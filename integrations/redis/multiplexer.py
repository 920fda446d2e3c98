"""Multiplexer: the scripts of all callers over one connection to Redis, each sent at once, and answered in their order.

The client takes a connection from its pool for each command, with locks, timeouts and a retry around it: several times what the command costs.
It still opens the connection, with all that an address may say: TLS, a password, a database.
"""

import asyncio
from collections import deque
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as ConnectionBroke
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as TookTooLong

from integrations.redis.replies import Incomplete, Pushed, read, written


class Multiplexer:
    """Executes commands for one event loop; opens nothing before the first."""

    def __init__(self, pool: ConnectionPool, *, timeout: float) -> None:
        """`timeout`: seconds within which each reply must have come."""
        self._pool = pool
        self._timeout = timeout
        self._wire: _Wire | None = None
        self._opening = asyncio.Lock()

    async def execute(self, *command: str | bytes | float) -> Any:
        """The reply, its texts as bytes. Raises RedisError.

        Sent once more when the connection breaks, though the server may have executed it already; not after a timeout. Whoever is
        cancelled leaves the command to be executed or not.
        """
        data = written(command)
        try:
            return await (self._usable() or await self._opened()).exchange(data)
        except ConnectionBroke:
            return await (self._usable() or await self._opened()).exchange(data)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            await self._wire.aclose()

    def _usable(self) -> "_Wire | None":
        return self._wire if self._wire is not None and self._wire.is_open else None

    async def _opened(self) -> "_Wire":
        """The connection, or a new one in the place of one that broke. Raises RedisError."""
        async with self._opening:
            if (usable := self._usable()) is not None:
                return usable
            await self.aclose()
            connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await connection.connect()  # type: ignore[no-untyped-call]
            self._wire = _Wire(connection, timeout=self._timeout)
            return self._wire


class _Wire(asyncio.Protocol):
    """One connection, and the callers whose commands are under way, in order."""

    def __init__(self, connection: AbstractConnection, *, timeout: float) -> None:
        """Takes over the connection, which is open and idle."""
        self.is_open = True
        self._connection = connection
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()  # since when
        self._watch: asyncio.TimerHandle | None = None
        writer: Any = connection._writer  # noqa: SLF001  # tests/unit/test_private_names.py
        self._transport = cast("asyncio.Transport", writer.transport)
        self._transport.set_protocol(self)

    async def exchange(self, data: bytes) -> Any:
        """Send one command; its reply. Raises RedisError."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((self._loop.time(), reply))
        self._transport.write(data)
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._check)
        return await reply

    async def aclose(self) -> None:
        """Close the connection; whoever waits gets an error."""
        self._end(ConnectionBroke("closed"))
        await self._connection.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """Give each whole reply to its caller."""
        self._unread += data
        at = 0
        try:
            while at < len(self._unread):
                reply, at = read(self._unread, at)
                if reply is not Pushed:
                    self._give(reply)
        except Incomplete:
            pass
        except (InvalidResponse, ValueError, IndexError):
            self._end(InvalidResponse("not what Redis answers"))
        self._unread = self._unread[at:]

    def connection_lost(self, _: Exception | None) -> None:
        """Whoever waits may ask once more."""
        self._end(ConnectionBroke("the connection broke"))

    def _give(self, reply: Any) -> None:
        _, caller = self._waiting.popleft()
        if caller.done():  # it was cancelled
            return
        if isinstance(reply, RedisError):
            caller.set_exception(reply)
        else:
            caller.set_result(reply)

    def _check(self) -> None:
        """Give up the connection when its oldest command has waited too long: one timer for all of them."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0][0] + self._timeout - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._check)
        else:
            self._end(TookTooLong("Redis does not answer"))

    def _end(self, error: RedisError) -> None:
        """Use the connection no more; everybody who waits gets the error."""
        self.is_open = False
        self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._waiting:
            _, caller = self._waiting.popleft()
            if not caller.done():
                caller.set_exception(error)
