"""Query limits: complexity 2000, depth 25.

A field costs one. Of a connection, all that stands below `nodes` and `edges` counts as often as the page is long (100 if the
request does not say), below nested connections as often as both. A list that is no connection multiplies nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
)

from integrations.healthie_emulator.connections import DEFAULT_PAGE

MAX_COMPLEXITY = 2000
MAX_DEPTH = 25

RECORDS = frozenset({"nodes", "edges"})  # the fields of a connection below which its records are


def check_limits(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], name: str | None
) -> None:
    """Raise GraphQLError if a valid operation, the document's only one or that of the name, costs too much."""
    depth, complexity = cost(schema, document, variables, name)
    if depth > MAX_DEPTH:
        raise GraphQLError(f"Query has depth of {depth}, which exceeds max depth of {MAX_DEPTH}")
    if complexity > MAX_COMPLEXITY:
        raise GraphQLError(
            f"Query has complexity of {complexity}, which exceeds max complexity of {MAX_COMPLEXITY}"
        )


def cost(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], name: str | None
) -> tuple[int, int]:
    """Return depth and complexity of a valid operation."""
    operation = get_operation_ast(document, name)
    root = schema.get_root_type(operation.operation) if operation else None
    return (
        (0, 0) if operation is None else _Cost(schema, document, variables).of(operation.selection_set, root)
    )


class _Cost:
    """Depth and complexity of selections; fragments are measured once, however often they are spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._variables = variables
        self._measured: dict[str, tuple[int, int]] = {}

    def of(self, selections: SelectionSetNode | None, parent: Any) -> tuple[int, int]:
        """Depth and complexity of the fields that are selected of a type."""
        costs = [self._of_one(each, parent) for each in (selections.selections if selections else ())]
        return max((depth for depth, _ in costs), default=0), sum(complexity for _, complexity in costs)

    def _of_one(self, node: Any, parent: Any) -> tuple[int, int]:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in self._measured:
                fragment = self._fragments[name]
                of = self._schema.get_type(fragment.type_condition.name.value)
                self._measured[name] = self.of(fragment.selection_set, of)
            return self._measured[name]
        if isinstance(node, InlineFragmentNode):
            narrowed = node.type_condition and self._schema.get_type(node.type_condition.name.value)
            return self.of(node.selection_set, narrowed or parent)
        return self._of_field(node, parent)

    def _of_field(self, node: FieldNode, parent: Any) -> tuple[int, int]:
        field = parent.fields.get(node.name.value) if isinstance(parent, GraphQLObjectType) else None
        type_ = get_named_type(field.type) if field else None
        depth, complexity = self.of(node.selection_set, type_)
        if _is_connection(type_):
            records = self._below_records(node.selection_set, type_)
            complexity += (self._page_size(node) - 1) * records
        return depth + 1, complexity + 1

    def _below_records(self, selections: SelectionSetNode | None, connection: Any) -> int:
        """Complexity of what is selected below `nodes` and `edges`, also by way of fragments."""
        return sum(
            self.of(each.selection_set, get_named_type(connection.fields[each.name.value].type))[1]
            for each in self._fields(selections)
            if each.name.value in RECORDS
        )

    def _fields(self, selections: SelectionSetNode | None) -> Iterable[FieldNode]:
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, FragmentSpreadNode):
                yield from self._fields(self._fragments[each.name.value].selection_set)
            elif isinstance(each, InlineFragmentNode):
                yield from self._fields(each.selection_set)

    def _page_size(self, node: FieldNode) -> int:
        """The longer of `first` and `last`."""
        asked = [
            size
            for argument in node.arguments or ()
            if argument.name.value in {"first", "last"} and (size := self._number(argument.value)) is not None
        ]
        return max(asked, default=DEFAULT_PAGE)

    def _number(self, value: Any) -> int | None:
        if isinstance(value, VariableNode):
            given = self._variables.get(value.name.value)
            return max(given, 0) if isinstance(given, int) else None
        return max(int(value.value), 0) if isinstance(value, IntValueNode) else None


def _is_connection(type_: Any) -> bool:
    return isinstance(type_, GraphQLObjectType) and {"nodes", "page_info"} <= type_.fields.keys()
