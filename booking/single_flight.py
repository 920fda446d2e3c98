"""Single flight: concurrent identical calls share one execution."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from booking.tasks import cancel_and_wait
from booking.work_context import WorkContext, current_work, in_time, shared_by

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(kw_only=True, eq=False)
class _Flight(Generic[V]):
    """One execution, and the contexts of the callers that wait for it."""

    sharers: dict[object, WorkContext] = field(default_factory=dict)
    task: "asyncio.Task[V]" = field(init=False)


class SingleFlight(Generic[K, V]):
    """Runs at most one execution per key at a time; callers that arrive meanwhile get its result or error.

    A caller that is cancelled or reaches its deadline leaves, and the execution goes on for the others. When the last caller
    has left it is cancelled; with `finished` it runs to its end instead, for later callers.
    """

    def __init__(self, *, finished: bool = False) -> None:
        self._finished = finished
        self._running: dict[K, _Flight[V]] = {}

    async def __call__(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """Return the result of the execution under way for the key, or start `work`.

        Raises what the work raises, and UpstreamUnavailable when the caller's deadline passes first.
        """
        flight = self._running.get(key) or self._begun(key, work)
        caller = object()  # a key of its own: two calls of one request have equal contexts
        flight.sharers[caller] = current_work.get()
        try:
            async with in_time():
                return await asyncio.shield(flight.task)
        finally:
            del flight.sharers[caller]
            if not flight.sharers and not self._finished:
                self._forget(key, flight)
                # Waited for, because the caller may close what the work uses as soon as it returns.
                await cancel_and_wait([flight.task])

    def _begun(self, key: K, work: Callable[[], Awaitable[V]]) -> _Flight[V]:
        flight = self._running[key] = _Flight[V]()
        flight.task = asyncio.ensure_future(_run(work, flight.sharers.values()))
        flight.task.add_done_callback(lambda done: self._ended(key, flight, done))
        return flight

    def _ended(self, key: K, flight: _Flight[V], done: "asyncio.Task[V]") -> None:
        self._forget(key, flight)
        if not done.cancelled():
            done.exception()  # marks it as retrieved, also when every caller has left

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._running.get(key) is flight:
            del self._running[key]


async def _run(work: Callable[[], Awaitable[V]], sharers: Collection[WorkContext]) -> V:
    with shared_by(sharers):
        return await work()
