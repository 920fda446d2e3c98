"""The bounds where every transport meets them: between reading a document and running it."""

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
    """A document of several operations, and no word on which to run."""

    code = "OPERATION_NAME_REQUIRED"
    message = "The document has several operations: name one of them in operationName."


class RequestLimits(SchemaExtension):
    """Takes the place of Strawberry's parsing and validating."""

    def __init__(self, documents_for: Callable[[Caller | None], Documents]) -> None:
        """`documents_for`: who examines the documents of a caller."""
        self._documents_for = documents_for
        self._examined: Examined | None = None

    async def on_parse(self) -> AsyncIterator[None]:
        """Read the document, and refuse one, or variables, beyond the bounds."""
        context = self.execution_context
        given = context.operation_name  # before there is a document: after, it may be the first operation's
        if context.query:
            try:
                check_values(context.variables or {})
                documents = self._documents_for(context.context.caller)
                self._examined = await documents.examined(context.query, sender=sender())
                if given is None and len(self._examined.operations) > 1:
                    raise OperationNotNamed
            except RequestError as error:
                raise _told(error) from error
            context.graphql_document = self._examined.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Refuse an invalid document, and then one that could cost too much with these variables."""
        context = self.execution_context
        if self._examined is not None:
            context.pre_execution_errors = list(self._examined.errors)
            if not self._examined.errors:
                try:
                    self._examined.check_cost(context.operation_name, context.variables or {})
                except (RequestError, InvalidInput) as error:
                    context.pre_execution_errors = [_told(error)]
        yield


def _told(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)
