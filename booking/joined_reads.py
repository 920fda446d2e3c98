"""Joined reads: callers that ask at about the same time share one read of a store that answers many questions at once."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from booking.tasks import cancel_and_wait

K = TypeVar("K")
V = TypeVar("V")

# Reads that are out at once. With a single one, a read that hangs would keep all later callers waiting; with many, fewer are shared.
AT_ONCE = 2


@dataclass(kw_only=True, eq=False)
class _Read(Generic[K, V]):
    """One read, and the questions of the callers that wait for it."""

    asked: dict[object, K] = field(default_factory=dict)
    task: "asyncio.Task[V]" = field(init=False)


class JoinedReads(Generic[K, V]):
    """Collects questions until the next read begins, which answers all of them. So no answer is older than its question.

    A caller that is cancelled leaves; when the last has left the read is cancelled.
    """

    def __init__(self, read: Callable[[Collection[K]], Awaitable[V]]) -> None:
        """`read` answers the questions of several callers by one value, from which each takes its own part."""
        self._read = read
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._next: _Read[K, V] | None = None  # has not begun yet

    async def __call__(self, question: K) -> V:
        """Return the answer to this question and those of others. Raises what the read raises."""
        read = self._next or self._announced()
        caller = object()  # two callers may have equal questions
        read.asked[caller] = question
        try:
            return await asyncio.shield(read.task)
        finally:
            del read.asked[caller]
            if not read.asked and not read.task.done():
                if self._next is read:
                    self._next = None
                # Waited for, because the caller may close what the read uses as soon as it returns.
                await cancel_and_wait([read.task])

    def _announced(self) -> _Read[K, V]:
        read = self._next = _Read[K, V]()
        # In an empty context: it is done for all of its callers.
        read.task = asyncio.create_task(self._in_turn(read), context=contextvars.Context())
        return read

    async def _in_turn(self, read: _Read[K, V]) -> V:
        async with self._turns:
            self._next = None
            return await self._read([*read.asked.values()])
