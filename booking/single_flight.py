"""Identical calls at the same time share one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs one piece of work per key at a time; who comes meanwhile gets the same answer or error.

    The work is nobody's own: a caller that is cancelled leaves, and the work goes on for the others.
    """

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def __call__(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work under way for the key, or else of this work."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(work))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: K, done: asyncio.Task[V]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # counts as seen, also when every caller has left


async def _run(work: Callable[[], Awaitable[V]]) -> V:
    return await work()
