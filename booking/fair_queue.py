"""A fair queue: of those who wait, whoever's sender has had least lately goes next.

What a sender has had counts half as much after a while: so a flood waits behind itself, and somebody who comes with a few requests goes
before all of it, not in turn with it, however many floods there are. It is a debt, too, that wears off at a steady rate: whoever
owes more than their share is in excess. A sender is a path from the large to the small, such as a network and a visitor in it: networks are fair to one another, and so are the visitors of one.

A place may be asked for by several senders at once (see `SingleFlight`), who come and go while it waits: it stands where the first
of them would stand.
"""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from booking.pacing import Lane

V = TypeVar("V")

Sender: TypeAlias = tuple[str, ...]

# After so long, in the unit of the queue's time, what was had counts half. Longer than a page of several requests takes when many ask.
HALVED_IN = 30.0

# What counts for next to nothing is looked for when there are so many, and forgotten: one for each sender of the last minutes.
_MANY = 1_000
_NOTHING = 0.1  # of what was given last


class QueueFull(Exception):
    """Too many of this sender wait already."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, and what for."""

    sender: Sender
    lane: Lane = Lane.BROWSING


@dataclass(kw_only=True, eq=False)
class Ticket(Generic[V]):
    """Somebody's place; `given` is what they wait for."""

    number: int
    askers: Callable[[], Collection[Asker]]  # those of this moment
    given: "asyncio.Future[V]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    counted: tuple[Sender, ...] = ()  # for whom it counts as waiting


@dataclass(frozen=True, kw_only=True)
class _Account:
    """What one sender has had."""

    due: float = 0.0  # when the debt will have worn off
    had: float = 0.0  # lately, as it counted then:
    at: float = 0.0

    def had_by(self, now: float) -> float:
        return float(self.had * 2 ** ((self.at - now) / HALVED_IN))

    def charged(self, amount: float, now: float) -> "_Account":
        return _Account(due=max(self.due, now) + amount, had=self.had_by(now) + amount, at=now)


_NEW = _Account()


class FairQueue(Generic[V]):
    """Who waits, and who is next. Choosing looks at every place: whoever keeps the queue sees that they are few (`beyond`)."""

    def __init__(
        self, *, time: Callable[[], float], most: tuple[int, ...] = (), share: float = math.inf
    ) -> None:
        """`most` may wait of one sender, for each length of a path. Who owes more than `share` is in excess.

        Debts are in the unit of `time`, which need not be seconds.
        """
        self._time = time
        self._most = most
        self._share = share
        self._places: dict[int, Ticket[V]] = {}
        self._numbers = itertools.count()
        self._waiting: Counter[Sender] = Counter()
        self._accounts: dict[Sender, _Account] = {}
        self._many = _MANY

    def join(self, askers: Callable[[], Collection[Asker]]) -> Ticket[V]:
        """A new place. Raises QueueFull when too many wait for each of those who ask."""
        # What is watched has a bound of its own.
        bounded = [asker for asker in askers() if asker.lane is not Lane.RENEWAL]
        if bounded and all(map(self._is_full, bounded)):
            raise QueueFull
        counted = tuple(path for asker in bounded for path in _paths(asker.sender))
        place: Ticket[V] = Ticket(number=next(self._numbers), askers=askers, counted=counted)
        self._waiting.update(counted)
        self._places[place.number] = place
        return place

    def leave(self, place: Ticket[V]) -> None:
        """Give the place up, whether its turn had come or not."""
        if self._places.pop(place.number, None) is not None:
            self._waiting -= Counter(place.counted)

    def waiting(self) -> list[Ticket[V]]:
        """All places that have been given nothing yet, in the order in which they came."""
        return [place for place in self._places.values() if not place.given.done()]

    def first(self) -> Ticket[V] | None:
        """The place that is next."""
        return min(self.waiting(), key=self._rank, default=None)

    def beyond(self, most: int) -> list[Ticket[V]]:
        """Those by which the places are more than so many: of the senders who have most of them, their last."""
        waiting = self.waiting()
        if len(waiting) <= most:
            return []
        ahead: Counter[tuple[Sender, ...]] = Counter()  # of the same sender

        def taken(place: Ticket[V]) -> int:
            ahead[place.counted[:1]] += 1
            return ahead[place.counted[:1]]

        return sorted(sorted(waiting, key=self._rank), key=taken)[most:]

    def lane_of(self, place: Ticket[V]) -> Lane:
        """The lane in which it stands now."""
        return self._rank(place)[0]

    def charge(self, askers: Collection[Asker], amount: float) -> None:
        """Put down to these what they were given, to each their part."""
        now = self._time()
        for asker in askers:
            for path in _paths(asker.sender):
                account = self._accounts.get(path, _NEW)
                self._accounts[path] = account.charged(amount / len(askers), now)
        if len(self._accounts) > self._many:
            kept = {
                path: one
                for path, one in self._accounts.items()
                if one.due > now or one.had_by(now) > _NOTHING * amount
            }
            self._accounts, self._many = kept, max(_MANY, 2 * len(kept))

    def _rank(self, place: Ticket[V]) -> tuple[Lane, Lane, tuple[float, ...], int]:
        """What is smaller goes first. Nobody asks for it any more: last of all."""
        return min(
            (self._standing(asker, place.number) for asker in place.askers()),
            default=(Lane.EXCESS, Lane.EXCESS, (math.inf,), place.number),
        )

    def _standing(self, asker: Asker, number: int) -> tuple[Lane, Lane, tuple[float, ...], int]:
        now = self._time()
        accounts = [self._accounts.get(path, _NEW) for path in _paths(asker.sender)]
        excess = accounts[0].due - now > self._share and asker.lane is not Lane.CHECKOUT
        had = tuple(account.had_by(now) for account in accounts)
        return Lane.EXCESS if excess else asker.lane, asker.lane, had, number

    def _is_full(self, asker: Asker) -> bool:
        return any(
            self._waiting[path] >= most for path, most in zip(_paths(asker.sender), self._most, strict=False)
        )


def _paths(sender: Sender) -> list[Sender]:
    """The sender and all that it is a part of, the largest first."""
    return [sender[:length] for length in range(1, len(sender) + 1)]
