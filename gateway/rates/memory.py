"""Counts in the memory of one process: a storage of `limits` on a clock of ours."""

import heapq
from collections.abc import Callable

from limits.aio.storage import Storage

# Some 20 MB. Beyond it, what would be forgotten first is: a flood of made-up visitors does not fill the memory.
MOST = 100_000


class ProcessStorage(Storage):
    """The library's own memory storage looks through all keys at every hit, and tells time by the machine alone."""

    STORAGE_SCHEME = None

    def __init__(self, now: Callable[[], float], *, most: int = MOST) -> None:
        """`now` tells seconds since 1970."""
        super().__init__()
        self._now = now
        self._most = most
        self._counts: dict[str, int] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of when each is forgotten

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Nothing can go wrong."""
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count, which is forgotten `expiry` seconds after it began."""
        now = self._now()
        while self._ends and (self._ends[0][0] <= now or len(self._ends) >= self._most):
            self._counts.pop(heapq.heappop(self._ends)[1], None)
        if key not in self._counts:
            heapq.heappush(self._ends, (now + expiry, key))
        self._counts[key] = self._counts.get(key, 0) + amount
        return self._counts[key]

    async def get(self, key: str) -> int:
        """A count."""
        return self._counts.get(key, 0)

    async def get_expiry(self, key: str) -> float:
        """When it is forgotten, in seconds since 1970."""
        return next((end for end, name in self._ends if name == key), self._now())

    async def check(self) -> bool:
        """It is always there."""
        return True

    async def reset(self) -> int | None:
        """Forget everything."""
        forgotten = len(self._counts)
        self._counts.clear()
        self._ends.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Count from nothing."""
        if key in self._counts:
            self._counts[key] = 0
