"""Keeps what executions of one document have in common, for as long as the document lives: collected fields and compiled writers.

A variant is an operation with one set of values of the variables in its `@skip` and `@include`. Nothing else that a variable says
changes which fields are selected, so a variant's fields are collected, and its writers compiled, once.
"""

import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
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
from gateway.execution.writers import Collect, compile_writer

# Compiled fields that are kept in all, some 0.4 kB each. An app's documents have a few thousand; the bound is for senders who make up new ones.
MOST_FIELDS = 40_000

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

    def __init__(self) -> None:
        self.compiled_fields = 0
        # graphql-core's memory of collected sub-fields, which it otherwise has for one execution.
        self.sub_fields: dict[Any, Any] = {}
        self.only_field: RootField | None = None  # known after the first execution
        self._root_fields: Any = None
        # By the ids of a type and of graphql-core's list of nodes; the list is kept with the writer, so that its id stays its own.
        self._writers: dict[tuple[int, int], tuple[Any, Writer | None]] = {}

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
        """The writer of an object or list at its place in the document; None: this selection has none."""
        known = self._writers.get((id(kind), id(details)))
        if known is None:
            known = self._writers[id(kind), id(details)] = details, self._compiled(kind, details, collect)
        return known[1]

    def _compiled(self, kind: Any, details: Any, collect: Collect) -> Writer | None:
        try:
            writer, fields = compile_writer(kind, details, collect)
        except Exception:  # noqa: BLE001  # NotKnown as a rule; no document may fail because it cannot be compiled
            return None
        self.compiled_fields += fields
        return writer


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
        if variant is None:
            self._make_room()
            variant = operation.variants[values] = Variant()
            self._latest[variant] = operation, values
        else:
            self._latest.move_to_end(variant)
        return variant

    def compiled_fields(self) -> int:
        """How many fields all writers write together."""
        return sum(variant.compiled_fields for variant in self._latest)

    def _make_room(self) -> None:
        """Forget the variants whose last execution is longest ago, beyond the bound."""
        fields = self.compiled_fields()
        while fields > MOST_FIELDS:
            oldest, (operation, values) = self._latest.popitem(last=False)
            del operation.variants[values]
            fields -= oldest.compiled_fields

    def _forget(self, number: int) -> None:
        _, operations = self._documents.pop(number)
        for operation in operations.values():
            for variant in operation.variants.values():
                del self._latest[variant]


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
