"""Operation: one operation of a document as limits, rates and idempotency keys see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from graphql import FieldNode, FragmentDefinitionNode, IntValueNode, OperationDefinitionNode, OperationType

from gateway.limits.bounds import COST, check
from gateway.limits.cost import Cost
from gateway.root_fields import root_fields

# A number with more digits is no page size; int() raises ValueError for thousands of digits.
_DIGITS = 20


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of a document, with everything that depends on the document alone."""

    node: OperationDefinitionNode
    fields: tuple[FieldNode, ...]  # at its root, each as often as it is selected
    names: tuple[str, ...]  # of those fields
    cost: Cost
    defaults: Mapping[str, int]  # of its Int variables, which may be page sizes

    @classmethod
    def of(
        cls, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode], *, cost: Cost
    ) -> Self:
        """The operation of this node, whose cost was measured. `fragments` are those of its document."""
        fields = tuple(root_fields(node, fragments))
        defaults = {
            one.variable.name.value: page_size(one.default_value)
            for one in node.variable_definitions or ()
            if isinstance(one.default_value, IntValueNode)
        }
        names = tuple(field.name.value for field in fields)
        return cls(node=node, fields=fields, names=names, cost=cost, defaults=defaults)

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation

    def check_cost(self, variables: Mapping[str, Any]) -> None:
        """Evaluate the page sizes and the cost with these variables. Raises InvalidInput, TooMuch."""
        if not self._costs_the_same:
            check(COST, self.cost.at({**self.defaults, **variables}))

    @cached_property
    def _costs_the_same(self) -> bool:
        """Whether the cost is within the limit whatever the variables are. Found once; what is refused is refused anew each time."""
        return not self.cost.variables() and self.cost.at({}) <= COST.most


def page_size(node: IntValueNode) -> int:
    """The number that the document holds, of its first digits if it has too many for any page."""
    return int(node.value[:_DIGITS])
