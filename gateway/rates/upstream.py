"""How many requests to the practice's system an operation would take that looks for free time: its share is counted by these."""

import math
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationType
from graphql.execution.values import get_argument_values, get_variable_values
from strawberry.types import ExecutionContext

from booking.scheduling.search import MAX_DAYS
from gateway.root_fields import root_nodes, wanted_operations
from schema.executable import executable

# As the adapter of Healthie asks (ADR 4). Said again, since loading the adapter would make every look at the schema slow.
DAYS_PER_REQUEST = 2


def _by_days(arguments: Mapping[str, Any]) -> int:
    first, last = arguments["from"], arguments["until"]
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        return 1
    return math.ceil(min((last - first).days + 1, MAX_DAYS) / DAYS_PER_REQUEST)  # more is refused for itself


_COSTS: Mapping[str, Callable[[Mapping[str, Any]], int]] = MappingProxyType(
    {"slots": _by_days, "slotsChanged": _by_days, "availableDays": lambda _: 1}
)


def requests_of(execution: ExecutionContext) -> int:
    """All fields at the operation's root together; what cannot be coerced takes none, since it is not executed."""
    schema = executable(execution.schema)
    nodes = [node for node in root_nodes(execution) if node.name.value in _COSTS]
    if not nodes:
        return 0
    (operation,) = wanted_operations(execution)
    given = get_variable_values(schema, operation.variable_definitions or (), execution.variables or {})
    if isinstance(given, list):
        return 0
    fields = _root_of(schema, operation.operation)
    try:
        return sum(
            _COSTS[node.name.value](get_argument_values(fields[node.name.value], node, given))
            for node in nodes
        )
    except GraphQLError:
        return 0


def _root_of(schema: GraphQLSchema, kind: OperationType) -> Mapping[str, Any]:
    root = schema.get_root_type(kind)
    return root.fields if root is not None else {}
