"""Counts what was done in windows of our own clock, in Redis where there is one, else in the process.

A window begins at a full minute, ten minutes or hour since 1970, and its number is part of the key: so whoever is refused can be told
when to come again, gateways agree however the storage tells time, and a count can be taken back from the window that it was put in.
Around the turn of a window twice as much may pass as in one.

Keys: `frontdoor:<tenant>:rates:<what>/<HMAC of the subject>/<window>/…`; no name of anybody, and no address, stands in them.
"""

import asyncio
import hashlib
import hmac
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage

from booking.ports import Clock
from gateway.rates.memory import ProcessStorage

log = structlog.get_logger(__name__)

# What is counted at every request goes to Redis in steps of so many: a question to Redis costs more than a small query does.
STEP = 10

# A Redis that did not answer is not asked again for this long: requests shall not each wait for its timeout.
LEFT_ALONE = 5.0


@dataclass(frozen=True, kw_only=True)
class Bound:
    """At most so many in a window, of one subject."""

    what: str
    subject: str  # the scope and who it is; is hashed
    most: int
    window: timedelta


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a bound stands at, with what was just added."""

    bound: Bound
    value: int
    key: str
    storage: Storage

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
        self._own = ProcessStorage(self._now)
        self._alone_until = 0.0

    async def add(self, bounds: Sequence[Bound], amount: int = 1) -> tuple[Count, ...]:
        """Count it for each; what is too much is counted too."""
        return tuple(await asyncio.gather(*(self._add(bound, amount) for bound in bounds)))

    async def add_in_steps(self, bounds: Sequence[Bound]) -> tuple[Count, ...]:
        """Count one for each, as this process knows: what others have counted is learned with every tenth of its own."""
        return tuple([await self._add_in_steps(bound) for bound in bounds])

    async def take_back(self, counts: Sequence[Count]) -> None:
        """Count one less in each of their windows. What cannot be taken back stays."""
        await asyncio.gather(*(self._incr(one.storage, one.key, one.bound, -1) for one in counts))

    async def wait(self, bound: Bound) -> int:
        """In how many seconds one more will not be too many, as this process has counted; 0: it would not be now."""
        return self._left(bound) if await self._own.get(self._name(bound)) >= bound.most else 0

    def retry_after(self, counts: Sequence[Count]) -> int:
        """In how many seconds the windows of those that are exceeded are over; 0: none is."""
        return max((self._left(one.bound) for one in counts if one.exceeded), default=0)

    async def _add(self, bound: Bound, amount: int) -> Count:
        key = self._name(bound)
        if self._shared is not None and (value := await self._share(key, bound, amount)) is not None:
            return Count(bound=bound, value=value, key=key, storage=self._shared)
        value = await self._own.incr(key, _seconds(bound), amount)
        return Count(bound=bound, value=value, key=key, storage=self._own)

    async def _add_in_steps(self, bound: Bound) -> Count:
        key = self._name(bound)
        value = await self._own.incr(key, _seconds(bound))
        others = await self._own.get(_others(key))
        if value % STEP == 0 and (total := await self._share(key, bound, STEP)) is not None:
            others = await self._own.incr(_others(key), _seconds(bound), total - value - others)
        return Count(bound=bound, value=value + others, key=key, storage=self._own)

    async def _share(self, key: str, bound: Bound, amount: int) -> int | None:
        """What all processes have counted; None where that is not to be had."""
        if self._shared is None or time.monotonic() < self._alone_until:
            return None
        return await self._incr(self._shared, key, bound, amount)

    async def _incr(self, storage: Storage, key: str, bound: Bound, amount: int) -> int | None:
        try:
            return await storage.incr(key, _seconds(bound), amount)
        except storage.base_exceptions as error:  # of Redis; the process's own has none
            self._alone_until = time.monotonic() + LEFT_ALONE
            log.warning("rates.redis_unavailable", error=type(error).__name__)
            return None

    def _name(self, bound: Bound) -> str:
        window = int(self._now() // bound.window.total_seconds())
        subject = hmac.new(self._key, bound.subject.encode(), hashlib.sha256).hexdigest()[:32]
        item = RateLimitItemPerSecond(bound.most, _seconds(bound), namespace=bound.what)
        return item.key_for(subject, window)

    def _left(self, bound: Bound) -> int:
        """Whole seconds, at least 1, after which the window is over."""
        length = bound.window.total_seconds()
        return max(1, math.ceil(length - self._now() % length))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _others(key: str) -> str:
    """Where it stands what other processes have counted under a key."""
    return f"{key}/others"


def _seconds(bound: Bound) -> int:
    return round(bound.window.total_seconds())
