"""The subscription quota: bounds what one caller and one network subscribe to, so that enough is left for others."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from booking.errors import CallerLimitReached
from booking.principals import Caller

K = TypeVar("K", bound=Hashable)

# Distinct things that one caller subscribes to at once: several pages of free times, each on several devices.
_OF_CALLER = 20

# All callers of one network, where it is known: a fifth of a process' bound. A carrier's address stands for many patients.
_OF_NETWORK = 100

# All callers with neither an identity nor a known network together: half, so that identified callers still get in.
_OF_NOBODY = 250


class SubscriptionQuota(Generic[K]):
    """Counts the distinct things that each holder of a quota subscribes to in this process.

    A thing that a holder subscribes to twice counts once.
    """

    def __init__(self) -> None:
        self._things_of: dict[str, Counter[K]] = {}

    @contextmanager
    def taken(self, thing: K, bounds: Mapping[str, int]) -> Iterator[None]:
        """Count the thing for each holder while the context is open; `bounds` is the most of each. Raises CallerLimitReached."""
        for holder, most in bounds.items():
            things = self._things_of.get(holder, ())
            if thing not in things and len(things) >= most:
                raise CallerLimitReached
        for holder in bounds:
            self._things_of.setdefault(holder, Counter())[thing] += 1
        try:
            yield
        finally:
            for holder in bounds:
                self._leave(holder, thing)

    def _leave(self, holder: str, thing: K) -> None:
        things = self._things_of[holder]
        things[thing] -= 1
        if not things[thing]:
            del things[thing]
        if not things:
            del self._things_of[holder]


def bounds_of(caller: Caller | None, client: str | None) -> Mapping[str, int]:
    """The bounds of each holder that the caller counts for; `client` is their network, where it is known."""
    bounds = {}
    if caller is not None:
        bounds[f"caller:{caller.principal.key}"] = _OF_CALLER
    if client is not None:
        bounds[f"network:{client}"] = _OF_NETWORK
    return bounds or {"nobody": _OF_NOBODY}
