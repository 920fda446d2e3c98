"""Every mutation once: a key names an attempt, and the same attempt has the same outcome however often it is sent.

The guard stands around every field of the mutation type, so no resolver can forget it and no field of a list pays for it.
What is stored is a reference (see `resolvers.outcomes`), never a payload: a replay resolves it anew, with the selection
of the new document.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from booking.ports import Clock
from booking.refusals import InvalidInput, NotFound, Refusal, UpstreamUnavailable
from integrations.database.idempotency import (
    Answer,
    Claimed,
    IdempotencyKeys,
    InFlight,
    Mismatch,
    Replay,
    Scope,
)
from resolvers.outcomes import recall, reference_of
from schema.context import Context
from schema.errors import RequestError

KEY_HEADER = "idempotency-key"
REPLAYED_HEADER = "Idempotent-Replayed"

_LONGEST_KEY = 255

# A request whose twin is being answered waits so long for the answer: a double tap, not a queue.
_PATIENCE = timedelta(seconds=2)
_POLL_SECONDS = 0.05

# After an error that says for certain that nothing was done, the key is as good as new.
_NOTHING_DONE = (RequestError, InvalidInput, NotFound, Refusal, UpstreamUnavailable)


class KeyRequired(RequestError):
    """A mutation without a key."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    message = (
        "Send a fresh random key with every new attempt, in the header Idempotency-Key or in "
        "extensions.idempotencyKey of the request, and the same key when you send the same attempt again."
    )


class KeyInvalid(RequestError):
    """A key that is none."""

    code = "IDEMPOTENCY_KEY_INVALID"
    message = (
        f"An idempotency key has 1 to {_LONGEST_KEY} printable characters; header and extensions agree on it."
    )


class OneMutationAtATime(RequestError):
    """A document with several mutation fields: one key could not tell their outcomes apart."""

    code = "ONE_MUTATION_PER_REQUEST"
    message = "Send one mutation field a request, each with an idempotency key of its own."


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


class RequireKey(SchemaExtension):
    """Refuses a mutation before anything is executed, when it has no key, several fields, or nobody behind it."""

    def on_execute(self) -> Iterator[None]:
        """Check once an operation."""
        context = self.execution_context
        if context.operation_type is OperationType.MUTATION:
            try:
                self._check(context.context)
            except RequestError as error:
                answer = GraphQLError(error.message, original_error=error)
                context.result = ExecutionResult(data=None, errors=[answer])
        yield

    def _check(self, context: Context) -> None:
        execution = self.execution_context
        read_key(context.idempotency_key, execution.operation_extensions)
        definitions = execution.graphql_document.definitions if execution.graphql_document else ()
        fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
        operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
        wanted = execution.operation_name
        for operation in operations:
            name = operation.name.value if operation.name else None
            if (wanted is None or name == wanted) and _has_several_fields(operation.selection_set, fragments):
                raise OneMutationAtATime
        _ = context.identified


class MutationGuard:
    """Claims the key, runs the mutation or replays its outcome, and stores what came of it."""

    def __init__(
        self,
        *,
        keys: IdempotencyKeys,
        clock: Clock,
        fingerprint_key: bytes,
        tenant: str,
        in_flight: timedelta,
        patience: timedelta = _PATIENCE,
    ) -> None:
        """`in_flight`: longer than any mutation runs; then a claim that a killed process left can be taken over."""
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
                tenant=self._tenant, principal=context.identified.principal.key, field=name, key=key
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
        while True:
            now = self._clock.now()
            answer = await self._keys.claim(
                scope, fingerprint=fingerprint, now=now, in_flight_until=now + self._in_flight
            )
            if not isinstance(answer, InFlight) or loop.time() >= until:
                return answer
            await asyncio.sleep(_POLL_SECONDS)

    async def _run(self, claim: Claimed, resolve: Callable[[], Awaitable[object]]) -> object:
        """Run it. What failed with an unknown outcome is left to the next request with the key and its arguments."""
        try:
            outcome = await resolve()
        except _NOTHING_DONE:
            await self._keys.release(claim)
            raise
        except BaseException:
            await asyncio.shield(self._keys.suspend(claim, now=self._clock.now()))
            raise
        reference = reference_of(outcome)
        if reference is None:
            await self._keys.suspend(claim, now=self._clock.now())
        else:
            await self._keys.complete(claim, reference=reference)
        return outcome

    def _fingerprint(self, arguments: Mapping[str, Any]) -> str:
        """An HMAC of the coerced arguments, whatever the query's text, variables and order were."""
        canonical = json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=_plain)
        return hmac.new(self._fingerprint_key, canonical.encode(), hashlib.sha256).hexdigest()


def read_key(header: str | None, extensions: Mapping[str, Any] | None) -> str:
    """The request's key. Raises KeyRequired, KeyInvalid."""
    given = [key for key in (header, (extensions or {}).get("idempotencyKey")) if key is not None]
    if not given:
        raise KeyRequired
    key = given[0]
    agreed = all(other == key for other in given)
    if not agreed or not isinstance(key, str) or not key.isprintable() or not key.strip():
        raise KeyInvalid
    if len(key) > _LONGEST_KEY:
        raise KeyInvalid
    return key


def _has_several_fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    """Whether the operation names more than one field at its root, aliases and fragments included."""
    found = 0
    seen: set[str] = set()
    stack = [selections]
    while stack:
        for one in stack.pop().selections:
            if isinstance(one, FieldNode):
                found += one.name.value != "__typename"
            elif isinstance(one, FragmentSpreadNode):
                if one.name.value in fragments and one.name.value not in seen:
                    seen.add(one.name.value)
                    stack.append(fragments[one.name.value].selection_set)
            elif isinstance(one, InlineFragmentNode):
                stack.append(one.selection_set)
        if found > 1:
            return True
    return False


def _plain(value: object) -> object:
    """Scalars that JSON does not know."""
    match value:
        case Enum():
            return value.name
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no argument of a mutation")
