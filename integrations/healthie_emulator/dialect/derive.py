"""Derives the dialect's schema: types and arguments from the contract's document, resolvers from its executable schema."""

from collections.abc import Callable, Iterable
from typing import Any

from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    ListTypeNode,
    NameNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    TypeNode,
    build_ast_schema,
    parse_type,
)

from integrations.healthie_emulator.dialect import lists
from integrations.healthie_emulator.dialect.additions import ADDITIONS

CLIENT_MUTATION_ID = "clientMutationId"  # until 2025-10-15 in every input and payload, and of no use

COUNT = "Count"  # of the root fields that say how long a list is


def derived_schema(document: DocumentNode, executable: GraphQLSchema) -> GraphQLSchema:
    """Build the dialect's executable schema. `document` is the contract, `executable` its schema with resolvers."""
    contract = _Contract(document)
    derived = [each for each in map(contract.derived, document.definitions) if each is not None]
    schema = build_ast_schema(DocumentNode(definitions=tuple(derived)), assume_valid_sdl=True)
    for type_ in schema.type_map.values():
        given = executable.type_map.get(type_.name)
        if isinstance(type_, GraphQLScalarType) and isinstance(given, GraphQLScalarType):
            type_.parse_value = type_.coerce_input_value = given.coerce_input_value  # type: ignore[assignment, method-assign]
        elif isinstance(type_, GraphQLObjectType) and isinstance(given, GraphQLObjectType):
            for name, field in type_.fields.items():
                field.resolve = contract.resolver(given, name)
    return schema


class _Contract:
    """The contract's document, by what the dialect has to know of it."""

    def __init__(self, document: DocumentNode) -> None:
        objects = [each for each in document.definitions if isinstance(each, ObjectTypeDefinitionNode)]
        self._nodes = {each.name.value: node for each in objects if (node := _node_type(each))}
        self._framing = {_named(field.type) for each in objects if each.name.value in self._nodes
                         for field in each.fields or () if field.name.value in {"edges", "page_info"}}  # fmt: skip
        mutations = next(each for each in objects if each.name.value == "Mutation").fields or ()
        self._payloads = {_named(each.type) for each in mutations}
        self._inputs = {_named(given.type) for each in mutations for given in each.arguments or ()}

    def derived(self, definition: Any) -> Any:
        """A definition as the dialect has it; None for the frames of connections, which it has not."""
        name = getattr(getattr(definition, "name", None), "value", "")
        if isinstance(definition, InputObjectTypeDefinitionNode):
            more = [_value(CLIENT_MUTATION_ID, "String")] if name in self._inputs else []
            return InputObjectTypeDefinitionNode(
                name=definition.name, fields=(*(definition.fields or ()), *more)
            )
        if not isinstance(definition, ObjectTypeDefinitionNode):
            return definition
        if name in self._nodes or name in self._framing:
            return None
        return ObjectTypeDefinitionNode(name=definition.name, fields=tuple(self._fields(name, definition)))

    def resolver(self, given: GraphQLObjectType, name: str) -> Callable[..., Any]:
        """What answers a field of the dialect, from the fields of the contract's type."""
        if name in given.fields:
            framed = _type_name(given.fields[name].type) in self._nodes
            return lists.plain(_answer(given, name), name) if framed else _answer(given, name)
        if name == "cursor":
            return lists.cursor
        if name == CLIENT_MUTATION_ID:
            return lambda *_: None
        addition = next((each for each in ADDITIONS if each.place == f"{given.name}.{name}"), None)
        if addition is None:
            return lists.count(_answer(given, name.removesuffix(COUNT)))
        answer = _answer(given, addition.answers)
        return lists.count(answer) if addition.counts else answer

    def _fields(self, name: str, definition: ObjectTypeDefinitionNode) -> Iterable[FieldDefinitionNode]:
        given = {field.name.value: field for field in definition.fields or ()}
        for field in given.values():
            yield self._plain(field) if _named(field.type) in self._nodes else field
        if name == "Query":
            yield from self._counts(given)
        if name in self._nodes.values() and "cursor" not in given:
            yield _field("cursor", "Cursor!")
        if name in self._payloads:
            yield _field(CLIENT_MUTATION_ID, "String")
        for each in ADDITIONS:
            of, _, added = each.place.partition(".")
            if of == name and added not in given and each.answers in given:
                yield _field(added, each.type)

    def _plain(self, field: FieldDefinitionNode) -> FieldDefinitionNode:
        """A connection's field as a list."""
        inner: TypeNode = parse_type(f"[{self._nodes[_named(field.type)]}!]")
        required = isinstance(field.type, NonNullTypeNode)
        return FieldDefinitionNode(
            name=field.name,
            type=NonNullTypeNode(type=inner) if required else inner,  # type: ignore[arg-type]
            arguments=tuple(_list_arguments(field)),
        )

    def _counts(self, roots: dict[str, FieldDefinitionNode]) -> Iterable[FieldDefinitionNode]:
        for name, field in roots.items():
            if _named(field.type) in self._nodes and name + COUNT not in roots:
                yield FieldDefinitionNode(
                    name=NameNode(value=name + COUNT),
                    type=parse_type("Int"),
                    arguments=tuple(_list_arguments(field)),
                )


def _list_arguments(field: FieldDefinitionNode) -> Iterable[InputValueDefinitionNode]:
    gone = {"first", "last", "before", *lists.PAGE_ARGUMENTS}
    yield from (each for each in field.arguments or () if each.name.value not in gone)
    yield from (_value(name, type_) for name, type_ in lists.PAGE_ARGUMENTS.items())


def _node_type(definition: ObjectTypeDefinitionNode) -> str | None:
    """The type of a connection's records; None for what is no connection."""
    types = {field.name.value: _named(field.type) for field in definition.fields or ()}
    return types["nodes"] if {"nodes", "page_info"} <= types.keys() else None


def _answer(type_: GraphQLObjectType, name: str) -> Callable[..., Any]:
    resolve: Callable[..., Any] | None = type_.fields[name].resolve
    if resolve is None:
        raise LookupError(f"{type_.name}.{name} has no resolver")
    return resolve


def _named(type_: TypeNode) -> str:
    while isinstance(type_, NonNullTypeNode | ListTypeNode):
        type_ = type_.type
    return str(type_.name.value)  # type: ignore[attr-defined]


def _type_name(type_: Any) -> str:
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return str(type_.name)


def _field(name: str, type_: str) -> FieldDefinitionNode:
    return FieldDefinitionNode(name=NameNode(value=name), type=parse_type(type_), arguments=())


def _value(name: str, type_: str) -> InputValueDefinitionNode:
    return InputValueDefinitionNode(name=NameNode(value=name), type=parse_type(type_))
