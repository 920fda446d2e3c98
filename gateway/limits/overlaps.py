"""How much validation would have to compare: each pair of selections that stand for the same name in the answer.

The rule that fields of one name can be merged takes 7 µs a pair, and pairs grow with the square: 100 kB of a repeated field
took it seconds. To be asked when the document has been measured: it walks all fields with their fragments spread out.
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

# Fragments that are spread side by side are compared with one another, whatever is in them; no field has this name.
_SPREADS = "..."


class Overlaps:
    """The pairs of one document, counted until they are too many."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments: Mapping[str, FragmentDefinitionNode] = fragments_of(document)
        self._spread: set[str] = set()
        self._pairs = 0

    def check(self) -> None:
        """Raise TooMuch when there are too many."""
        for one in self._document.definitions:
            if isinstance(one, OperationDefinitionNode):
                self._merge([one.selection_set])
        for name, fragment in self._fragments.items():
            if name not in self._spread:
                self._merge([fragment.selection_set])

    def _merge(self, sets: Iterable[SelectionSetNode]) -> None:
        """Compare what stands side by side in these sets, and then what stands below each name."""
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
