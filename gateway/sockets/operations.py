"""Executes one operation of a socket by the same pipeline as HTTP, and sends its results as they come."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Protocol

from graphql import GraphQLError

from gateway.errors import explain, format_error
from gateway.execution import Executed
from gateway.idempotency.guard import REPLAYED_HEADER
from gateway.pipeline import Pipeline
from gateway.sockets.messages import Subscribe, completed, failed, next_result
from schema.context import Context


class Send(Protocol):
    """Sends a message of the operation to the client."""

    async def __call__(self, text: str, *, last: bool = False) -> None:
        """Sends the message. `last` frees the operation's id before it is sent."""


async def run(asked: Subscribe, context: Context, *, pipeline: Pipeline, send: Send) -> None:
    """Runs the operation to its end. Errors are mapped or masked as over HTTP; none is raised."""
    async with aclosing(pipeline.stream(asked.request, context)) as results:
        async for result in results:
            if result.data is None:  # nothing was executed
                await send(failed(asked.id, _explained(result.errors, context)), last=True)
                return
            await send(next_result(asked.id, result.data, _beside_data(result, context)))
            del result  # the next one may be hours away
    await send(completed(asked.id), last=True)


def _beside_data(result: Executed, context: Context) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    if result.errors:
        payload["errors"] = _explained(result.errors, context)
    if REPLAYED_HEADER in context.response.headers:
        payload["extensions"] = {"idempotentReplayed": True}
    return payload


def _explained(errors: Sequence[GraphQLError], context: Context) -> list[dict[str, Any]]:
    return [format_error(error, explain(error, request_id=context.request_id)) for error in errors]
