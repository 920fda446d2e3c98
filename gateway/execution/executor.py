"""Executes one operation of a validated document, and answers JSON text."""

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    create_source_event_stream,
    default_field_resolver,
    default_type_resolver,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable

from gateway.execution.inputs import Inputs, LatestInputs
from gateway.execution.json_text import text_of, to_bytes
from gateway.execution.prepared import Prepared
from gateway.execution.text_run import TextRun
from gateway.graphql_request import GraphQLRequest
from schema.context import Context

# Strawberry's, which is quicker for common types and not typed as a guard.
_IS_AWAITABLE: Any = optimized_is_awaitable


@dataclass(frozen=True, kw_only=True)
class Executed:
    """What one operation, or one event of a subscription, answers."""

    # The JSON text of `data`, which may be `null`; None: nothing was executed, the response has no `data`.
    data: bytes | None
    errors: Sequence[GraphQLError] = ()  # as graphql-core located them: nodes, path, `original_error`


class Executor:
    """Executes operations on one schema. The documents must have been parsed and validated against it.

    One instance serves all requests of a process. It does not know limits, rates, deadlines, logs or explanations of errors: who
    calls it does those, and puts `data` into the response as it is.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        """`schema`: the executable one (`schema.executable`), whose resolvers check permissions and idempotency keys."""
        self._schema = schema
        self._prepared = Prepared()

    def inputs(
        self, document: DocumentNode, operation: OperationDefinitionNode, request: GraphQLRequest
    ) -> Inputs | None:
        """The request's variables as its execution will find them, for whoever decides by them before; None where one does not fit."""
        known = self._prepared.operation(document, request.operation_name)
        latest = known.inputs if known is not None else LatestInputs(self._schema, operation)
        found = latest.of(request.variables)
        return None if isinstance(found, list) else found

    async def execute(self, document: DocumentNode, request: GraphQLRequest, context: Context) -> Executed:
        """Execute a query or a mutation: `document` is the request's own, parsed; `request.query` is not read.

        Raises nothing but cancellation: whatever fails is in `errors`.
        """
        try:
            run = self._run(document, request, context)
            return run if isinstance(run, Executed) else _executed(await run.run())
        except Exception as error:  # noqa: BLE001  # such as a scalar that serializes to what JSON does not have
            return _failed(error)

    async def subscribe(
        self, document: DocumentNode, request: GraphQLRequest, context: Context
    ) -> AsyncGenerator[Executed, None]:
        """Execute a subscription: yields one answer an event, or a single one when it cannot begin. Close it (`aclosing`).

        Raises nothing but cancellation. An exception of the stream is the last answer; it has no `data` and no path.
        """
        try:
            run = self._run(document, request, context)
            if isinstance(run, Executed):
                yield run
                return
            events: Any = create_source_event_stream(run)
            if isinstance(events, Awaitable):
                events = await events
            if isinstance(events, ExecutionResult):
                yield _executed(events)
                return
            async with aclosing(events):
                async for event in events:
                    of_event = cast("TextRun", run.build_per_event_executor(event))
                    answers = [_executed(await of_event.run())]
                    # The next one may come in hours: nothing of this one is kept until then.
                    del event, of_event
                    yield answers.pop()
        except Exception as error:  # noqa: BLE001  # as above, or of the stream
            yield _failed(error)

    def _run(self, document: DocumentNode, request: GraphQLRequest, context: Context) -> TextRun | Executed:
        """An execution that can begin; or the answer, when there is no such operation or a variable does not fit."""
        operation = self._prepared.operation(document, request.operation_name)
        run: Any
        if operation is None:
            run = TextRun.build(
                self._schema,
                document,
                context_value=context,
                raw_variable_values=dict(request.variables),
                operation_name=request.operation_name,
                is_awaitable=_IS_AWAITABLE,
                operation_extensions=request.extensions,
            )
            if isinstance(run, list):
                return Executed(data=None, errors=run)
            operation = self._prepared.keep(document, request.operation_name, run)
            inputs = Inputs(run.variable_values)
        else:
            found = operation.inputs.of(request.variables)
            if isinstance(found, list):
                return Executed(data=None, errors=found)
            inputs = found
            run = TextRun(
                self._schema,
                operation.fragment_definitions,
                operation.fragments,
                None,
                context,
                operation.definition,
                inputs.values,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                is_awaitable=_IS_AWAITABLE,
                operation_extensions=request.extensions,
            )
        run.use(self._prepared.variant(operation, inputs.values.coerced), inputs)
        return cast("TextRun", run)


def _executed(result: ExecutionResult) -> Executed:
    """An operation has run if it has data or an error of a field; only those have a path."""
    errors = result.errors or []
    if result.data is None and not any(error.path for error in errors):
        return Executed(data=None, errors=errors)
    return Executed(data=to_bytes(text_of(result.data)), errors=errors)


def _failed(error: Exception) -> Executed:
    if not isinstance(error, GraphQLError):
        error = GraphQLError(str(error), original_error=error)
    return Executed(data=None, errors=[error])
