"""Rate limits of requests and of the root fields of operations, checked before execution, over HTTP and WebSocket."""

from collections import Counter
from collections.abc import Iterator, Sequence

import structlog

from booking.principals import Caller
from gateway.rates.counting import STEP, Bound, Count, Counts
from gateway.rates.table import CALENDAR, FIELDS, FREE_TIME, REQUESTS, Rate
from schema.errors import RequestError

log = structlog.get_logger(__name__)


class TooManyRequests(RequestError):
    """A rate limit is exceeded: HTTP 429, with `Retry-After` and `extensions.retryAfter` in seconds."""

    code = "RATE_LIMITED"
    message = "Too many requests. Please try again in a moment."
    status = 429
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after)}
        self.details = {"retryAfter": retry_after}


class OperationRates:
    """Counts requests and operations, and refuses those beyond a rate of `table`."""

    def __init__(self, *, counts: Counts, factor: float = 1) -> None:
        """`factor` multiplies every rate (`FRONTDOOR_RATE_FACTOR`)."""
        self._counts = counts
        self._requests = REQUESTS.times(factor)
        self._free_time = FREE_TIME.times(factor)
        self._calendar = CALENDAR.times(factor)
        self._fields = {name: rate.times(factor) for name, rate in FIELDS.items()}

    async def network(self, client: str | None) -> None:
        """Count a request for its network, before authentication. Raises TooManyRequests."""
        if client is not None:
            self._check(await self._counts.add_in_steps([*of_network(self._requests, client)]))

    async def caller(self, caller: Caller | None) -> None:
        """Count a request for its caller, after authentication. Raises TooManyRequests."""
        if caller is not None:
            bounds = [*of_caller(self._requests, [caller.principal.key])]
            self._check(await self._counts.add_in_steps(bounds))

    async def fields(self, names: Sequence[str], caller: Caller | None, client: str | None) -> None:
        """Count the root fields of an operation, each as often as it occurs. Raises TooManyRequests."""
        counted = [name for name in names if name in self._fields]
        for name, times in Counter(counted).items() if counted else ():
            await self._add(self._fields[name], times, caller, client)

    async def free_time(self, requests: int, caller: Caller | None, client: str | None) -> None:
        """Count the upstream requests that a search for free time would make. Raises TooManyRequests."""
        if requests:
            await self._add(self._free_time, requests, caller, client)

    async def calendar(self, entry: str, client: str | None) -> None:
        """Count a request for a calendar entry, by the entry and its network. Raises TooManyRequests."""
        self._check(
            await self._counts.add([*of_caller(self._calendar, [entry]), *of_network(self._calendar, client)])
        )

    async def _add(self, rate: Rate, times: int, caller: Caller | None, client: str | None) -> None:
        keys = [caller.principal.key] if caller else []
        self._check(await self._counts.add([*of_caller(rate, keys), *of_network(rate, client)], times))

    def _check(self, counts: Sequence[Count]) -> None:
        if retry_after := self._counts.retry_after(counts):
            for one in counts:
                # Log the first refusals only: a flood must not fill the log as well.
                if one.bound.most < one.value <= one.bound.most + STEP:
                    what, scope = one.bound.what, one.bound.scope
                    log.warning("rates.refused", what=what, scope=scope, retry_after=retry_after)
            raise TooManyRequests(retry_after)


def of_caller(rate: Rate, keys: Sequence[str]) -> Iterator[Bound]:
    """The limit of each principal, by its key."""
    if rate.caller is not None:
        for key in keys:
            yield Bound(what=rate.what, subject=f"caller:{key}", most=rate.caller, window=rate.window)


def of_network(rate: Rate, client: str | None) -> Iterator[Bound]:
    """The limit of the network; none where the network is not known."""
    if rate.network is not None and client is not None:
        yield Bound(what=rate.what, subject=f"network:{client}", most=rate.network, window=rate.window)
