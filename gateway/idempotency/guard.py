"""Idempotency guard: runs each mutation once per key, and replays the outcome when the same request is sent again.

It wraps every field of the mutation type, so no resolver can omit it. It stores a reference to the outcome (see
`resolvers.outcomes`), never a payload: a replay resolves the reference with the selection of the new document. Behaviour follows
draft-ietf-httpapi-idempotency-key-header; see docs/idempotency.md.
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

# How long a concurrent request with the same key waits for the first one's outcome: enough for a double tap.
_PATIENCE = timedelta(seconds=2)

# Its first retry is after this, each later one after twice as long: every claim is a write, and many may wait.
_FIRST_RETRY_SECONDS = 0.05

# The lease of a claim, renewed while its mutation runs: this long a key stays locked after its process died. Much longer than
# an event loop may stall; should a claim be taken over all the same, the domain's own locks hold.
IN_FLIGHT = timedelta(seconds=15)

# Errors after which nothing was done for certain: the key is released.
_NOTHING_DONE = (RequestError, InvalidInput, NotFound, Refusal, UpstreamUnavailable)


class KeyReused(RequestError):
    """The key was used before with other arguments."""

    code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    message = "This key was used with other arguments. Take a fresh key for a new attempt."
    status = 422


class StillRunning(RequestError):
    """Another request with this key is still running."""

    code = "IDEMPOTENCY_CONCURRENT_REQUEST"
    message = "The same request is being answered. Send it again in a moment, with the same key."
    status = 409
    retryable = True
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class MutationGuard:
    """Claims the key, runs the mutation or replays its outcome, and stores a reference to the outcome."""

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
        """`fingerprint_key` is secret; `in_flight` is the lease of a claim; `patience` is how long a concurrent request waits."""
        self._keys = keys
        self._clock = clock
        self._fingerprint_key = fingerprint_key
        self._tenant = tenant
        self._in_flight = in_flight
        self._patience = patience

    def around(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Awaitable[object]]:
        """Wraps the resolver of the mutation field `name`."""

        async def once(root: object, info: Any, **arguments: Any) -> object:
            context: Context = info.context
            key = read_key(context.idempotency_key, info.operation_extensions)
            scope = Scope(
                tenant=self._tenant,
                principal=context.identified.principal.key,
                field=name,
                key=self._digest(key),  # a key may hold anything, a patient's data too
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
        """Claims the key, or waits up to `patience` for the outcome of the request that holds it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.total_seconds()
        pause = _FIRST_RETRY_SECONDS
        while True:
            answer = await self._claim_once(scope, fingerprint)
            if not isinstance(answer, InFlight) or loop.time() >= until:
                return answer
            await asyncio.sleep(pause)
            pause *= 2

    async def _claim_once(self, scope: Scope, fingerprint: str) -> Answer:
        """Tries to claim the key once. Raises UpstreamUnavailable when the database takes no writes: nothing is done then."""
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
        """Runs the mutation under its claim, and stores the result.

        When the outcome is unknown the claim becomes resumable: the next request with the same key and arguments goes on.
        Raises OutcomeUnknown when the database failed during the mutation.
        """
        try:
            async with self._lease_renewed(claim):
                outcome = await resolve()
        except _NOTHING_DONE:
            await self._record(claim, self._keys.release(claim))
            raise
        except BaseException as error:
            await asyncio.shield(self._record(claim, self._keys.suspend(claim, now=self._clock.now())))
            if not is_outage(error):
                raise
            log.error("mutation.interrupted", field=claim.scope.field, error=type(error).__name__)  # noqa: TRY400 - as above
            raise OutcomeUnknown("the database went away") from error
        reference = reference_of(outcome)
        if reference is None:
            await self._record(claim, self._keys.suspend(claim, now=self._clock.now()))
        else:
            await self._record(claim, self._keys.complete(claim, reference=reference))
        return outcome

    async def _record(self, claim: Claimed, writing: Awaitable[bool]) -> None:
        """Writes the claim's result. During an outage of the database it is only logged: the lease expires, and a retry resumes."""
        try:
            await writing
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("idempotency.not_noted", field=claim.scope.field, error=type(error).__name__)

    @contextlib.asynccontextmanager
    async def _lease_renewed(self, claim: Claimed) -> AsyncIterator[None]:
        """Renews the lease inside the block. On leaving, waits for a renewal under way: it could overtake the write that follows."""
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(claim, done))
        try:
            yield
        finally:
            done.set()
            await asyncio.shield(renewal)

    async def _renew(self, claim: Claimed, done: asyncio.Event) -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._in_flight.total_seconds() / 3)
                return
            try:
                await self._keys.renew(claim, in_flight_until=self._clock.now() + self._in_flight)
            except Exception as error:  # noqa: BLE001  # the mutation goes on; its key may be taken over, as after a kill
                log.warning("idempotency.claim_not_renewed", error=type(error).__name__)

    def _fingerprint(self, arguments: Mapping[str, Any]) -> str:
        """An HMAC of the coerced arguments: independent of the document's text, of variables and of the order of fields."""
        return self._digest(json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=_json_value))

    def _digest(self, text: str) -> str:
        return keyed_digest(self._fingerprint_key, text)


def _json_value(value: object) -> object:
    """The JSON form of scalars that JSON does not have."""
    match value:
        case Enum():
            return value.name
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no argument of a mutation")
