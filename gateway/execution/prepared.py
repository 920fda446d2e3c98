"""Keeps what executions of one document have in common, for as long as the document lives: collected fields and compiled writers.

A variant is an operation with one set of values of the variables in its `@skip` and `@include`. Nothing else that a variable says
changes which fields are selected, so a variant's fields are collected, and its writers compiled, once.

A variant is kept from its second execution on. To compile takes as long as to validate: a document that is made up for one request
costs nothing more than without writers.
"""

import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_nullable_type,
)
from graphql.pyutils import Path

from gateway.execution.inputs import LatestInputs
from gateway.execution.values import Writer
from gateway.execution.writers import Collect, NotKnown, compile_writer

log = structlog.get_logger(__name__)

# Fields of all variants that are kept, some 2 kB each with their part of the writers. An app's documents have one or two thousand; the
# bounds are for senders who make up new ones.
MOST_FIELDS = 10_000

# Sets of values of one operation that are known to have been executed once.
_MOST_SEEN = 64

_CONDITIONS = {GraphQLSkipDirective.name, GraphQLIncludeDirective.name}


@dataclass(frozen=True, kw_only=True, eq=False)
class RootField:
    """A root field that returns a list or an object, with all that graphql-core gives its resolver besides the request's own."""

    key: str
    definition: GraphQLField
    parent: GraphQLObjectType
    kind: Any  # the list or object type
    details: Any
    nodes: list[FieldNode]
    path: Path


class Variant:
    """An operation with certain values of its conditions."""

    def __init__(self, *, kept: bool) -> None:
        self.only_field: RootField | None = None  # known after one execution
        # graphql-core's memory of collected sub-fields, which it otherwise has for one execution.
        self.sub_fields: dict[Any, Any] = {}
        self._kept = kept
        self._root_fields: Any = None
        # By the ids of a type and of graphql-core's list of nodes; the list is kept with the writer, so that its id stays its own.
        self._writers: dict[tuple[int, int], tuple[Any, Writer | None]] = {}

    @property
    def fields(self) -> int:
        """How many fields have been collected."""
        return 1 + sum(len(collected.grouped_field_set) for _, collected in self.sub_fields.values())

    def root_fields(
        self,
        schema: GraphQLSchema,
        root: GraphQLObjectType,
        operation: OperationDefinitionNode,
        collected: Any,
    ) -> Any:
        """The root fields as they were collected first: the same for every execution, and identical."""
        if self._root_fields is None:
            self._root_fields = collected
            if len(collected) == 1 and operation.operation is not OperationType.MUTATION:
                self.only_field = _root_field(schema, root, *next(iter(collected.items())))
        return self._root_fields

    def writer(self, kind: Any, details: Any, collect: Collect) -> Writer | None:
        """The writer of an object or list at its place in the document; None: this selection has none, or is new."""
        if not self._kept:
            return None
        known = self._writers.get((id(kind), id(details)))
        if known is None:
            known = self._writers[id(kind), id(details)] = details, self._compiled(kind, details, collect)
        return known[1]

    def _compiled(self, kind: Any, details: Any, collect: Collect) -> Writer | None:
        try:
            return compile_writer(kind, details, collect)
        except (
            NotKnown,
            GraphQLError,
        ):  # the latter: a condition's variable is null, which graphql-core reports
            return None
        except Exception as error:  # noqa: BLE001  # a fault of ours, for which no request has to fail
            log.error("execution.not_compiled", error=type(error).__name__)  # noqa: TRY400 - its text may quote the document
            return None


