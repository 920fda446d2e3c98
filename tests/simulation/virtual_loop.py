"""An event loop without a world: one thread, no sockets, and time that jumps to the next timer when nothing is ready."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

# When every schedule begins: a Monday in winter, mid-morning in New York.
BEGINNING = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)


class NothingLeftToDo(Exception):
    """Nothing is ready and no timer is set: the waiting tasks would wait for ever."""


class _Jump:
    """Stands where a loop has its selector: instead of waiting for the time to pass, it lets it have passed."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeftToDo
        self._loop.elapsed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose `time()` is virtual: seconds since the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0
        self._selector = _Jump(self)
        self._clock_resolution = 1e-6  # rounding must not leave a timer a hair's breadth away

    def time(self) -> float:
        """Answer virtual seconds since the beginning."""
        return self.elapsed

    def now(self) -> datetime:
        """Answer the true moment, UTC."""
        return BEGINNING + timedelta(seconds=round(self.elapsed, 6))

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake it from."""


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run to the end, and end whatever is left over."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
