"""Every mutation once: a key names an attempt, and the same attempt has the same outcome however often it is sent.

The guard stands around every field of the mutation type, so no resolver can forget it and no field of a list pays for it.
What is stored is a reference (see `resolvers.outcomes`), never a payload: a replay resolves it anew, with the selection
of the new document.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any

import structlog

from booking.errors import InvalidInput, NotFound, OutcomeUnknown, UpstreamUnavailable
from booking.ports import Clock
from booking.refusals import Refusal
from gateway.callers.tokens import keyed_digest
from gateway.idempotency.keys import read_key
from integrations.database.idempotency import (
    Answer,
    Claimed,
    IdempotencyKeys,
    InFlight,
    Mismatch,
    Replay,
    Scope,
)
from integrations.database.outages import is_outage
from resolvers.outcomes import recall, reference_of
from schema.context import Context
from schema.errors import RequestError

log = structlog.get_logger(__name__)

REPLAYED_HEADER = "Idempotent-Replayed"

# A request whose twin is being answered waits so long for the answer: a double tap, not a queue.
_PATIENCE = timedelta(seconds=2)

# It looks again at first after this, then after twice as long each time: a claim is a write, and many may wait.
_FIRST_LOOK_SECONDS = 0.05

# A claim is good for this long, and is renewed while its mutation runs: so long a key stays locked when a process dies.
# Much longer than an event loop stands still; what is taken over all the same meets the domain's own locks.
IN_FLIGHT = timedelta(seconds=15)

# After an error that says for certain that nothing was done, the key is as good as new.
_NOTHING_DONE = (RequestError, InvalidInput, NotFound, Refusal, UpstreamUnavailable)


class KeyReused(RequestError):
    """The key came with other arguments before."""

    code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    message = "This key was used with other arguments. Take a fresh key for a new attempt."
    status = 422


class StillRunning(RequestError):
    """The twin of this request is not answered yet."""

    code = "IDEMPOTENCY_CONCURRENT_REQUEST"
    message = "The same request is being answered. Send it again in a moment, with the same key."
    status = 409
    retryable = True
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class MutationGuard:
    """Claims the key, runs the mutation or replays its outcome, and stores what came of it."""

    def __init__(
        self,
        *,
        keys: IdempotencyKeys,
        clock: Clock,
        fingerprint_key: bytes,
        tenant: str,
        in_flight: timedelta = IN_FLIGHT,
        patience: timedelta = _PATIENCE,
    ) -> None:
        """`fingerprint_key` is secret; `in_flight` is how long a claim lasts that nobody renews."""
        self._keys = keys
        self._clock = clock
        self._fingerprint_key = fingerprint_key
        self._tenant = tenant
        self._in_flight = in_flight
        self._patience = patience

    def around(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Awaitable[object]]:
        """The resolver of the mutation field `name`, guarded."""

        async def once(root: object, info: Any, **arguments: Any) -> object:
            context: Context = info.context
            key = read_key(context.idempotency_key, info.operation_extensions)
            scope = Scope(
                tenant=self._tenant,
                principal=context.identified.principal.key,
                field=name,
                key=self._digest(key),  # clients may put anything into a key
            )
            answer = await self._claim(scope, self._fingerprint(arguments))
            match answer:
                case Mismatch():
                    raise KeyReused
                case InFlight():
                    raise StillRunning
                case Replay(reference=reference):
                    context.response.headers[REPLAYED_HEADER] = "true"
                    return await recall(reference, context)
                case Claimed():
                    return await self._run(answer, lambda: resolve(root, info, **arguments))

        return once

    async def _claim(self, scope: Scope, fingerprint: str) -> Answer:
        """Claim, or wait a little for the answer of whoever runs it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.total_seconds()
        pause = _FIRST_LOOK_SECONDS
        while True:
            answer = await self._claim_once(scope, fingerprint)
            if not isinstance(answer, InFlight) or loop.time() >= until:
                return answer
            await asyncio.sleep(pause)
            pause *= 2

    async def _claim_once(self, scope: Scope, fingerprint: str) -> Answer:
        """Claim. Raises UpstreamUnavailable when it cannot be kept: then nothing is done."""
        now = self._clock.now()
        try:
            return await self._keys.claim(
                scope, fingerprint=fingerprint, now=now, in_flight_until=now + self._in_flight
            )
        except Exception as error:
            if not is_outage(error):
                raise
            log.error("mutation.not_begun", field=scope.field, error=type(error).__name__)  # noqa: TRY400 - its text may quote values
            raise UpstreamUnavailable("the database takes no writes") from error

    async def _run(self, claim: Claimed, resolve: Callable[[], Awaitable[object]]) -> object:
        """Run it. What failed with an unknown outcome is left to the next request with the key and its arguments.

        Raises OutcomeUnknown when the database failed in the middle of it.
        """
        try:
            async with self._renewed(claim):
                outcome = await resolve()
        except _NOTHING_DONE:
            await self._noted(claim, self._keys.release(claim))
            raise
        except BaseException as error:
            await asyncio.shield(self._noted(claim, self._keys.suspend(claim, now=self._clock.now())))
            if not is_outage(error):
                raise
            log.error("mutation.interrupted", field=claim.scope.field, error=type(error).__name__)  # noqa: TRY400 - as above
            raise OutcomeUnknown("the database went away") from error
        reference = reference_of(outcome)
        if reference is None:
            await self._noted(claim, self._keys.suspend(claim, now=self._clock.now()))
        else:
            await self._noted(claim, self._keys.complete(claim, reference=reference))
        return outcome

    async def _noted(self, claim: Claimed, writing: Awaitable[bool]) -> None:
        """Write what came of the claim. Where that is not possible it runs out by itself, and what was done is done."""
        try:
            await writing
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("idempotency.not_noted", field=claim.scope.field, error=type(error).__name__)

    @contextlib.asynccontextmanager
    async def _renewed(self, claim: Claimed) -> AsyncIterator[None]:
        """Keep the claim while the mutation runs. No write of its own is under way on leaving: it could outlive the next."""
        done = asyncio.Event()
        keeping = asyncio.create_task(self._keep(claim, done))
        try:
            yield
        finally:
            done.set()
            await asyncio.shield(keeping)

    async def _keep(self, claim: Claimed, done: asyncio.Event) -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._in_flight.total_seconds() / 3)
                return
            try:
                await self._keys.renew(claim, in_flight_until=self._clock.now() + self._in_flight)
            except Exception as error:  # noqa: BLE001  # the mutation goes on; its key may be taken over, as after a kill
                log.warning("idempotency.claim_not_renewed", error=type(error).__name__)

    def _fingerprint(self, arguments: Mapping[str, Any]) -> str:
        """An HMAC of the coerced arguments, whatever the query's text, variables and order were."""
        return self._digest(json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=_plain))

    def _digest(self, text: str) -> str:
        return keyed_digest(self._fingerprint_key, text)


def _plain(value: object) -> object:
    """Scalars that JSON does not know."""
    match value:
        case Enum():
            return value.name
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no argument of a mutation")
