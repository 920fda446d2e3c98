"""What `errors[]` says: the caller's mistakes in full, our faults masked with the request's id.

No message repeats a value that was sent: it may be a patient's, and error answers are kept in many places.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError, Node, ValueNode, VariableDefinitionNode, VariableNode
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError

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

# Where a fault came from, without the values that its text or locals may hold.
_FRAMES = 6


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One error as its caller sees it."""

    code: str
    message: str
    extensions: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None  # of the HTTP answer, when it is not 200
    headers: Mapping[str, str] = field(default_factory=dict)


def explain(error: GraphQLError, *, request_id: str) -> Explained:
    """What to tell the caller."""
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
    """Whether it is ours to repair; an outage of the database is, whatever its caller is told."""
    return explain(error, request_id="").code == "INTERNAL" or is_outage(error.original_error)


def format_error(error: GraphQLError, explained: Explained) -> dict[str, Any]:
    """The error as it goes out."""
    formatted: dict[str, Any] = {"message": explained.message}
    if error.locations:
        formatted["locations"] = [place.formatted for place in error.locations]
    if error.path:
        formatted["path"] = error.path
    return formatted | {"extensions": {"code": explained.code, **explained.extensions}}


def request_error_body(error: RequestError) -> dict[str, Any]:
    """The whole answer to a request that came to nothing."""
    extensions = {"code": error.code, "retryable": error.retryable, **error.details}
    return {"errors": [{"message": error.message, "extensions": extensions}]}


def as_request_error(error: Exception, *, request_id: str) -> RequestError:
    """What to tell of an error that ended a request before anything of it was executed; our faults are masked, and logged."""
    if isinstance(error, RequestError):
        return error
    met = GraphQLError("", original_error=error)
    told = explain(met, request_id=request_id)
    if is_fault(met):
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            log_fault(met)
    refused = RequestError(told.message)
    refused.code = told.code
    refused.retryable = told.extensions.get("retryable", False)
    refused.status = 503 if refused.retryable else 500
    refused.details = told.extensions
    return refused


def log_fault(error: GraphQLError) -> None:
    """Record a fault by its kind and place; its text may hold a patient's data and stays out."""
    cause = error.original_error or error
    frames = traceback.extract_tb(cause.__traceback__)[-_FRAMES:]
    log.error(
        "graphql.database_unavailable" if is_outage(cause) else "graphql.field_failed",
        path=".".join(map(str, error.path or ())),
        error=f"{type(cause).__module__}.{type(cause).__qualname__}",
        at=[f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames],
    )


def _of_argument(cause: Exception | None) -> bool:
    """Whether graphql-core met it in an argument's value while executing, such as null in a variable with a default elsewhere."""
    return (
        isinstance(cause, GraphQLError)
        and bool(cause.nodes)
        and all(isinstance(node, ValueNode) for node in cause.nodes or ())
    )


def _of_cause(cause: Exception | None) -> Explained | None:
    """What the domain and the API raise on purpose; None: a fault."""
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
        case MissingQueryError():
            explained = _bad_request("Send a document in query.")
        case CannotGetOperationTypeError():  # its text repeats what was sent
            explained = _bad_request("operationName names no operation of the document.")
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


def _bad_request(message: str) -> Explained:
    return Explained(
        code=RequestError.code, message=message, extensions={"retryable": RequestError.retryable}
    )


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
    """graphql-core's own errors, of parsing, validation and the coercion of variables."""
    first = error.nodes[0] if error.nodes else None
    if isinstance(error, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    elif error.path or isinstance(first, VariableNode | VariableDefinitionNode):
        code = "BAD_USER_INPUT"
    else:
        code = "GRAPHQL_VALIDATION_FAILED"
    return Explained(code=code, message=_words(error, first))


def _words(error: GraphQLError, node: Node | None) -> str:
    """graphql-core's words where they are about names and types; of our own where it may have written a value into them."""
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
