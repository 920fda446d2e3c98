"""The root fields of the operation that is executed. Idempotency keys and rate limits are checked by them."""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.types import ExecutionContext


def root_fields(execution: ExecutionContext) -> list[str]:
    """The names of the operation's root fields, with fragments expanded; `__typename` is left out."""
    return [node.name.value for node in root_nodes(execution)]


def root_nodes(execution: ExecutionContext) -> list[FieldNode]:
    """The operation's root fields, each as often as it is selected; a fragment is expanded once."""
    definitions = execution.graphql_document.definitions if execution.graphql_document else ()
    fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
    return [
        field
        for operation in wanted_operations(execution)
        for field in _root_fields(operation.selection_set, fragments)
    ]


def wanted_operations(execution: ExecutionContext) -> list[OperationDefinitionNode]:
    """The operation to execute; all of them when a document of several names none (then none is executed)."""
    definitions = execution.graphql_document.definitions if execution.graphql_document else ()
    wanted = execution.operation_name
    return [
        one
        for one in definitions
        if isinstance(one, OperationDefinitionNode)
        and (wanted is None or (one.name and one.name.value == wanted))
    ]


def _root_fields(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    seen: set[str] = set()
    stack = [selections]
    while stack:
        for one in stack.pop().selections:
            if isinstance(one, FieldNode):
                if one.name.value != "__typename":
                    yield one
            elif isinstance(one, FragmentSpreadNode):
                if one.name.value in fragments and one.name.value not in seen:
                    seen.add(one.name.value)
                    stack.append(fragments[one.name.value].selection_set)
            elif isinstance(one, InlineFragmentNode):
                stack.append(one.selection_set)
