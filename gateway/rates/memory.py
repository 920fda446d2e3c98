"""The counts of one process, in memory: each expires with its window, and their number is bounded."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")

# Some 20 MB. Beyond it the entry that expires first is evicted: a flood of made-up visitors cannot fill the memory.
MOST = 100_000


class Expiring(Generic[V]):
    """Values by key that expire; beyond `most` entries, those that expire first are evicted."""

    def __init__(self, new: Callable[[], V], *, now: Callable[[], float], most: int = MOST) -> None:
        """`new` makes the value of a missing key; `now` returns seconds since 1970 (UTC)."""
        self._new = new
        self._now = now
        self._most = most
        self._values: dict[str, V] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of expiry times and keys

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> V | None:
        """The value, or None when there is none or it has expired."""
        self._evict(self._most)
        return self._values.get(key)

    def get_or_add(self, key: str, expiry: int) -> V:
        """The value, or a new one that expires in `expiry` seconds."""
        value = self.get(key)
        if value is None:
            self._evict(self._most - 1)
            value = self._values[key] = self._new()
            heapq.heappush(self._ends, (self._now() + expiry, key))
        return value

    def _evict(self, most: int) -> None:
        """Remove what has expired, and the entries beyond `most`."""
        ends = self._ends
        if ends:
            now = self._now()
            while ends and (ends[0][0] <= now or len(ends) > most):
                del self._values[heapq.heappop(ends)[1]]


@dataclass(kw_only=True)
class Tally:
    """One count as one process knows it. Within a window the numbers only grow, except for what is taken back."""

    own: int = 0  # counted by this process
    sent: int = 0  # of `own`: sent to the shared storage, whether or not it arrived
    others: int = 0  # counted by other processes, as of the last answer
    exchanging: bool = False  # a request to the shared storage is under way

    @property
    def unsent(self) -> int:
        """Counted here and not sent yet."""
        return self.own - self.sent

    def take_unsent(self) -> int:
        """Mark the rest as sent and return it. A lost request is not sent again, since it may have been counted (at most once)."""
        amount, self.sent = self.unsent, self.own
        return amount

    def receive(self, total: int) -> None:
        """Update `others` from the shared total, as of right after the last addition. A storage that lost its data lowers nothing."""
        self.others = max(self.others, total - self.sent)
