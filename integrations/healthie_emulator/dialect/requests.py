"""Reads a request as the dialect means it, and writes it in the types of the schema that is derived.

Since 2024-07-01 dates and ids have types of their own, since 2025-04-01 many texts are enums, and some texts have become lists
(JSON, or with commas between). A variable that is declared with the old type takes the type of the place where it is used; its
value follows. So do texts that stand where an enum or a list is wanted. Dates are also read as browsers print them, as Ruby reads them.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from graphql import (
    DocumentNode,
    EnumValueNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    ListValueNode,
    NameNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_type_sub_type_of,
    parse_type,
    type_from_ast,
    visit,
)

# Scalars that stand for one another; enums as well.
EXCHANGED = frozenset({"String", "ID", "Int", "Float", "ISO8601Date", "ISO8601DateTime", "UUID"})

# By the text of a place's type: the variable that stands there, and its type.
Meant = dict[str, tuple[str, Any]]

# `Mon Nov 30 2026 16:58:19 GMT-0500 (Eastern Standard Time)`
_ALONE = re.compile(r"\W")
_AS_BROWSERS_PRINT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4})(?: \(.*\))?", re.ASCII
)


def translated(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
) -> tuple[DocumentNode, dict[str, Any]]:
    """Return the document and the variables in the schema's types; what does not translate stays, to be refused."""
    usages = _Usages(schema)
    visit(document, TypeInfoVisitor(usages.info, usages))
    meant = {each.variable.name.value: usages.meant(each) for each in usages.definitions}
    rewriting = _Rewriting(schema, meant)
    rewritten = visit(document, TypeInfoVisitor(rewriting.info, rewriting))
    given = {name: _plain_dates(value) for name, value in variables.items()}
    for name, places in meant.items():
        if name in variables:
            given |= {alias: _value(variables[name], type_) for alias, type_ in places.values()}
    return rewritten, given


def _stands_for(schema: GraphQLSchema, declared: Any, wanted: Any) -> bool:
    """Return whether a variable of one type was accepted where the other is wanted, and is no longer."""
    if is_type_sub_type_of(schema, declared, wanted):
        return False
    inner, outer = get_named_type(declared), get_named_type(wanted)
    return inner is outer or all(
        each.name in EXCHANGED or isinstance(each, GraphQLEnumType) for each in (inner, outer)
    )


class _Usages(Visitor):
    """Finds the declared variables, and the types of the places where each is used."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.info = TypeInfo(schema)
        self.definitions: list[VariableDefinitionNode] = []
        self._schema = schema
        self._places: dict[str, dict[str, Any]] = {}

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self.definitions.append(node)

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> None:
        type_: Any = self.info.get_input_type()
        if type_ is None or isinstance(parent, VariableDefinitionNode):
            return
        if self.info.get_default_value() not in (None, Undefined):
            type_ = get_nullable_type(type_)
        self._places.setdefault(node.name.value, {})[str(self.info.get_input_type())] = type_

    def meant(self, definition: VariableDefinitionNode) -> Meant:
        """For each place (by its type's text) that the declared type no longer suits: a variable that does, and its type."""
        name, declared = definition.variable.name.value, type_from_ast(self._schema, definition.type)
        places = self._places.get(name, {})
        if definition.default_value is not None:
            places = {text: get_nullable_type(type_) for text, type_ in places.items()}
        changed = {
            text: type_
            for text, type_ in places.items()
            if declared and _stands_for(self._schema, declared, type_)
        }
        meant = {text: (f"{name}_as_{_ALONE.sub('', text)}", type_) for text, type_ in changed.items()}
        if changed and len(changed) == len(places):  # nothing is left for the variable as it was
            first = next(iter(changed))
            meant[first] = (name, changed[first])
        return meant


class _Rewriting(Visitor):
    """Declares variables as they are meant, and writes texts as the enums and lists that they mean."""

    def __init__(self, schema: GraphQLSchema, meant: Mapping[str, Meant]) -> None:
        super().__init__()
        self.info = TypeInfo(schema)
        self._meant = meant

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Any:
        definitions = [new for each in node.variable_definitions or () for new in self._definitions(each)]
        return OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=tuple(definitions),
            directives=node.directives,
            selection_set=node.selection_set,
        )

    def leave_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> Any:
        if isinstance(parent, VariableDefinitionNode):
            return None
        name, _type = self._meant.get(node.name.value, {}).get(str(self.info.get_input_type()), (None, None))
        return None if name in {None, node.name.value} else VariableNode(name=NameNode(value=name))

    def _definitions(self, node: VariableDefinitionNode) -> list[VariableDefinitionNode]:
        """The declaration that was, unless it is changed, and those of the places with another type."""
        name = node.variable.name.value
        meant = dict(self._meant.get(name, {}).values())
        return [
            *([] if name in meant else [node]),
            *(
                VariableDefinitionNode(
                    variable=VariableNode(name=NameNode(value=alias)),
                    type=parse_type(str(type_)),
                    default_value=node.default_value,
                    directives=node.directives,
                )
                for alias, type_ in meant.items()
            ),
        ]

    def leave_string_value(self, node: StringValueNode, _key: Any, parent: Any, *_: Any) -> Any:
        type_ = self.info.get_input_type()
        value = (
            node.value
            if type_ is None or isinstance(parent, VariableDefinitionNode)
            else _value(node.value, type_)
        )
        if isinstance(value, list):
            return ListValueNode(values=tuple(StringValueNode(value=str(each)) for each in value))
        if isinstance(get_named_type(type_), GraphQLEnumType):
            return EnumValueNode(value=str(value))
        return None if value == node.value else StringValueNode(value=str(value))


def _value(value: Any, type_: Any) -> Any:
    """A value as the type writes it; as it came, if it is none of that type."""
    if isinstance(type_, GraphQLNonNull):
        return _value(value, type_.of_type)
    if isinstance(type_, GraphQLList):
        items = _items(value) if isinstance(value, str) else value
        return [_value(each, type_.of_type) for each in items] if isinstance(items, list) else items
    if isinstance(value, str) and isinstance(type_, GraphQLEnumType):
        return _enum_value(value, type_)
    if isinstance(type_, GraphQLScalarType):
        return _scalar(value, type_.name)
    return _plain_dates(value)


def _items(text: str) -> Any:
    """The items of a list that is written as JSON or with commas; one alone stays alone."""
    try:
        read = json.loads(text) if text.startswith("[") else None
    except ValueError:
        return text
    if isinstance(read, list):
        return read
    return [each.strip() for each in text.split(",") if each.strip()] if "," in text else text


def _enum_value(text: str, type_: GraphQLEnumType) -> str:
    asked = re.sub(r"\W+", "_", text).lower()
    return next((name for name in type_.values if name.lower() == asked), text)


def _scalar(value: Any, name: str) -> Any:
    if name == "Int" and isinstance(value, str) and re.fullmatch(r"-?\d{1,10}", value, re.ASCII):
        return int(value)
    if name in {"String", "ID", "UUID"} and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _plain_dates(value)


def _plain_dates(value: Any) -> Any:
    """Write as ISO 8601 what a browser printed of a date."""
    printed = _AS_BROWSERS_PRINT.fullmatch(value) if isinstance(value, str) else None
    if printed is None:
        return value
    try:
        return datetime.strptime(printed[1], "%b %d %Y %H:%M:%S GMT%z").isoformat()
    except ValueError:
        return value