def _root_field(schema: GraphQLSchema, root: GraphQLObjectType, key: str, details: Any) -> RootField | None:
    nodes = [one.node for one in details]
    definition = schema.get_field(root, nodes[0].name.value)
    if definition is None or definition.resolve is None:
        return None
    kind = get_nullable_type(definition.type)
    if not isinstance(kind, (GraphQLList, GraphQLObjectType)) or getattr(kind, "is_type_of", None):
        return None
    return RootField(
        key=key,
        definition=definition,
        parent=root,
        kind=kind,
        details=details,
        nodes=nodes,
        path=Path(None, key, root.name),
    )


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of a document, with the document's fragments as graphql-core's executor takes them."""

    definition: OperationDefinitionNode
    fragment_definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, Any]
    inputs: LatestInputs
    conditions: tuple[str, ...]  # the names of the variables that decide what is selected
    seen: set[tuple[Any, ...]] = field(default_factory=set)  # the values of variants executed once
    variants: dict[tuple[Any, ...], Variant] = field(default_factory=dict)


class Prepared:
    """The operations of the documents that are alive, by identity, and the variants executed last."""

    def __init__(self) -> None:
        self._documents: dict[int, tuple[weakref.ref[DocumentNode], dict[str | None, Operation]]] = {}
        self._latest: OrderedDict[Variant, tuple[Operation, tuple[Any, ...]]] = OrderedDict()

    def operation(self, document: DocumentNode, name: str | None) -> Operation | None:
        """The operation, if it was executed before."""
        known = self._documents.get(id(document))
        return known[1].get(name) if known is not None else None

    def keep(self, document: DocumentNode, name: str | None, run: Any) -> Operation:
        """Keep the operation of graphql-core's executor for as long as the document lives."""
        if id(document) not in self._documents:
            number = id(document)
            self._documents[number] = weakref.ref(document, lambda _: self._forget(number)), {}
        operation = self._documents[id(document)][1][name] = Operation(
            definition=run.operation,
            fragment_definitions=run.fragment_definitions,
            fragments=run.fragments,
            inputs=LatestInputs(run.schema, run.operation),
            conditions=tuple(sorted(set(_conditions(run.operation, run.fragment_definitions.values())))),
        )
        return operation

    def variant(self, operation: Operation, variables: Mapping[str, Any]) -> Variant:
        """The operation's variant for these coerced variables."""
        values = tuple([variables.get(name) for name in operation.conditions])
        variant = operation.variants.get(values)
        if variant is not None:
            self._latest.move_to_end(variant)
        elif values in operation.seen:
            self._make_room()
            variant = operation.variants[values] = Variant(kept=True)
            self._latest[variant] = operation, values
        else:
            if len(operation.seen) >= _MOST_SEEN:
                operation.seen.clear()
            operation.seen.add(values)
            variant = Variant(kept=False)
        return variant

    def fields(self) -> int:
        """How many fields are kept in all."""
        # A copy: the garbage collector may free a document, and so forget its variants, at any moment.
        return sum(variant.fields for variant in list(self._latest))

    def _make_room(self) -> None:
        """Forget the variants whose last execution is longest ago, beyond the bound."""
        fields = self.fields()
        while fields > MOST_FIELDS and self._latest:
            oldest, (operation, values) = self._latest.popitem(last=False)
            operation.variants.pop(values, None)
            fields -= oldest.fields

    def _forget(self, number: int) -> None:
        _, operations = self._documents.pop(number)
        for operation in operations.values():
            for variant in operation.variants.values():
                self._latest.pop(variant, None)


def _conditions(
    operation: OperationDefinitionNode, fragments: Iterable[FragmentDefinitionNode]
) -> Iterator[str]:
    """The names of the variables in `@skip` and `@include`, in the operation and all fragments."""
    left: list[SelectionSetNode] = [operation.selection_set, *(one.selection_set for one in fragments)]
    while left:
        for one in left.pop().selections:
            for directive in one.directives or ():
                if directive.name.value in _CONDITIONS:
                    yield from _variables(directive.arguments or ())
            selected = getattr(one, "selection_set", None)
            if selected is not None:
                left.append(selected)


def _variables(arguments: Iterable[Any]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument.value, VariableNode):
            yield argument.value.name.value
