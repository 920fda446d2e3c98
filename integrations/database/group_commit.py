"""Group commit: concurrent callers share one transaction, since each commit waits for the disk."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Batches the items that arrive while a write is in progress into the next one. For one event loop."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], *, most: int) -> None:
        """`write` makes a batch durable; it gets at most `most` items in the order of arrival, and is never called concurrently."""
        self._write = write
        self._most = most
        self._waiting: dict[asyncio.Future[None], T] = {}
        self._writing: asyncio.Task[None] | None = None

    async def __call__(self, thing: T) -> None:
        """Return when the item is durable. Raises what `write` raises, to every caller of the batch.

        A cancelled caller's item is dropped, unless its batch is already being written.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[written] = thing
        if self._writing is None or self._writing.done():
            # In an empty context: it also writes the items of later callers.
            self._writing = asyncio.create_task(self._write_all(), context=contextvars.Context())
        try:
            await written
        finally:
            self._waiting.pop(written, None)

    async def _write_all(self) -> None:
        """Write batches until nothing waits, and pass each outcome to its callers."""
        while self._waiting:
            batch = {written: self._waiting.pop(written) for written in list(self._waiting)[: self._most]}
            error: Exception | None = None
            try:
                await self._write([*batch.values()])
            except Exception as failure:  # noqa: BLE001 - it is raised to the callers
                error = failure
            for written in batch:
                if written.done():  # its caller was cancelled
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)
