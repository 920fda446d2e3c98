"""Measures a document in one pass: its depth, width and cost with every fragment spread out.

Each fragment is measured once and memoized, so the pass is linear in the document: a fan-out of 2^22 fields is a product, not a
traversal. It runs before validation and assumes nothing. Unknown fields, types and fragments are counted by their form, and
validation refuses them next; fragments that spread themselves, or that share a name, are refused here, since their contents would
go unmeasured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.utilities import get_default_value_ast

from gateway.limits.bounds import (
    ALIASES,
    DEPTH,
    DIRECTIVES,
    FIELDS,
    NESTING,
    OPERATIONS,
    ROOT_FIELDS,
    check,
)
from gateway.limits.cost import Cost, Size, page
from gateway.limits.operation import Operation, page_size
from gateway.limits.weights import SIZE_ARGUMENTS, SIZES, USUAL_SIZE


@dataclass(slots=True, kw_only=True)
class Measure:
    """A selection set, or a fragment, with everything below it."""

    fields: int = 0
    top: int = 0  # fields at its own level
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    cost: Cost = field(default_factory=Cost)  # of everything except `listed`
    # One item of each list here whose length the parent field may set.
    listed: Cost = field(default_factory=Cost)

    def add(self, other: "Measure") -> None:
        """Add a sibling. Raises TooMuch at once, so numbers stay small however often fragments multiply them."""
        self.fields += other.fields
        self.top += other.top
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.directives += other.directives
        self.cost += other.cost
        self.listed += other.listed
        check(FIELDS, self.fields)
        check(ALIASES, self.aliases)
        check(DIRECTIVES, self.directives)
        check(DEPTH, self.depth)


class Measuring:
    """The pass over one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, weights: Mapping[str, int]) -> None:
        self._schema = schema
        self._weights = weights
        self._operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self._fragments = fragments_of(document)
        self._measured: dict[str, Measure | None] = {}  # None: being measured, so another spread is a cycle

    def operations(self) -> dict[str | None, Operation]:
        """The operations by name. Raises TooMuch, and GraphQLError for a fragment that spreads itself."""
        check(OPERATIONS, len(self._operations))
        found: dict[str | None, Operation] = {}
        whole = Measure()
        for one in self._operations:
            measured = self._operation(one)
            check(ROOT_FIELDS, measured.top)
            name = one.name.value if one.name else None
            found.setdefault(name, Operation.of(one, self._fragments, cost=_all_of(measured)))
            whole.add(measured)
        for name in self._fragments:
            if name not in self._measured:  # unused, yet validation traverses it
                whole.add(self._fragment(name, 0))
        return found

    def _operation(self, node: OperationDefinitionNode) -> Measure:
        root = {
            OperationType.QUERY: self._schema.query_type,
            OperationType.MUTATION: self._schema.mutation_type,
            OperationType.SUBSCRIPTION: self._schema.subscription_type,
        }[node.operation]
        variables = node.variable_definitions or ()
        own = len(node.directives or ()) + sum(len(one.directives or ()) for one in variables)
        return self._selections(node.selection_set, root, 0, directives=own)

    def _selections(
        self, node: SelectionSetNode, parent: GraphQLNamedType | None, nesting: int, *, directives: int = 0
    ) -> Measure:
        check(NESTING, nesting)
        measured = Measure(directives=directives)
        for selection in node.selections:
            measured.directives += len(selection.directives or ())
            measured.add(self._selection(selection, parent, nesting + 1))
        return measured

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, nesting: int) -> Measure:
        match node:
            case FieldNode():
                return self._field(node, parent, nesting)
            case FragmentSpreadNode():
                return self._fragment(node.name.value, nesting)
            case InlineFragmentNode():
                condition = node.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                return self._selections(node.selection_set, inner, nesting)
        raise TypeError(f"{type(node).__name__} is no selection")

    def _fragment(self, name: str, nesting: int) -> Measure:
        if name not in self._fragments:
            return Measure()
        if name not in self._measured:
            self._measured[name] = None
            node = self._fragments[name]
            kind = self._schema.get_type(node.type_condition.name.value)
            self._measured[name] = self._selections(
                node.selection_set, kind, nesting, directives=len(node.directives or ())
            )
        measured = self._measured[name]
        if measured is None:
            raise GraphQLError("A fragment must not spread itself.", self._fragments[name])
        return measured

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> Measure:
        known = _field_of(parent, node.name.value)
        below = Measure()
        if node.selection_set:
            kind = get_named_type(known.type) if known else None
            below = self._selections(node.selection_set, kind, nesting)
        cost, listed = _costs(node, parent, known, below, self._weights)
        return Measure(
            fields=1 + below.fields,
            top=1,
            depth=1 + below.depth,
            aliases=bool(node.alias) + below.aliases,
            directives=below.directives,
            cost=cost,
            listed=listed,
        )


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The document's fragments by name. Raises GraphQLError when two share one."""
    found: dict[str, FragmentDefinitionNode] = {}
    for one in document.definitions:
        if isinstance(one, FragmentDefinitionNode) and found.setdefault(one.name.value, one) is not one:
            raise GraphQLError("Each fragment needs a name of its own.", one)
    return found


def _costs(
    node: FieldNode,
    parent: GraphQLNamedType | None,
    known: GraphQLField | None,
    below: Measure,
    weights: Mapping[str, int],
) -> tuple[Cost, Cost]:
    """The cost of the field, and the cost of one item where the parent field's argument sets the length (such as `nodes` of a page)."""
    if known is None or parent is None or parent.name.startswith("__"):
        # Validation refuses unknown fields, and has a rule of its own for the depth of introspection.
        return Cost(fixed=1) + below.cost + below.listed, Cost()
    coordinate = f"{parent.name}.{node.name.value}"
    own = Cost(fixed=1 + weights.get(coordinate, 0))
    size = _size(node, known)
    if not is_list_type(get_nullable_type(known.type)):
        if size is None:
            return own + _all_of(below), Cost()
        return own + below.cost + page(size, below.listed), Cost()
    each = _all_of(below)
    if size is not None:
        return own + page(size, each), Cost()
    if coordinate in SIZES:
        return own + each.times(SIZES[coordinate]), Cost()
    return own, each


def _all_of(measured: Measure) -> Cost:
    """The total, with lists of unknown length at USUAL_SIZE."""
    return measured.cost + measured.listed.times(USUAL_SIZE)


def _size(node: FieldNode, known: GraphQLField) -> Size | None:
    """The page size from the field's arguments or their defaults; None: it has none."""
    given = {one.name.value: one.value for one in node.arguments or ()}
    for name in SIZE_ARGUMENTS:
        if name not in known.args:
            continue
        value = given.get(name)
        if isinstance(value, VariableNode):
            return Size(argument=name, number=_default(known, name), variable=value.name.value)
        if isinstance(value, IntValueNode):
            return Size(argument=name, number=page_size(value))
        default = _default(known, name)
        if default is not None:
            return Size(argument=name, number=default)
    return None


def _default(known: GraphQLField, name: str) -> int | None:
    default = get_default_value_ast(known.args[name])
    return int(default.value) if isinstance(default, IntValueNode) else None


def _field_of(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
    return fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
