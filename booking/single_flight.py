"""Identical calls at the same time share one."""

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
    """One piece of work, and those who wait for it."""

    sharers: dict[object, WorkContext] = field(default_factory=dict)
    task: "asyncio.Task[V]" = field(init=False)


class SingleFlight(Generic[K, V]):
    """Runs one piece of work per key at a time; who comes meanwhile gets the same answer or error.

    The work is nobody's own: a caller that is cancelled, or whose time is over, leaves, and the work goes on for the others. When
    the last has left it is cancelled, unless it is `finished` for whoever comes later.
    """

    def __init__(self, *, finished: bool = False) -> None:
        self._finished = finished
        self._running: dict[K, _Flight[V]] = {}

    async def __call__(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work under way for the key, or else of this work.

        Raises what the work raises; UpstreamUnavailable when the caller's deadline passes before it is done.
        """
        flight = self._running.get(key) or self._begun(key, work)
        caller = object()  # two of one request are alike, and yet each has those of its own who wait for it
        flight.sharers[caller] = current_work.get()
        try:
            async with in_time():
                return await asyncio.shield(flight.task)
        finally:
            del flight.sharers[caller]
            if not flight.sharers and not self._finished:
                self._forget(key, flight)
                # By then its last caller may go, and take with them what it stands on.
                await cancel_and_wait([flight.task])

    def _begun(self, key: K, work: Callable[[], Awaitable[V]]) -> _Flight[V]:
        flight = self._running[key] = _Flight[V]()
        flight.task = asyncio.ensure_future(_run(work, flight.sharers.values()))
        flight.task.add_done_callback(lambda done: self._ended(key, flight, done))
        return flight

    def _ended(self, key: K, flight: _Flight[V], done: "asyncio.Task[V]") -> None:
        self._forget(key, flight)
        if not done.cancelled():
            done.exception()  # counts as seen, also when every caller has left

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._running.get(key) is flight:
            del self._running[key]


async def _run(work: Callable[[], Awaitable[V]], sharers: Collection[WorkContext]) -> V:
    with shared_by(sharers):
        return await work()
