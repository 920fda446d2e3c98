"""Rate counts in fixed windows of this program's clock, kept in Redis where there is one, else in the process.

A window begins at a full minute, ten minutes, hour or day since 1970 (UTC), and its number is part of the key. So a refusal can say when to
retry, gateways agree whatever clock the storage has, and a count can be subtracted from the window that it was added to. Across the
boundary of two windows up to twice the limit may pass.

`add_in_steps`, for every request, is exact within a process and eventually consistent between several. Each process sends what it has
counted once, in one request at a time per count, and derives from the answer what the *other* processes counted. The value of a
count is therefore never above what was really counted, and never below what this process counted itself, however many requests are in
flight, however slow the storage is, and whichever answers are lost.

Keys are `frontdoor:<tenant>:rates:<what>/<HMAC of the subject>/<window>/…`: they hold no name and no address.
"""

import asyncio
import contextvars
import math
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage

from booking.ports import Clock
from gateway.callers.tokens import keyed_digest
from gateway.rates.memory import MOST, Expiring, Tally

log = structlog.get_logger(__name__)

# `add_in_steps` sends to Redis once per so many counts: a round trip to Redis costs more than a small query.
STEP = 10

# Keys that one process remembers, those used last: each subject has one or two for a minute.
_KEYS = 10_000

# Seconds without requests to Redis after one failed, so that not every request waits for its timeout.
LEFT_ALONE = 5.0


# Tuples: as dataclasses they would take four times as long to make, and every request makes some.
class Bound(NamedTuple):
    """The limit of one subject: at most so many in a window."""

    what: str
    subject: str  # `<scope>:<id>`; the key holds its HMAC
    most: int
    window: timedelta

    @property
    def scope(self) -> str:
        """The kind of subject: `caller`, `network`, `block`, `day` or `strangers`."""
        return self.subject.partition(":")[0]


class Count(NamedTuple):
    """The value of a count in its window, right after an addition."""

    bound: Bound
    value: int
    key: str
    own: Tally | None = None  # where this process counted; None: counted in the shared storage
    in_doubt: bool = False  # counted here, and perhaps in the shared storage too: its answer was lost

    @property
    def exceeded(self) -> bool:
        """Whether the value is above the limit."""
        return self.value > self.bound.most


class Counts:
    """Rate counts as one process sees them. While Redis does not answer, the process counts alone, from zero."""

    def __init__(self, *, clock: Clock, key: bytes, shared: Storage | None = None) -> None:
        """`key` is for the HMAC of subjects; `shared` is the storage of all processes, or None."""
        self._clock = clock
        self._key = key
        self._shared = shared
        # One bounded store per scope, so that a flood of made-up callers evicts other callers only, never the few counts that
        # all strangers share.
        self._tallies: defaultdict[str, Expiring[Tally]] = defaultdict(lambda: Expiring(Tally, now=self._now))
        self._tasks: set[asyncio.Task[None]] = set()
        # Bounded for the same reason. A key holds an HMAC, which costs more than everything else of a count.
        self._key_of = lru_cache(maxsize=_KEYS)(self._new_key)
        # Subtractions to repeat once the shared storage is available again.
        self._owed: deque[Count] = deque(maxlen=MOST)
        self._alone_until = 0.0

    async def add(self, bounds: Sequence[Bound], amount: int = 1) -> tuple[Count, ...]:
        """Add the amount to each count, also beyond its limit, and return the new values."""
        return tuple(await asyncio.gather(*(self._add(bound, amount) for bound in bounds)))

    async def add_in_steps(self, bounds: Sequence[Bound]) -> tuple[Count, ...]:
        """Add one to each count. The counts of other processes are as of this process's last multiple of STEP."""
        return tuple([await self._add_in_steps(bound) for bound in bounds])

    async def take_back(self, counts: Sequence[Count]) -> None:
        """Subtract one from each, in the window of its addition. Deferred while the storage is away; one that fails is lost."""
        await asyncio.gather(*map(self._take_back, counts))

    async def wait(self, bound: Bound) -> int:
        """Seconds until one more is within the limit, by this process's own counts; 0: it is now. Counts nothing."""
        tally = self._tallies[bound.scope].get(self._name(bound))
        return self._left(bound) if tally is not None and tally.own >= bound.most else 0

    def retry_after(self, counts: Sequence[Count]) -> int:
        """Seconds until the windows of all exceeded counts are over; 0: none is exceeded."""
        return max([self._left(one.bound) for one in counts if one.exceeded], default=0)

    async def _add(self, bound: Bound, amount: int) -> Count:
        key, asked = self._name(bound), self._uses_shared()
        if asked and (value := await self._share(key, bound, amount)) is not None:
            return Count(bound=bound, value=value, key=key)
        tally = self._tally(key, bound)
        tally.own += amount
        return Count(bound=bound, value=tally.own, key=key, own=tally, in_doubt=asked)

    async def _add_in_steps(self, bound: Bound) -> Count:
        key = self._name(bound)
        tally = self._tally(key, bound)
        tally.own += 1
        own = tally.own  # read before awaiting: requests that arrive meanwhile do not count against this one
        if tally.unsent >= STEP and not tally.exchanging and self._uses_shared():
            await self._exchange(key, bound, tally)
        return Count(bound=bound, value=own + tally.others, key=key, own=tally)

    async def _exchange(self, key: str, bound: Bound, tally: Tally) -> None:
        """Send this process's counts and receive the total. Shielded: it goes on when the waiting request is cancelled."""

        async def exchange() -> None:
            try:
                if (total := await self._share(key, bound, tally.take_unsent())) is not None:
                    tally.receive(total)
            finally:
                tally.exchanging = False

        tally.exchanging = True
        await asyncio.shield(self._start_detached(exchange()))

    async def _take_back(self, count: Count) -> None:
        """Subtract a count in doubt in both places: the attempt paid, and must lock nobody out.

        A count that is one too low is better than one that refuses a patient for an hour.
        """
        if count.own is not None:
            count.own.own -= 1
        if count.own is None or count.in_doubt:
            await self._take_back_shared(count)

    async def _take_back_shared(self, count: Count) -> None:
        if self._uses_shared():
            await self._share(count.key, count.bound, -1)
        else:
            self._owed.append(count)

    def _take_back_owed(self) -> None:
        owed = list(self._owed)
        self._owed.clear()
        for count in owed:
            self._start_detached(self._take_back_shared(count))

    def _start_detached(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run it as a task with an empty context, so that it outlives the request that caused it."""
        task = asyncio.create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _uses_shared(self) -> bool:
        return self._shared is not None and time.monotonic() >= self._alone_until

    async def _share(self, key: str, bound: Bound, amount: int) -> int | None:
        """Add to the shared count and return its total; None without a storage, or when it does not answer."""
        if self._shared is None or not self._uses_shared():
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
        seconds = _seconds(bound)
        return self._key_of(bound.what, bound.subject, bound.most, seconds, int(self._now() // seconds))

    def _new_key(self, what: str, subject: str, most: int, seconds: int, window: int) -> str:
        item = RateLimitItemPerSecond(most, seconds, namespace=what)
        return item.key_for(keyed_digest(self._key, subject)[:32], window)

    def _left(self, bound: Bound) -> int:
        """Seconds until the present window ends, rounded up, at least 1."""
        length = bound.window.total_seconds()
        return max(1, math.ceil(length - self._now() % length))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _seconds(bound: Bound) -> int:
    return round(bound.window.total_seconds())
