"""The Strawberry extension that applies the limits: it replaces parsing and validation, for HTTP and WebSocket alike."""

from collections.abc import AsyncIterator, Callable, Iterator

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from booking.errors import InvalidInput
from booking.principals import Caller
from gateway.limits.bounds import check_values
from gateway.limits.documents import Documents, Examined
from gateway.limits.parse_queue import sender
from schema.errors import RequestError


class OperationNotNamed(RequestError):
    """The document has several operations, and the request names none of them."""

    code = "OPERATION_NAME_REQUIRED"
    message = "The document has several operations: name one of them in operationName."


class RequestLimits(SchemaExtension):
    """Replaces Strawberry's parsing and validation by those of `Documents`, once per operation."""

    def __init__(self, documents_for: Callable[[Caller | None], Documents]) -> None:
        """`documents_for` returns the `Documents` for a caller; None: an unknown caller."""
        self._documents_for = documents_for
        self._examined: Examined | None = None

    async def on_parse(self) -> AsyncIterator[None]:
        """Parse and measure the document. Raises GraphQLError for a document or variables beyond a limit."""
        context = self.execution_context
        # Read now: with a document, Strawberry defaults to its first operation.
        given = context.operation_name
        if context.query:
            try:
                check_values(context.variables or {})
                documents = self._documents_for(context.context.caller)
                self._examined = await documents.examined(context.query, sender=sender())
                if given is None and len(self._examined.operations) > 1:
                    raise OperationNotNamed
            except RequestError as error:
                raise _as_graphql_error(error) from error
            context.graphql_document = self._examined.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Set the errors of an invalid document, or of a valid one that could cost too much with these variables."""
        context = self.execution_context
        if self._examined is not None:
            context.pre_execution_errors = list(self._examined.errors)
            if not self._examined.errors:
                try:
                    self._examined.check_cost(context.operation_name, context.variables or {})
                except (RequestError, InvalidInput) as error:
                    context.pre_execution_errors = [_as_graphql_error(error)]
        yield


def _as_graphql_error(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)
