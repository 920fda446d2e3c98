"""Writing together: a commit waits for the disk, and many callers for one commit."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """What comes while a transaction is under way shares the next. For one event loop."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], *, most: int) -> None:
        """`write` makes things durable, in the order in which they came, at most so many at a time; one call of it at once."""
        self._write = write
        self._most = most
        self._waiting: dict[asyncio.Future[None], T] = {}
        self._writing: asyncio.Task[None] | None = None

    async def __call__(self, thing: T) -> None:
        """Return when it is durable. Raises what `write` raises, as do all who shared it.

        Who gives up leaves nothing behind, unless it is being written already.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[written] = thing
        if self._writing is None or self._writing.done():
            # Nobody's in particular: it writes what others bring after the one who started it.
            self._writing = asyncio.create_task(self._write_all(), context=contextvars.Context())
        try:
            await written
        finally:
            self._waiting.pop(written, None)

    async def _write_all(self) -> None:
        """Write what waits until nothing does; whoever waited is told how it went."""
        while self._waiting:
            batch = {written: self._waiting.pop(written) for written in list(self._waiting)[: self._most]}
            error: Exception | None = None
            try:
                await self._write([*batch.values()])
            except Exception as failure:  # noqa: BLE001 - it is theirs who wait
                error = failure
            for written in batch:
                if written.done():  # nobody waits any more
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)
