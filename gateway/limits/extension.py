"""The bounds where every transport meets them: between reading a document and running it."""

from collections.abc import AsyncIterator, Iterator

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from booking.errors import InvalidInput
from gateway.limits.bounds import check_values
from gateway.limits.documents import Examined
from gateway.limits.parse_queue import sender
from gateway.own_schema import own_schema
from schema.errors import RequestError


class OperationNotNamed(RequestError):
    """A document of several operations, and no word on which to run."""

    code = "OPERATION_NAME_REQUIRED"
    message = "The document has several operations: name one of them in operationName."


class RequestLimits(SchemaExtension):
    """Takes the place of Strawberry's parsing and validating."""

    def __init__(self) -> None:
        self._examined: Examined | None = None

    async def on_parse(self) -> AsyncIterator[None]:
        """Read the document, and refuse one, or variables, beyond the bounds."""
        context = self.execution_context
        if context.query:
            try:
                check_values(context.variables or {})
                documents = own_schema(context).documents_for(context.context.caller)
                self._examined = await documents.examined(context.query, sender=sender())
                given = context._provided_operation_name  # noqa: SLF001  # else the first operation would be taken
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
