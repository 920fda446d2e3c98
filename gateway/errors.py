"""Maps exceptions to the entries of `errors[]`: a caller's mistakes are explained, faults of ours are masked with the request's id.

No message repeats a value of the request: it may be a patient's data, and error responses are logged in many places.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError, Node, ValueNode, VariableDefinitionNode, VariableNode

from booking.errors import (
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    StaleCheckout,
    SubscriptionLimitReached,
    UnknownState,
    UpstreamUnavailable,
)
from booking.refusals import Refusal
from gateway.value_errors import ValueMisfit
from integrations.database.outages import is_outage
from schema.errors import RequestError

log = structlog.get_logger(__name__)

# The innermost frames of a traceback that are logged, by file and line; never the text or locals, which may hold values.
_FRAMES = 6


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One error as the caller sees it."""

    code: str
    message: str
    extensions: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None  # HTTP status; None: the error does not set it
    headers: Mapping[str, str] = field(default_factory=dict)


def explain(error: GraphQLError, *, request_id: str) -> Explained:
    """The code, message, extensions and status for the caller. `request_id` is shown for faults of ours (`INTERNAL`)."""
    cause = error.original_error
    if _of_argument(cause) or (not error.path and (cause is None or isinstance(cause, GraphQLError))):
        return _of_document(error)
    if (explained := _of_cause(cause)) is not None:
        return explained
    if is_outage(cause):
        return _UNAVAILABLE
    return Explained(
        code="INTERNAL", message="Something went wrong on our side.", extensions={"requestId": request_id}
    )


def is_fault(error: GraphQLError) -> bool:
    """Whether the error is a fault of ours, to be logged. An outage of the database is one, whatever the caller is told."""
    return explain(error, request_id="").code == "INTERNAL" or is_outage(error.original_error)


def format_error(error: GraphQLError, explained: Explained) -> dict[str, Any]:
    """The entry of `errors[]`."""
    formatted: dict[str, Any] = {"message": explained.message}
    if error.locations:
        formatted["locations"] = [place.formatted for place in error.locations]
    if error.path:
        formatted["path"] = error.path
    return formatted | {"extensions": {"code": explained.code, **explained.extensions}}


def request_error_body(error: RequestError) -> dict[str, Any]:
    """The response body of a request that was refused before execution."""
    extensions = {"code": error.code, "retryable": error.retryable, **error.details}
    return {"errors": [{"message": error.message, "extensions": extensions}]}


def as_request_error(error: Exception, *, request_id: str) -> RequestError:
    """The RequestError for an exception before execution. Logs faults of ours and masks them: 503 when retryable, else 500."""
    if isinstance(error, RequestError):
        return error
    met = GraphQLError("", original_error=error)
    explained = explain(met, request_id=request_id)
    if is_fault(met):
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            log_fault(met)
    refused = RequestError(explained.message)
    refused.code = explained.code
    refused.retryable = explained.extensions.get("retryable", False)
    refused.status = 503 if refused.retryable else 500
    refused.details = explained.extensions
    return refused


def log_fault(error: GraphQLError) -> None:
    """Log a fault by its type and innermost frames. Its text is left out, since it may hold a patient's data."""
    cause = error.original_error or error
    frames = traceback.extract_tb(cause.__traceback__)[-_FRAMES:]
    log.error(
        "graphql.database_unavailable" if is_outage(cause) else "graphql.field_failed",
        path=".".join(map(str, error.path or ())),
        error=f"{type(cause).__module__}.{type(cause).__qualname__}",
        at=[f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames],
    )


def _of_argument(cause: Exception | None) -> bool:
    """Whether it is graphql-core's error about an argument's value during execution, such as null from a nullable variable."""
    return (
        isinstance(cause, GraphQLError)
        and bool(cause.nodes)
        and all(isinstance(node, ValueNode) for node in cause.nodes or ())
    )


def _of_cause(cause: Exception | None) -> Explained | None:
    """Explain an expected exception of the domain or the API; None: it is not expected."""
    explained = None
    match cause:
        case RequestError():
            explained = Explained(
                code=cause.code,
                message=cause.message,
                extensions={"retryable": cause.retryable, **cause.details},
                status=cause.status,
                headers=cause.headers,
            )
        case InvalidInput():
            explained = Explained(
                code="BAD_USER_INPUT", message=cause.reason, extensions={"field": cause.field}
            )
        case NotFound():
            explained = Explained(code="NOT_FOUND", message=f"There is no such {cause.kind}.")
        case Refusal():
            explained = Explained(
                code=cause.code, message=cause.message, extensions={"retryable": cause.retryable}
            )
        case UpstreamUnavailable():
            explained = _UNAVAILABLE
        case SubscriptionLimitReached():
            explained = Explained(
                code="TOO_MUCH_WATCHED", message=cause.message, extensions={"retryable": True}
            )
        case OutcomeUnknown() | StaleCheckout() | UnknownState():
            explained = _UNKNOWN
    return explained


_UNAVAILABLE = Explained(
    code="UPSTREAM_UNAVAILABLE",
    message="The practice's system does not answer at the moment. Please try again.",
    extensions={"retryable": True},
)

_UNKNOWN = Explained(
    code="OUTCOME_UNKNOWN",
    message="The outcome is not known yet. Please send the same request again with the same key.",
    extensions={"retryable": True},
)


def _of_document(error: GraphQLError) -> Explained:
    """Explain an error of graphql-core's, from parsing, validation or the coercion of values."""
    first = error.nodes[0] if error.nodes else None
    if isinstance(error, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    elif error.path or isinstance(first, VariableNode | VariableDefinitionNode):
        code = "BAD_USER_INPUT"
    else:
        code = "GRAPHQL_VALIDATION_FAILED"
    return Explained(code=code, message=_message(error, first))


def _message(error: GraphQLError, node: Node | None) -> str:
    """graphql-core's message where it holds only names and types; one of ours where it may repeat a value."""
    cause = error.original_error
    for met in (error, cause):
        if isinstance(met, ValueMisfit):
            return met.message
    if isinstance(error, GraphQLSyntaxError):
        return "Syntax Error: the document cannot be read any further from here."
    if isinstance(node, ValueNode) and not isinstance(node, VariableNode):
        return "The value does not fit."
    if isinstance(node, VariableDefinitionNode) and cause is not None:
        return "The value of the variable does not fit."
    return error.message
