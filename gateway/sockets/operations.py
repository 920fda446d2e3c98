"""Executes one operation of a socket by the same schema as HTTP, and sends its results as they come."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Protocol

import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionResult

from gateway.errors import explain, format_error, is_fault, log_fault
from gateway.idempotency.guard import REPLAYED_HEADER
from gateway.sockets.messages import Subscribe, completed, failed, next_result
from schema.context import Context


class Send(Protocol):
    """Sends a message of the operation to the client."""

    async def __call__(self, text: str, *, last: bool = False) -> None:
        """Sends the message. `last` frees the operation's id before it is sent."""


async def run(asked: Subscribe, context: Context, *, schema: strawberry.Schema, send: Send) -> None:
    """Runs the operation to its end. Errors are mapped or masked as over HTTP; none is raised."""
    try:
        await _run(asked, context, schema, send)
    except Exception as error:  # noqa: BLE001  # ends this operation, not the socket
        # Unlike an execution, Strawberry's `stream` raises what an extension refuses before validation.
        refused = error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
        if is_fault(refused):
            log_fault(refused)
        await send(failed(asked.id, _explained([refused], context)), last=True)


async def _run(asked: Subscribe, context: Context, schema: strawberry.Schema, send: Send) -> None:
    results = await schema.stream(
        asked.query,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        operation_extensions=asked.extensions,
    )
    async with aclosing(results):
        async for result in results:
            if not isinstance(result, ExecutionResult):
                raise TypeError("results in parts have no message in this protocol")
            errors = result.errors or []
            # Errors of fields have a path; without one nothing was executed.
            if result.data is None and errors and not any(error.path for error in errors):
                await send(failed(asked.id, _explained(errors, context)), last=True)
                return
            await send(next_result(asked.id, _payload(result, context)))
            # The libraries' frames keep the last result alive until the next one, which may take hours.
            if result.data is not None:
                result.data.clear()
    await send(completed(asked.id), last=True)


def _payload(result: ExecutionResult, context: Context) -> dict[str, Any]:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = _explained(result.errors, context)
    if REPLAYED_HEADER in context.response.headers:
        payload["extensions"] = {"idempotentReplayed": True}
    return payload


def _explained(errors: Sequence[GraphQLError], context: Context) -> list[dict[str, Any]]:
    return [format_error(error, explain(error, request_id=context.request_id)) for error in errors]
