"""The root fields of an operation. Idempotency keys and rate limits are checked by them."""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)


def root_fields(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """The operation's root fields, each as often as it is selected; a fragment is expanded once, `__typename` is left out."""
    seen: set[str] = set()
    stack = [operation.selection_set]
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
