"""Counts the upstream requests that an operation's search for free time would make if nobody shared any, for `FREE_TIME`.

As many as before anything is learned of how many days one request may ask for; what was read a moment ago, or is known by then, costs less.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, TypeAlias

from graphql import FieldNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType

from booking.scheduling.request_sizes import FIRST_DAYS
from booking.scheduling.search import MAX_DAYS
from gateway.execution.inputs import Inputs

# Coerces the variables of a request; None: one does not fit.
Coerce: TypeAlias = Callable[[], Inputs | None]


def _by_days(arguments: Mapping[str, Any]) -> int:
    first, last = arguments["from"], arguments["until"]
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        return 1
    # The search itself refuses more days.
    return math.ceil(min((last - first).days + 1, MAX_DAYS) / FIRST_DAYS)


_COSTS: Mapping[str, Callable[[Mapping[str, Any]], int]] = MappingProxyType(
    {"slots": _by_days, "slotsChanged": _by_days, "availableDays": lambda _: 1}
)


def requests_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fields: Sequence[FieldNode], inputs: Coerce
) -> int:
    """The sum over the operation's root `fields`; 0 when variables or arguments fail coercion, since nothing is executed then.

    `inputs` is called where there is anything to count.
    """
    nodes = [node for node in fields if node.name.value in _COSTS]
    if not nodes or (given := inputs()) is None:
        return 0
    known = _root_of(schema, operation.operation)
    try:
        return sum(_COSTS[node.name.value](given.arguments(known[node.name.value], node)) for node in nodes)
    except GraphQLError:
        return 0


def _root_of(schema: GraphQLSchema, kind: OperationType) -> Mapping[str, Any]:
    root = schema.get_root_type(kind)
    return root.fields if root is not None else {}
