"""Places among the things that are watched: whoever takes many leaves enough of them to others."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from booking.errors import CallerLimitReached
from booking.principals import Caller

K = TypeVar("K", bound=Hashable)

# Different things that one caller watches at once: several pages of free times, each on several devices.
_OF_CALLER = 20

# All from one network, where it is known: a fifth of what a process watches. A carrier's address stands for many patients.
_OF_NETWORK = 100

# All who cannot be told apart, having neither a name nor a known address: half, so that whoever has a name finds a place.
_OF_NOBODY = 250


class SubscriptionQuota(Generic[K]):
    """Who watches what in this process. The same thing watched twice, by one or by many, takes one place of each."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[K]] = {}

    @contextmanager
    def taken(self, thing: K, bounds: Mapping[str, int]) -> Iterator[None]:
        """Inside, each of these holders watches the thing; they may watch so many. Raises CallerLimitReached."""
        for holder, most in bounds.items():
            things = self._of.get(holder, ())
            if thing not in things and len(things) >= most:
                raise CallerLimitReached
        for holder in bounds:
            self._of.setdefault(holder, Counter())[thing] += 1
        try:
            yield
        finally:
            for holder in bounds:
                self._leave(holder, thing)

    def _leave(self, holder: str, thing: K) -> None:
        things = self._of[holder]
        things[thing] -= 1
        if not things[thing]:
            del things[thing]
        if not things:
            del self._of[holder]


def bounds_of(caller: Caller | None, client: str | None) -> Mapping[str, int]:
    """How much whoever asks may watch, by each name that they have; `client` is their network, where it is known."""
    bounds = {}
    if caller is not None:
        bounds[f"caller:{caller.principal.key}"] = _OF_CALLER
    if client is not None:
        bounds[f"network:{client}"] = _OF_NETWORK
    return bounds or {"nobody": _OF_NOBODY}
