"""Runs one GraphQL operation, whatever transport it came by: the checks in their order, then the executor (ADR 49).

 1. the text of a trusted document that the request names        `gateway.trusted_documents`
 2. the limits of variables and document, parsed and measured    `gateway.limits`
 3. the operation, and whether the transport runs its kind       here
 4. validation, and the cost with these variables                `gateway.limits`
 5. the idempotency key of a mutation                            `gateway.idempotency`
 6. rates of fields and of free time                             `gateway.rates`
 7. actor, deadline and lane, then execution                     `gateway.operation_deadline`, `gateway.execution`

Whatever a step refuses ends the operation unexecuted, with the step's error in the answer. What the document alone decides is found when
it is examined, and cached with it. A request that could not run uses up neither its idempotency key nor a rate.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, OperationType

from gateway import operation_deadline
from gateway.document_policies import DocumentPolicies
from gateway.errors import is_fault, log_fault
from gateway.execution import Executed, Executor
from gateway.graphql_request import GraphQLRequest
from gateway.idempotency.keys import require_key
from gateway.limits import Operation
from gateway.limits.bounds import check_values
from gateway.rates import OperationRates
from gateway.rates.upstream import requests_of
from gateway.value_errors import explain_variables
from schema.context import Context
from schema.errors import RequestError
from schema.executable import executable
from schema.fields import keyless_mutations

# Raises the RequestError of a transport that does not run operations of this kind.
CheckKind = Callable[[OperationType], None]


class DocumentMissing(RequestError):
    """The request neither holds nor names a document."""

    message = "Send a document in query."


class _Invalid(Exception):
    """The document does not validate."""

    def __init__(self, errors: tuple[GraphQLError, ...]) -> None:
        self.errors = errors
        super().__init__()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Admitted:
    """An operation that passed every check."""

    document: DocumentNode
    operation: Operation


def _any_kind(_: OperationType) -> None:
    """Accept queries, mutations and subscriptions."""


class Pipeline:
    """The one way from a request to its answer; one instance serves all transports of a process."""

    def __init__(
        self, schema: strawberry.Schema, *, policies: DocumentPolicies, rates: OperationRates | None = None
    ) -> None:
        """Without `rates` nothing is counted."""
        self._schema = executable(schema)
        self._executor = Executor(self._schema)
        self._keyless = keyless_mutations(schema)
        self._policies = policies
        self._rates = rates

    async def execute(
        self, request: GraphQLRequest, context: Context, *, check_kind: CheckKind = _any_kind
    ) -> Executed:
        """Answer a query or a mutation. Faults of ours are logged; nothing is raised but cancellation."""
        try:
            admitted = await self._admitted(request, context, check_kind)
        except Exception as error:  # noqa: BLE001  # what is no refusal is masked, as during execution
            return self._checked(_refused(error), request.variables)
        return await self._executed(admitted, request, context)

    async def stream(self, request: GraphQLRequest, context: Context) -> AsyncGenerator[Executed, None]:
        """Answer an operation of any kind: once, or once an event of a subscription. Close it (`aclosing`). As `execute` otherwise."""
        try:
            admitted = await self._admitted(request, context, _any_kind)
        except Exception as error:  # noqa: BLE001  # as above
            yield self._checked(_refused(error), request.variables)
            return
        if admitted.operation.kind is not OperationType.SUBSCRIPTION:
            yield await self._executed(admitted, request, context)
            return
        with operation_deadline.begun(context, admitted.operation.kind):
            events = self._executor.subscribe(admitted.document, request, context)
            async with aclosing(events):
                async for event in events:
                    yield self._checked(event, request.variables)
                    del event  # the next one may be hours away

    async def _admitted(self, request: GraphQLRequest, context: Context, check_kind: CheckKind) -> _Admitted:
        """The operation, past every check. Raises what the first check raises that it does not pass."""
        policy = self._policies.of(context.caller)
        text = policy.trusted.text_of(request.query, request.extensions)
        if not text:
            raise DocumentMissing
        check_values(request.variables)
        examined = await policy.documents.examined(text, sender=context.sender)
        operation = examined.operation(request.operation_name)
        check_kind(operation.kind)
        if examined.errors:
            raise _Invalid(examined.errors)
        operation.check_cost(request.variables)
        if operation.kind is OperationType.MUTATION:
            require_key(operation.names, context, request.extensions, keyless=self._keyless)
        if self._rates is not None:
            await self._count(self._rates, examined.document, operation, request, context)
        return _Admitted(document=examined.document, operation=operation)

    async def _count(
        self,
        rates: OperationRates,
        document: DocumentNode,
        operation: Operation,
        request: GraphQLRequest,
        context: Context,
    ) -> None:
        await rates.fields(operation.names, context.caller, context.client)
        inputs = partial(self._executor.inputs, document, operation.node, request)
        sought = requests_of(self._schema, operation.node, operation.fields, inputs)
        await rates.free_time(sought, context.caller, context.client)

    async def _executed(self, admitted: _Admitted, request: GraphQLRequest, context: Context) -> Executed:
        with operation_deadline.begun(context, admitted.operation.kind):
            executed = await self._executor.execute(admitted.document, request, context)
        return self._checked(executed, request.variables)

    def _checked(self, executed: Executed, variables: Mapping[str, Any]) -> Executed:
        """The same. Rewords the errors of variables, which would repeat values, and logs faults of ours."""
        if executed.errors:
            explain_variables(executed.errors, variables, self._schema)
            for error in executed.errors:
                if is_fault(error):
                    log_fault(error)
        return executed


def _refused(error: Exception) -> Executed:
    if isinstance(error, _Invalid):
        return Executed(data=None, errors=error.errors)
    if not isinstance(error, GraphQLError):
        error = GraphQLError(str(error), original_error=error)
    return Executed(data=None, errors=[error])
