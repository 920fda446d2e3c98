"""Counts attempts (`AttemptKind`: cards, promo codes, mailed codes, unpaid visits, new records) and refuses those beyond a limit.

Implements the ports of booking/checkout/attempt_limits.py. Each attempt counts for the caller, for their network and, unless they have
signed in, for their block of addresses, the clinician's day and all guests together.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from booking.checkout.attempt_limits import AttemptKind
from booking.ports import Clock
from booking.principals import block_of
from booking.refusals import TooManyAttempts
from gateway.rates.counting import Bound, Count, Counts
from gateway.rates.operations import of_caller, of_network
from gateway.rates.table import AHEAD, Rate

log = structlog.get_logger(__name__)

# Called with the kind and the time when a limit is exceeded, or when all guests have used half of theirs.
Alarm = Callable[[AttemptKind, datetime], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class RateCountedAttempt:
    """Implements the port CountedAttempt."""

    counts: Counts
    counted: tuple[Count, ...]

    async def uncount(self) -> None:
        """Subtract the attempt from every count: it was no guess, or it paid."""
        await self.counts.take_back(self.counted)


class RateAttemptLimiter:
    """Implements the port AttemptLimiter on rate counts."""

    def __init__(
        self, *, counts: Counts, rates: Mapping[AttemptKind, Rate], clock: Clock, alarm: Alarm
    ) -> None:
        self._counts = counts
        self._rates = rates
        self._clock = clock
        self._alarm = alarm

    async def begin(
        self,
        what: AttemptKind,
        *,
        names: Collection[str],
        client: str | None,
        signed_in: bool,
        day: str | None = None,
    ) -> RateCountedAttempt:
        """Count one attempt before it is made. Raises TooManyAttempts beyond a limit.

        A refused attempt is subtracted again, so that it uses up nothing of what others on the network may do.
        """
        rate = self._rates[what]
        bounds = [*of_caller(rate, sorted(names)), *of_network(rate, client)]
        if not signed_in:
            bounds += _of_strangers(rate, client, day)
        counted = await self._counts.add(bounds)
        retry_after = self._counts.retry_after(counted)
        if retry_after or any(map(_halfway, counted)):
            await self._alarm(what, self._clock.now())
        if retry_after:
            await self._counts.take_back(counted)
            scopes = sorted({one.bound.scope for one in counted if one.exceeded})
            log.warning("attempts.refused", what=what, scopes=scopes, retry_after=retry_after)
            raise TooManyAttempts(retry_after)
        return RateCountedAttempt(counts=self._counts, counted=counted)


_STRANGERS = "strangers:"


def _of_strangers(rate: Rate, client: str | None, day: str | None) -> Iterator[Bound]:
    """The limits that strangers (callers who have not signed in) share: a block of addresses, a clinician's day, all of them."""
    subjects = (
        (f"block:{block_of(client)}" if client is not None else None, rate.block, rate.window),
        (f"day:{day}" if day is not None else None, rate.day, AHEAD),
        (_STRANGERS, rate.strangers, rate.window),
    )
    for subject, most, window in subjects:
        if subject is not None and most is not None:
            yield Bound(what=rate.what, subject=subject, most=most, window=window)


def _halfway(count: Count) -> bool:
    """Whether all guests have used half of their shared limit: an attack from many networks exceeds no other."""
    return count.bound.subject == _STRANGERS and 2 * count.value >= count.bound.most
