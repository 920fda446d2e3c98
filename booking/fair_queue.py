"""FairQueue: a waiting queue that serves the sender with the least recent use next.

Each sender's use is counted in two ways. Recent use decays by half every HALVED_IN and sets the order: a flood waits behind
itself, and a caller with a few requests goes ahead of all of it, however many floods there are. Debt drains at a constant
rate; a sender whose debt exceeds their share is in excess and served last.

A sender is a path from large to small, such as a network and a visitor in it: networks share fairly with one another, and so
do the visitors within each. Several senders may wait on one ticket (see `SingleFlight`) and come and go meanwhile; the ticket
has the rank of its best-placed sender.
"""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar

from booking.pacing import Lane

V = TypeVar("V")

Sender: TypeAlias = tuple[str, ...]

# Half-life of recent use, in the unit of the queue's time. Longer than a page of several requests takes under load.
HALVED_IN = 30.0

# Above this many accounts (one per sender of the last minutes) the negligible ones are dropped.
_MANY = 1_000
_NOTHING = 0.1  # negligible: less than this share of the last amount charged


class QueueFull(Exception):
    """Too many requests of this sender are waiting already."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who waits, and with which priority."""

    sender: Sender
    lane: Lane = Lane.BROWSING


@dataclass(kw_only=True, eq=False)
class Ticket(Generic[V]):
    """A place in the queue; `given` resolves to what it waits for."""

    number: int
    askers: Callable[[], Collection[Asker]]  # returns the current ones
    given: "asyncio.Future[V]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    counted: tuple[Sender, ...] = ()  # the senders whose limit of waiting requests it counts against


@dataclass(frozen=True, kw_only=True)
class _Account:
    """The use of one sender."""

    due: float = 0.0  # when the debt will have drained
    had: float = 0.0  # recent use, as of `at`
    at: float = 0.0
    # Orders accounts by recent use, at whatever moment: all decay alike. Its logarithm to base 2, as it would be at 0.
    level: float = -math.inf

    def recent_at(self, now: float) -> float:
        return float(self.had * 2 ** ((self.at - now) / HALVED_IN))

    def charged(self, amount: float, now: float) -> "_Account":
        had = self.recent_at(now) + amount
        level = math.log2(had) + now / HALVED_IN if had else -math.inf
        return _Account(due=max(self.due, now) + amount, had=had, at=now, level=level)


_NEW = _Account()

# Where an asker stands: the lane that counts, the lane that was asked for, the recent use of the groups around the sender and its own.
_Standing: TypeAlias = tuple[Lane, Lane, tuple[float, ...]]
_Rank: TypeAlias = tuple[Lane, Lane, tuple[float, ...], int]

_LAST: _Standing = Lane.EXCESS, Lane.EXCESS, (math.inf,)


class FairQueue(Generic[V]):
    """The waiting tickets and which is next.

    Choosing looks at each ticket, whose askers come and go, and once at each sender's account: so of a flood each ticket costs little.
    The owner keeps their number small with `beyond`.
    """

    def __init__(
        self, *, time: Callable[[], float], most: tuple[int, ...] = (), share: float = math.inf
    ) -> None:
        """`most` limits the waiting requests of one sender, per length of its path. A debt above `share` is excess.

        Debts are in the unit of `time`, which need not be seconds.
        """
        self._time = time
        self._most = most
        self.share = share  # follows the pace
        self._tickets: dict[int, Ticket[V]] = {}
        self._numbers = itertools.count()
        self._waiting: Counter[Sender] = Counter()
        self._accounts: dict[Sender, _Account] = {}
        self._many = _MANY

    def join(self, askers: Callable[[], Collection[Asker]]) -> Ticket[V]:
        """Add a ticket. Raises QueueFull when each of its askers has too many waiting."""
        # Renewals of live queries are bounded by the subscription quota.
        bounded = [asker for asker in askers() if asker.lane is not Lane.RENEWAL]
        if bounded and all(map(self._is_full, bounded)):
            raise QueueFull
        counted = tuple(path for asker in bounded for path in _paths(asker.sender))
        ticket: Ticket[V] = Ticket(number=next(self._numbers), askers=askers, counted=counted)
        self._waiting.update(counted)
        self._tickets[ticket.number] = ticket
        return ticket

    def leave(self, ticket: Ticket[V]) -> None:
        """Remove the ticket, whether or not it was served."""
        if self._tickets.pop(ticket.number, None) is None:
            return
        for sender in ticket.counted:
            self._waiting[sender] -= 1
            if not self._waiting[sender]:
                del self._waiting[sender]

    def waiting(self) -> list[Ticket[V]]:
        """All tickets that were not served yet, in order of arrival."""
        return [ticket for ticket in self._tickets.values() if not ticket.given.done()]

    def first(self) -> Ticket[V] | None:
        """The ticket to serve next; None when nobody waits."""
        waiting = self.waiting()
        return min(waiting, key=self._ranks()) if len(waiting) > 1 else next(iter(waiting), None)

    def beyond(self, most: int) -> list[Ticket[V]]:
        """The waiting tickets in excess of `most` in all: the last ones of the senders who have most waiting."""
        if len(self._tickets) <= most or len(waiting := self.waiting()) <= most:
            return []
        ahead: Counter[tuple[Sender, ...]] = Counter()  # of the same sender

        def taken(ticket: Ticket[V]) -> int:
            ahead[ticket.counted[:1]] += 1
            return ahead[ticket.counted[:1]]

        return sorted(sorted(waiting, key=self._ranks()), key=taken)[most:]

    def lane_of(self, ticket: Ticket[V]) -> Lane:
        """The ticket's current lane."""
        return self._ranks()(ticket)[0]

    def charge(self, askers: Collection[Asker], amount: float) -> None:
        """Charge `amount` to these askers, split evenly."""
        now = self._time()
        for asker in askers:
            for path in _paths(asker.sender):
                account = self._accounts.get(path, _NEW)
                self._accounts[path] = account.charged(amount / len(askers), now)
        if len(self._accounts) > self._many:
            kept = {
                path: one
                for path, one in self._accounts.items()
                if one.due > now or one.recent_at(now) > _NOTHING * amount
            }
            self._accounts, self._many = kept, max(_MANY, 2 * len(kept))

    def _ranks(self) -> Callable[[Ticket[V]], _Rank]:
        """The sort key of tickets at this moment, lowest first. A ticket that nobody waits for any more ranks last."""
        now = self._time()
        standings: dict[tuple[Sender, Lane], _Standing] = {}

        def standing(asker: Asker) -> _Standing:
            key = asker.sender, asker.lane
            known = standings.get(key)
            if known is None:
                known = standings[key] = self._standing(asker, now)
            return known

        def rank(ticket: Ticket[V]) -> _Rank:
            return *min(map(standing, ticket.askers()), default=_LAST), ticket.number

        return rank

    def _standing(self, asker: Asker, now: float) -> _Standing:
        accounts = [self._accounts.get(path, _NEW) for path in _paths(asker.sender)]
        excess = accounts[0].due - now > self.share and asker.lane is not Lane.CHECKOUT
        levels = tuple([account.level for account in accounts])
        return Lane.EXCESS if excess else asker.lane, asker.lane, levels

    def _is_full(self, asker: Asker) -> bool:
        return any(
            self._waiting[path] >= most for path, most in zip(_paths(asker.sender), self._most, strict=False)
        )


@lru_cache(maxsize=_MANY)
def _paths(sender: Sender) -> tuple[Sender, ...]:
    """The sender's path and all its prefixes, the largest group first."""
    return tuple([sender[:length] for length in range(1, len(sender) + 1)])
