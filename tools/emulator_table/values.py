"""Chooses variables for an operation: records that the emulator holds, by the names and types of the places where they go.

What is optional and means nothing here (a filter, a switch) is left out. Ids that a guide prints are its own examples; they are
replaced by ids of records that exist.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    print_ast,
    visit,
)

from tools.emulator_table.names import (
    NAMED,
    OF_PROVIDERS,
    PATIENTS,
    PAYERS,
    SAID,
    SAMPLE_FILE,
    TEXTS,
    TIMES,
)
from tools.emulator_table.samples import Samples

Chosen = tuple[DocumentNode, dict[str, Any]]


def chosen(
    schema: GraphQLSchema, document: DocumentNode, samples: Samples, given: Mapping[str, Any]
) -> Chosen:
    """The document with ids that exist, and its variables. What stands in `given` goes first, None for what is left out."""
    choosing = _Choosing(schema, samples)
    replaced = visit(document, TypeInfoVisitor(choosing.info, choosing))
    values = {**choosing.values(), **given}
    return replaced, {name: value for name, value in values.items() if value is not None}


class _Choosing(Visitor):
    """Walks an operation and notes a value for each variable, from the first place in which it stands."""

    def __init__(self, schema: GraphQLSchema, samples: Samples) -> None:
        super().__init__()
        self.info = TypeInfo(schema)
        self._samples = samples
        self._declared: dict[str, VariableDefinitionNode] = {}
        self._values: dict[str, Any] = {}
        self._field = ""
        self._root: GraphQLObjectType | None = None

    def values(self) -> dict[str, Any]:
        """Values by variable; a text alone where a list was declared as text."""
        return {
            name: value[0]
            if isinstance(value, list) and value and "[" not in _text(self._declared[name])
            else value
            for name, value in self._values.items()
            if name in self._declared and value is not None
        }

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        root = self.info.get_parent_type()
        field = self.info.get_field_def()
        if field is not None and root is not None and root.name in {"Query", "Mutation"}:
            self._field, self._root = node.name.value, _record(field.type)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self._declared[node.variable.name.value] = node

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> None:
        if not isinstance(parent, VariableDefinitionNode) and node.name.value not in self._values:
            place = parent.name.value if hasattr(parent, "name") else node.name.value
            value = self._value(place, self.info.get_input_type())
            required = _text(self._declared[node.name.value]).endswith("!") or isinstance(
                self.info.get_input_type(), GraphQLNonNull
            )
            self._values[node.name.value] = (
                _any(self.info.get_input_type()) if value is None and required else value
            )

    def leave_string_value(self, node: StringValueNode, _key: Any, parent: Any, *_: Any) -> Any:
        return self._existing(node, parent)

    def leave_int_value(self, node: IntValueNode, _key: Any, parent: Any, *_: Any) -> Any:
        return self._existing(node, parent)

    def _existing(self, node: StringValueNode | IntValueNode, parent: Any) -> Any:
        """Another id in the place of one that a guide prints."""
        name = parent.name.value if hasattr(parent, "name") else ""
        if name in {"after", "before"}:
            return StringValueNode(value=self._cursor())
        if not re.search(r"(^|_)ids?$", name) or not re.fullmatch(r"\d+|\w*id\w*", node.value, re.IGNORECASE):
            return None
        found = self._id(name)
        return StringValueNode(value=found) if found else None

    def _cursor(self) -> str:
        """A place in the list that is asked for: by number in a connection, by a record in a plain list."""
        field = self.info.get_field_def()
        if field is not None and "page_info" in getattr(get_named_type(field.type), "fields", {}):
            return base64.urlsafe_b64encode(b"page-1").decode()
        record = self._samples.of(self._root.name if self._root else "")
        return base64.b64encode(json.dumps({"k": [record]}).encode()).decode()

    def _value(self, name: str, type_: Any) -> Any:
        kind = get_named_type(type_)
        of_list = isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)
        if isinstance(kind, GraphQLInputObjectType):
            return [] if of_list else self._fields(kind)
        value = SAMPLE_FILE if kind.name == "Upload" else self._scalar(name)
        return [value] if of_list and value is not None else value

    def _scalar(self, name: str) -> Any:
        special = self._special(name)
        if special is not None or name in TEXTS:
            return TEXTS[name] if special is None else special
        for pattern, clock in TIMES.items():
            if pattern.search(name):
                return f"{self._samples.day}{clock}"
        return self._id(name)

    def _special(self, name: str) -> str | None:
        """What a name asks for in some places only, or from the people that there are."""
        if name == "simple_added_users":
            return f"user-{self._samples.of('User')}"
        if name == "form_share_recipient":
            return self._samples.email_of("Provider")
        if name == "contact_type" and self._root and self._root.name == "NotificationContact":
            return "adult"
        if name == "date" and self._field == "completeCheckout":  # there it is a time
            return f"{self._samples.day} 10:00"
        return None

    def _id(self, name: str) -> str | None:
        """The id of a record that the name asks for, if the emulator holds one."""
        root = self._root.name if self._root else ""
        if name == "user_id" and root in OF_PROVIDERS:
            return self._samples.of("Provider")
        if name in PAYERS.get(root, ()):
            return self._samples.of("User" if name == PAYERS[root][0] else "Provider")
        if name in {"id", "ids"}:
            return self._samples.of(root)
        if name in PATIENTS:
            return self._samples.of("User")
        if name in NAMED:
            return self._samples.of(NAMED[name]) if NAMED[name] else None
        stem = re.fullmatch(r"(\w+)_ids?", name)
        return self._samples.of("".join(part.title() for part in stem[1].split("_"))) if stem else None

    def _fields(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        """An input of what says whom and what it is about."""
        given: dict[str, Any] = {}
        for name, field in kind.fields.items():
            required = isinstance(field.type, GraphQLNonNull)
            if required or name in SAID:
                value = self._value(name, field.type)
                given[name] = _any(field.type) if value is None and required else value
        return {name: value for name, value in given.items() if value is not None}


def _record(type_: Any) -> GraphQLObjectType | None:
    """The type of the record that a root field is about: its own, a connection's, a payload's."""
    kind = get_named_type(type_)
    if not isinstance(kind, GraphQLObjectType):
        return None
    if "nodes" in kind.fields:
        return _record(kind.fields["nodes"].type)
    if kind.name.endswith("Payload"):
        records = (get_named_type(field.type) for field in kind.fields.values())
        return next(
            (each for each in records if isinstance(each, GraphQLObjectType) and each.name != "FieldError"),
            None,
        )
    return kind


def _any(type_: Any) -> Any:
    """A value of a type of which nothing is known."""
    samples = {"Boolean": True, "Int": 1, "Float": 1.0, "JSON": {}}
    kind = get_named_type(type_)
    if hasattr(kind, "values"):
        return next(iter(kind.values))
    return samples.get(kind.name if kind else "", "1")


def _text(definition: VariableDefinitionNode) -> str:
    return print_ast(definition.type)
