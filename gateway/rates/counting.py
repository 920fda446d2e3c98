"""Counts what was done in windows of our own clock, in Redis where there is one, else in the process.

A window begins at a full minute, ten minutes or hour since 1970, and its number is part of the key: so whoever is refused can be told
when to come again, gateways agree however the storage tells time, and a count can be taken back from the window that it was put in.
Around the turn of a window twice as much may pass as in one.

What every request counts (`add_in_steps`) is exact in one process and follows in steps between several. Each process hands over what it
counted, once and in one question at a time, and takes from the answer what the *others* counted. So what a count is believed to be is
never more than what was really counted, and never less than what this process counted itself: however many requests are in flight,
however slow the storage is, whatever answers get lost.

Keys: `frontdoor:<tenant>:rates:<what>/<HMAC of the subject>/<window>/…`; no name of anybody, and no address, stands in them.
"""

import asyncio
import contextvars
import math
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage

from booking.ports import Clock
from gateway.callers.tokens import keyed_digest
from gateway.rates.memory import MOST, Expiring, Tally

log = structlog.get_logger(__name__)

# What is counted at every request goes to Redis in steps of so many: a question to Redis costs more than a small query does.
STEP = 10

# A Redis that did not answer is not asked again for this long: requests shall not each wait for its timeout.
LEFT_ALONE = 5.0


@dataclass(frozen=True, kw_only=True)
class Bound:
    """At most so many in a window, of one subject."""

    what: str
    subject: str  # `<scope>:<who it is>`; is hashed
    most: int
    window: timedelta

    @property
    def scope(self) -> str:
        """For whom it holds: a caller, a network, all strangers together."""
        return self.subject.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a bound stands at, with what was just added."""

    bound: Bound
    value: int
    key: str
    own: Tally | None = None  # where this process counted it; None: it is in the shared storage
    in_doubt: bool = False  # it was counted here, and perhaps there as well: no answer came

    @property
    def exceeded(self) -> bool:
        """Whether it is more than it may be."""
        return self.value > self.bound.most


class Counts:
    """Counts for one process; where Redis does not answer, it counts by itself until that does again."""

    def __init__(self, *, clock: Clock, key: bytes, shared: Storage | None = None) -> None:
        """`key` hides subjects; `shared` is what all processes count in."""
        self._clock = clock
        self._key = key
        self._shared = shared
        # A store for each scope: what anybody can make up by the thousand pushes out its like, and never what is counted for
        # everybody, of which there are a handful.
        self._tallies: defaultdict[str, Expiring[Tally]] = defaultdict(lambda: Expiring(Tally, now=self._now))
        self._tasks: set[asyncio.Task[None]] = set()
        # To be taken back once the shared storage is asked again.
        self._owed: deque[Count] = deque(maxlen=MOST)
        self._alone_until = 0.0

    async def add(self, bounds: Sequence[Bound], amount: int = 1) -> tuple[Count, ...]:
        """Count it for each; what is too much is counted too."""
        return tuple(await asyncio.gather(*(self._add(bound, amount) for bound in bounds)))

    async def add_in_steps(self, bounds: Sequence[Bound]) -> tuple[Count, ...]:
        """Count one for each, as this process knows: what others have counted is learned with every tenth of its own."""
        return tuple([await self._add_in_steps(bound) for bound in bounds])

    async def take_back(self, counts: Sequence[Count]) -> None:
        """Count one less in each of their windows, as soon as the storage is asked again; what it fails to take back stays."""
        await asyncio.gather(*map(self._take_back, counts))

    async def wait(self, bound: Bound) -> int:
        """In how many seconds one more will not be too many, as this process has counted; 0: it would not be now."""
        tally = self._tallies[bound.scope].get(self._name(bound))
        return self._left(bound) if tally is not None and tally.own >= bound.most else 0

    def retry_after(self, counts: Sequence[Count]) -> int:
        """In how many seconds the windows of those that are exceeded are over; 0: none is."""
        return max((self._left(one.bound) for one in counts if one.exceeded), default=0)

    async def _add(self, bound: Bound, amount: int) -> Count:
        key, asked = self._name(bound), self._asks_shared()
        if asked and (value := await self._share(key, bound, amount)) is not None:
            return Count(bound=bound, value=value, key=key)
        tally = self._tally(key, bound)
        tally.own += amount
        return Count(bound=bound, value=tally.own, key=key, own=tally, in_doubt=asked)

    async def _add_in_steps(self, bound: Bound) -> Count:
        key = self._name(bound)
        tally = self._tally(key, bound)
        tally.own += 1
        own = tally.own  # while others are asked, more may come: they do not count against this one
        if tally.untold >= STEP and not tally.event_dispatch and self._asks_shared():
            await self._tell(key, bound, tally)
        return Count(bound=bound, value=own + tally.others, key=key, own=tally)

    async def _tell(self, key: str, bound: Bound, tally: Tally) -> None:
        """Tell the other processes, and hear of them. It goes on when whoever waits for it hangs up."""

        async def tell() -> None:
            try:
                if (total := await self._share(key, bound, tally.tell())) is not None:
                    tally.hear(total)
            finally:
                tally.event_dispatch = False

        tally.event_dispatch = True
        await asyncio.shield(self._in_nobodys_name(tell()))

    async def _take_back(self, count: Count) -> None:
        """What is in doubt is taken back from both: it paid, and shall keep nobody out. Missed by one is better than stuck for an hour."""
        if count.own is not None:
            count.own.own -= 1
        if count.own is None or count.in_doubt:
            await self._take_back_shared(count)

    async def _take_back_shared(self, count: Count) -> None:
        if self._asks_shared():
            await self._share(count.key, count.bound, -1)
        else:
            self._owed.append(count)

    def _take_back_owed(self) -> None:
        owed = list(self._owed)
        self._owed.clear()
        for count in owed:
            self._in_nobodys_name(self._take_back_shared(count))

    def _in_nobodys_name(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do it whether or not whoever caused it stays."""
        task = asyncio.create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _asks_shared(self) -> bool:
        return self._shared is not None and time.monotonic() >= self._alone_until

    async def _share(self, key: str, bound: Bound, amount: int) -> int | None:
        """What all processes have counted, with this; None where that is not to be had."""
        if self._shared is None or not self._asks_shared():
            return None
        try:
            value = await self._shared.incr(key, _seconds(bound), amount)
        except self._shared.base_exceptions as error:
            self._alone_until = time.monotonic() + LEFT_ALONE
            log.warning("rates.redis_unavailable", error=type(error).__name__)
            return None
        if self._owed:
            self._take_back_owed()
        return value

    def _tally(self, key: str, bound: Bound) -> Tally:
        return self._tallies[bound.scope].get_or_add(key, _seconds(bound))

    def _name(self, bound: Bound) -> str:
        window = int(self._now() // bound.window.total_seconds())
        subject = keyed_digest(self._key, bound.subject)[:32]
        item = RateLimitItemPerSecond(bound.most, _seconds(bound), namespace=bound.what)
        return item.key_for(subject, window)

    def _left(self, bound: Bound) -> int:
        """Whole seconds, at least 1, after which the window is over."""
        length = bound.window.total_seconds()
        return max(1, math.ceil(length - self._now() % length))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _seconds(bound: Bound) -> int:
    return round(bound.window.total_seconds())
