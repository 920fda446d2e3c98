"""What our extensions ask of the schema that they extend. Strawberry hands it to them as any schema."""

from typing import TYPE_CHECKING, Protocol, cast

from strawberry.types import ExecutionContext

if TYPE_CHECKING:
    from booking.principals import Caller
    from gateway.limits.documents import Documents
    from gateway.rates.operations import OperationRates
    from gateway.trusted_documents import TrustedDocuments


class OwnSchema(Protocol):
    """Our schema, as far as extensions know it."""

    rates: "OperationRates | None"  # none: nobody counts

    def documents_for(self, caller: "Caller | None") -> "Documents":
        """Who looks at the documents of this caller."""

    def trusted_for(self, caller: "Caller | None") -> "TrustedDocuments":
        """The documents that this caller may send."""


def own_schema(execution: ExecutionContext) -> OwnSchema:
    """The schema that this operation is for."""
    return cast("OwnSchema", execution.schema)
