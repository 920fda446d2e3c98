"""Checks the documents of a manifest against the schema and the limits on documents."""

from collections.abc import Mapping

from graphql import GraphQLError

from booking.errors import InvalidInput
from gateway.limits import Documents
from schema.catalog import LARGEST_PAGE
from schema.errors import RequestError


def faults_of(texts: Mapping[str, str], documents: Documents) -> list[tuple[str, str]]:
    """(name, reason) for each document that would be refused; one entry per reason."""
    return [(name, fault) for name, text in texts.items() for fault in _faults(text, documents)]


def _faults(text: str, documents: Documents) -> list[str]:
    try:
        examined = documents.examine(text)
        if examined.errors:
            return [error.message for error in examined.errors]
        for operation in examined.operations.values():
            operation.check_cost(dict.fromkeys(operation.cost.variables(), LARGEST_PAGE))
    except (GraphQLError, RequestError, InvalidInput) as error:
        return [error.message if isinstance(error, GraphQLError) else str(error)]
    return [] if examined.operations else ["There is no operation in it."]
