"""Requests and what they ask for, bounded before anything is done for them, over every transport."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

import structlog
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from booking.principals import Caller
from gateway.rates.counting import STEP, Bound, Count, Counts
from gateway.rates.table import FIELDS, FREE_TIME, REQUESTS, Rate
from gateway.rates.upstream import requests_of
from gateway.root_fields import root_fields
from schema.context import Context
from schema.errors import RequestError

log = structlog.get_logger(__name__)


class TooManyRequests(RequestError):
    """More than patients send."""

    code = "RATE_LIMITED"
    message = "Too many requests. Please try again in a moment."
    status = 429
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after)}
        self.details = {"retryAfter": retry_after}


class OperationRates:
    """Counts operations and refuses what is too much."""

    def __init__(self, *, counts: Counts, factor: float = 1) -> None:
        """`factor` is how many times as much as the table says may be asked for."""
        self._counts = counts
        self._requests = REQUESTS.times(factor)
        self._free_time = FREE_TIME.times(factor)
        self._fields = {name: rate.times(factor) for name, rate in FIELDS.items()}

    async def network(self, client: str | None) -> None:
        """Count a request, before it is known who asks. Raises TooManyRequests."""
        self._check(await self._counts.add_in_steps([*of_network(self._requests, client)]))

    async def caller(self, caller: Caller | None) -> None:
        """Count a request for whoever asks. Raises TooManyRequests."""
        keys = [caller.principal.key] if caller else []
        self._check(await self._counts.add_in_steps([*of_caller(self._requests, keys)]))

    async def fields(self, names: Sequence[str], caller: Caller | None, client: str | None) -> None:
        """Count what an operation asks for at its root. Raises TooManyRequests."""
        for name, times in Counter(names).items():
            rate = self._fields.get(name)
            if rate is not None:
                await self._add(rate, times, caller, client)

    async def free_time(self, requests: int, caller: Caller | None, client: str | None) -> None:
        """Count what looking for free time would ask of the practice's system. Raises TooManyRequests."""
        if requests:
            await self._add(self._free_time, requests, caller, client)

    async def _add(self, rate: Rate, times: int, caller: Caller | None, client: str | None) -> None:
        keys = [caller.principal.key] if caller else []
        self._check(await self._counts.add([*of_caller(rate, keys), *of_network(rate, client)], times))

    def _check(self, counts: Sequence[Count]) -> None:
        if retry_after := self._counts.retry_after(counts):
            for one in counts:
                # A flood is not to fill the log as well.
                if one.bound.most < one.value <= one.bound.most + STEP:
                    what, scope = one.bound.what, one.bound.scope
                    log.warning("rates.refused", what=what, scope=scope, retry_after=retry_after)
            raise TooManyRequests(retry_after)


def of_caller(rate: Rate, keys: Sequence[str]) -> Iterator[Bound]:
    """The rate for each of these principals."""
    if rate.caller is not None:
        for key in keys:
            yield Bound(what=rate.what, subject=f"caller:{key}", most=rate.caller, window=rate.window)


def of_network(rate: Rate, client: str | None) -> Iterator[Bound]:
    """The rate for the network, where it is known."""
    if rate.network is not None and client is not None:
        yield Bound(what=rate.what, subject=f"network:{client}", most=rate.network, window=rate.window)


class RateLimits(SchemaExtension):
    """Counts what is asked for, once it is certain that it could be executed, and before it is."""

    def __init__(self, rates: OperationRates) -> None:
        self._rates = rates

    async def on_execute(self) -> AsyncIterator[None]:
        """Count once an operation; one that is refused already is none."""
        execution = self.execution_context
        if execution.result is None:
            context: Context = execution.context
            try:
                await self._rates.fields(root_fields(execution), context.caller, context.client)
                await self._rates.free_time(requests_of(execution), context.caller, context.client)
            except TooManyRequests as error:
                answer = GraphQLError(error.message, original_error=error)
                if execution.operation_type is OperationType.SUBSCRIPTION:
                    raise answer from error  # a result that is there already keeps no subscription from beginning
                execution.result = ExecutionResult(data=None, errors=[answer])
        yield
