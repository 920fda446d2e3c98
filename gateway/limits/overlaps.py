"""Counts the pairs of selections with the same response name, which validation would compare.

graphql-core's rule OverlappingFieldsCanBeMerged takes 7 µs a pair, and pairs grow quadratically: 100 kB of one repeated field took
seconds. Call it after `Measuring`, whose limits bound the traversal: it visits all fields with their fragments spread out.
"""

from collections.abc import Iterable, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gateway.limits.bounds import OVERLAPS, check
from gateway.limits.measuring import fragments_of

# Sibling fragment spreads are compared with one another, whatever their contents. No field has this name.
_SPREADS = "..."


class Overlaps:
    """Counts the pairs of one document, up to the limit."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments: Mapping[str, FragmentDefinitionNode] = fragments_of(document)
        self._spread: set[str] = set()
        self._pairs = 0

    def check(self) -> None:
        """Raise TooMuch when there are more pairs than OVERLAPS."""
        for one in self._document.definitions:
            if isinstance(one, OperationDefinitionNode):
                self._merge([one.selection_set])
        for name, fragment in self._fragments.items():
            if name not in self._spread:
                self._merge([fragment.selection_set])

    def _merge(self, sets: Iterable[SelectionSetNode]) -> None:
        """Count the pairs among the fields of these sets, merged, and then among those below each response name."""
        alike: dict[str, list[SelectionSetNode | None]] = {_SPREADS: []}
        seen: set[str] = set()
        waiting = list(sets)
        while waiting:
            for node in waiting.pop().selections:
                match node:
                    case FieldNode():
                        key = (node.alias or node.name).value
                        alike.setdefault(key, []).append(node.selection_set)
                    case InlineFragmentNode():
                        waiting.append(node.selection_set)
                    case FragmentSpreadNode() if node.name.value not in seen:
                        seen.add(node.name.value)
                        alike[_SPREADS].append(None)
                        if node.name.value in self._fragments:
                            waiting.append(self._fragments[node.name.value].selection_set)
        self._spread |= seen
        self._pairs += sum(len(same) * (len(same) - 1) // 2 for same in alike.values())
        check(OVERLAPS, self._pairs)
        for same in alike.values():
            below = [one for one in same if one is not None]
            if below:
                self._merge(below)
