"""Executes one operation of a validated document, and answers JSON text."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    create_source_event_stream,
    map_source_to_response_event,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.json_text import text_of, to_bytes
from schema.context import Context

# Strawberry's, which is quicker for common types and not typed as a guard.
_IS_AWAITABLE: Any = optimized_is_awaitable


@dataclass(frozen=True, kw_only=True)
class Executed:
    """What one operation, or one event of a subscription, answers."""

    data: (
        bytes | None
    )  # the JSON text of `data`, which may be `null`; None: nothing was executed, the response has no `data`
    errors: Sequence[GraphQLError] = ()  # as graphql-core located them: nodes, path, `original_error`


class Executor:
    """Executes operations on one schema. The documents must have been parsed and validated against it.

    One instance serves all requests of a process. It does not know limits, rates, deadlines, logs or explanations of errors: who
    calls it does those, and puts `data` into the response as it is.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        """`schema`: the executable one (`schema.executable`), whose resolvers check permissions and idempotency keys."""
        self._schema = schema

    async def execute(
        self,
        document: DocumentNode,
        *,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        context: Context,
        extensions: Mapping[str, Any] | None,
    ) -> Executed:
        """Execute a query or a mutation. `extensions` are those of the request; resolvers read them from their `info`.

        Raises nothing but cancellation: whatever fails is in `errors`.
        """
        try:
            run = self._run(document, operation_name, variables, context, extensions)
            if isinstance(run, Executed):
                return run
            result: Any = run.execute_operation()
            return _executed(await result if isinstance(result, Awaitable) else result)
        except Exception as error:  # noqa: BLE001  # such as a scalar that serializes to what JSON does not have
            return _failed(error)

    async def subscribe(
        self,
        document: DocumentNode,
        *,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        context: Context,
        extensions: Mapping[str, Any] | None,
    ) -> AsyncGenerator[Executed, None]:
        """Execute a subscription: yields one answer an event, or a single one when it cannot begin. Close it (`aclosing`).

        Raises nothing but cancellation. An exception of the stream is the last answer; it has no `data` and no path.
        """
        try:
            run = self._run(document, operation_name, variables, context, extensions)
            if isinstance(run, Executed):
                yield run
                return
            events: Any = create_source_event_stream(run)
            if isinstance(events, Awaitable):
                events = await events
            if isinstance(events, ExecutionResult):
                yield _executed(events)
                return
            async with aclosing(map_source_to_response_event(run, events)) as results:
                async for result in results:
                    answer = _executed(result)
                    if (
                        result.data is not None
                    ):  # the frames keep the last result until the next one, which may take hours
                        result.data.clear()
                    yield answer
        except Exception as error:  # noqa: BLE001  # as above, or of the stream
            yield _failed(error)

    def _run(
        self,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        context: Context,
        extensions: Mapping[str, Any] | None,
    ) -> Any:
        """One execution of graphql-core, ready to begin; or the answer, when there is no such operation or a variable does not fit."""
        run = StrawberryGraphQLCoreExecutionContext.build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=dict(variables or {}),
            operation_name=operation_name,
            is_awaitable=_IS_AWAITABLE,
            operation_extensions=extensions,
        )
        return Executed(data=None, errors=run) if isinstance(run, list) else run


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
