"""What strangers try or take (see booking/checkout/attempt_limits.py), counted: for the person, for their network and for all guests together."""

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

# Told of what was tried too often, and when.
Alarm = Callable[[AttemptKind, datetime], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class RateCountedAttempt:
    """The port Trial."""

    counts: Counts
    counted: tuple[Count, ...]

    async def uncount(self) -> None:
        """Take it back."""
        await self.counts.take_back(self.counted)


class RateAttemptLimiter:
    """The port Trials."""

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
        """Count one. Raises TooManyAttempts; it is not counted then, so that the others that it was counted for keep theirs."""
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
    """The rate for everybody who has not signed in: of a block of addresses, on a clinician's day, and in all."""
    subjects = (
        (f"block:{block_of(client)}" if client is not None else None, rate.block, rate.window),
        (f"day:{day}" if day is not None else None, rate.day, AHEAD),
        (_STRANGERS, rate.strangers, rate.window),
    )
    for subject, most, window in subjects:
        if subject is not None and most is not None:
            yield Bound(what=rate.what, subject=subject, most=most, window=window)


def _halfway(count: Count) -> bool:
    """Whether all guests together have come halfway: from many networks at once nobody exceeds a bound of their own."""
    return count.bound.subject == _STRANGERS and 2 * count.value >= count.bound.most
