"""Query limits: complexity 2000, depth 25. A connection costs its page size, 100 if not given."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from integrations.healthie_emulator.connections import DEFAULT_PAGE

MAX_COMPLEXITY = 2000
MAX_DEPTH = 25


def check_limits(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    connections: frozenset[str],
) -> None:
    """Raise GraphQLError if a valid operation costs too much. `connections` names the root fields that are paged."""
    cost = _Cost(document, variables, connections)
    depth, complexity = cost.of(operation.selection_set)
    if depth > MAX_DEPTH:
        raise GraphQLError(f"Query has depth of {depth}, which exceeds max depth of {MAX_DEPTH}")
    if complexity > MAX_COMPLEXITY:
        raise GraphQLError(
            f"Query has complexity of {complexity}, which exceeds max complexity of {MAX_COMPLEXITY}"
        )


class _Cost:
    """Depth and complexity of selections; fragments are measured once, however often they are spread."""

    def __init__(
        self, document: DocumentNode, variables: Mapping[str, Any], connections: frozenset[str]
    ) -> None:
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._variables = variables
        self._connections = connections
        self._measured: dict[str, tuple[int, int]] = {}

    def of(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        depth = complexity = 0
        for selection in selections.selections if selections else ():
            deep, complex_ = self._of_one(selection)
            depth, complexity = max(depth, deep), complexity + complex_
        return depth, complexity

    def _of_one(self, node: Any) -> tuple[int, int]:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in self._measured:
                self._measured[name] = self.of(self._fragments[name].selection_set)
            return self._measured[name]
        depth, complexity = self.of(node.selection_set)
        if isinstance(node, InlineFragmentNode):
            return depth, complexity
        return depth + 1, complexity + 1 + self._page_size(node)

    def _page_size(self, field: FieldNode) -> int:
        if field.name.value not in self._connections:
            return 0
        for argument in field.arguments or ():
            if argument.name.value in {"first", "last"}:
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                if isinstance(value, VariableNode):
                    given = self._variables.get(value.name.value)
                    return given if isinstance(given, int) else DEFAULT_PAGE
        return DEFAULT_PAGE
