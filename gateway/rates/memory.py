"""What one process remembers of what was counted: for as long as it counts, and no more of it than fits."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")

# Some 20 MB. Beyond it, what would be forgotten first is: a flood of made-up visitors does not fill the memory.
MOST = 100_000


class Expiring(Generic[V]):
    """Values by key, each forgotten so many seconds after it was added; beyond `most`, those that expire first are."""

    def __init__(self, new: Callable[[], V], *, now: Callable[[], float], most: int = MOST) -> None:
        """`new` makes the value of a key that is not there; `now` tells seconds since 1970."""
        self._new = new
        self._now = now
        self._most = most
        self._values: dict[str, V] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of when each is forgotten

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> V | None:
        """The value, as long as it is remembered."""
        self._forget(self._most)
        return self._values.get(key)

    def get_or_add(self, key: str, expiry: int) -> V:
        """The value, or else a new one, which is forgotten in `expiry` seconds."""
        value = self.get(key)
        if value is None:
            self._forget(self._most - 1)
            value = self._values[key] = self._new()
            heapq.heappush(self._ends, (self._now() + expiry, key))
        return value

    def _forget(self, most: int) -> None:
        """What has expired, and what is more than `most`."""
        now = self._now()
        while self._ends and (self._ends[0][0] <= now or len(self._ends) > most):
            del self._values[heapq.heappop(self._ends)[1]]


@dataclass(kw_only=True)
class Tally:
    """What one process knows of one count. Its three numbers never fall within a window, but for what is taken back."""

    own: int = 0  # counted here
    told: int = 0  # of `own`: handed to the shared storage, whether or not it arrived
    others: int = 0  # counted by other processes, as last heard
    event_dispatch: bool = False  # a question about this count is under way

    @property
    def untold(self) -> int:
        """What the other processes cannot know of yet."""
        return self.own - self.told

    def tell(self) -> int:
        """Hand over what is untold. It counts as told even if it does not arrive: told again, it could count twice."""
        amount, self.told = self.untold, self.own
        return amount

    def hear(self, total: int) -> None:
        """Learn what all have counted, right after what was told was added. A storage that forgot does not make us forget."""
        self.others = max(self.others, total - self.told)
