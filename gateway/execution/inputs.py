"""Variables and arguments as graphql-core coerces them, remembered for requests that give the same values again.

Coercion depends on nothing but the document and the given values. So the results for the latest small sets of values are kept with the
operation, in this process only. Whoever asks for the same page as somebody before is spared a third of an execution's cost.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    get_argument_values,
    get_variable_values,
)

# Sets of values of one operation. They are small, so that all operations' together stay below some 15 MB whatever is sent.
_MOST_SETS = 16
_MOST_PARTS = 60  # names and values in a set
_LONGEST = 64  # characters of a name or value

# Of the errors of one request's variables; graphql-core's own default.
_MOST_ERRORS = 50


class Inputs:
    """The coerced variables of a request, and the arguments that a field gets by them."""

    def __init__(self, values: Any) -> None:
        self.values = values  # graphql-core's VariableValues
        self._arguments: tuple[FieldNode, dict[str, Any]] | None = None

    def arguments(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The field's arguments, in containers that are the caller's own. Raises GraphQLError."""
        known = self._arguments
        if known is None or known[0] is not node:
            known = self._arguments = node, get_argument_values(definition, node, self.values)
        return {name: _own(value) for name, value in known[1].items()}


class LatestInputs:
    """The inputs of one operation, for the latest sets of values."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._latest: OrderedDict[tuple[Any, ...], Inputs] = OrderedDict()

    def of(self, given: Mapping[str, Any]) -> Inputs | list[GraphQLError]:
        """The inputs for the variables of a request; or what is wrong with them."""
        key = _key(given)
        if key is not None and key in self._latest:
            self._latest.move_to_end(key)
            return self._latest[key]
        values = get_variable_values(self._schema, self._definitions, dict(given), max_errors=_MOST_ERRORS)
        if isinstance(values, list):
            return values
        inputs = Inputs(values)
        if key is not None:
            self._latest[key] = inputs
            if len(self._latest) > _MOST_SETS:
                self._latest.popitem(last=False)
        return inputs


def _key(given: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The values with their types, since 1 and True are equal in Python and not in GraphQL; None for a large set."""
    parts: list[Any] = []
    left: list[Any] = [dict(given)]
    while left:
        value = left.pop()
        parts.append(value.__class__)
        if value.__class__ is dict:
            parts.append(len(value))
            parts.extend(value)
            left.extend(value.values())
        elif value.__class__ is list:
            parts.append(len(value))
            left.extend(value)
        else:
            parts.append(value)
        if len(parts) > _MOST_PARTS:
            return None
    if any(part.__class__ is str and len(part) > _LONGEST for part in parts):
        return None
    return tuple(parts)


def _own(value: Any) -> Any:
    if value.__class__ is dict:
        return {name: _own(one) for name, one in value.items()}
    if value.__class__ is list:
        return [_own(one) for one in value]
    return value
