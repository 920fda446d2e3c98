"""Compiles a selection to a writer: generated code that writes the JSON text of a value of one type.

A writer knows types whose selected fields are plain attributes, to any depth: leaves, objects, and lists of them. Which fields are
selected is graphql-core's to say (`Collect`): fragments, directives and merged fields are resolved by then. For anything else,
such as a field with a resolver or a union inside, there is no writer, and graphql-core completes the value.

The generated source holds nothing that a caller could choose but response keys, which the grammar limits to letters, digits and
underscores; each is checked (`_key`) before it is used. Everything else in it is numbered names, and names from the schema.
"""

import re
from collections.abc import Callable
from itertools import count
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_nullable_type,
    is_leaf_type,
)

from gateway.execution.declared import attribute_of, comes_in_tables
from gateway.execution.values import (
    LISTS,
    OBJECTS,
    Kind,
    Writer,
    enum_texts,
    leaf_writer,
    once,
    recalled,
    remember,
)

# graphql-core's nodes of one field, and its fields by response key.
FieldDetails: TypeAlias = Any
Collect: TypeAlias = Callable[[GraphQLObjectType, FieldDetails], dict[str, FieldDetails]]

# Of one writer. The limits of a document allow 500, which can be met again by merging; nobody's page comes near.
_MOST_FIELDS = 400

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)

# Numbers of selections, under which shared values remember texts; never used twice.
_numbers = count()


class NotKnown(Exception):  # a decision, not an error
    """The selection holds something that writers do not know."""


def compile_writer(kind: GraphQLOutputType, details: FieldDetails, collect: Collect) -> Writer:
    """The writer of values of an object or list type, as they are selected at one place. Raises NotKnown."""
    code = _Code(collect)
    return code.entrance(code.writer_of(kind, details))


class _Code:
    """The source of one writer, and the constants that it uses.

    Each list and object type becomes, at its place in the selection, a function of the value `v` and the memory `m` of one call.
    """

    def __init__(self, collect: Collect) -> None:
        self._fields = 0
        self._collect = collect
        self._source: list[str] = []
        self._functions = 0
        self._memories = 1  # the first keeps values alive
        self._memory_of_scalar: dict[str, int] = {}
        self._constants: dict[str, Any] = {
            "OBJECTS": OBJECTS,
            "LISTS": LISTS,
            "PLAIN": Kind.PLAIN,
            "TABLE": Kind.TABLE,
            "esc": encode_basestring,
            "once": once,
            "recalled": recalled,
            "remember": remember,
        }

    def entrance(self, writer: str) -> Writer:
        """Compile what was generated; the result calls the function of this name."""
        memory = ", {}" * (self._memories - 1)
        self._source += ["def entrance(v):", f" return {writer}(v, ([]{memory}{',' if not memory else ''}))"]
        # The source is ours: see the module's docstring.
        exec(compile("\n".join(self._source), "<writer>", "exec"), self._constants)  # noqa: S102
        entrance: Writer = self._constants["entrance"]
        return entrance

    def writer_of(self, kind: GraphQLOutputType, details: FieldDetails) -> str:
        """Generate the function for a list or an object type; returns its name."""
        if isinstance(kind, GraphQLList):
            return self._list(kind, details)
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, details)
        raise NotKnown

    def _list(self, kind: GraphQLList[Any], details: FieldDetails) -> str:
        text = self._text("x", "t", kind.of_type, details)
        if get_nullable_type(kind.of_type) is GraphQLInt:
            text = f"str({text})"
        text = f"'[' + ','.join([{text} for x in v]) + ']'"
        if not comes_in_tables(kind.of_type):
            return self._function("LISTS", [], text)
        by_columns = self._by_columns(get_nullable_type(kind.of_type), details)
        text = f"'[' + ','.join(parts) + ']' if kind is TABLE else {text}"
        return self._function("LISTS", by_columns, text)

    def _by_columns(self, kind: GraphQLObjectType, details: FieldDetails) -> list[str]:
        """The lines that write the items of a table into `parts`, each from its row of the columns, without the item."""
        columns: list[str] = []

        def column(attribute: str) -> str:
            columns.append(f"v.column('{attribute}')")
            return f"c{len(columns)}"

        lines, text = self._item(kind, details, column)
        row = "".join(f", c{number + 1}" for number in range(len(columns)))
        return [
            " if kind is TABLE:",
            "  parts = []",
            f"  for c0{row} in zip({', '.join(['range(len(v))', *columns])}):",
            *(f"  {line}" for line in lines),
            f"   parts.append({text})",
        ]

    def _object(self, kind: GraphQLObjectType, details: FieldDetails) -> str:
        return self._function("OBJECTS", *self._item(kind, details, lambda attribute: f"v.{attribute}"))

    def _item(
        self, kind: GraphQLObjectType, details: FieldDetails, reading: Callable[[str], str]
    ) -> tuple[list[str], str]:
        """The lines that write the fields of an object, and the expression for its text; `reading` an attribute is an expression."""
        lines: list[str] = []
        parts: list[str] = []
        for key, field in self._collect(kind, details).items():
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise NotKnown
            name = field[0].node.name.value
            if name == "__typename":
                parts.append(f'"{_key(key)}":"{_key(kind.name)}"')
                continue
            value, definition = f"v{len(lines)}", kind.fields[name]
            attribute = attribute_of(definition)
            if attribute is None:
                raise NotKnown
            text = self._text(reading(attribute), value, definition.type, field)
            lines.append(f" {value} = {text}")
            parts.append(f'"{_key(key)}":{{{value}}}')
        return lines, "f'{{" + ",".join(parts) + "}}'"

    def _function(self, kinds: str, lines: list[str], text: str) -> str:
        """A function that examines the value's class, and remembers the text where instances of it are shared."""
        self._functions += 1
        name, number = f"w{self._functions}", next(_numbers)
        self._source += [
            f"def {name}(v, m):",
            f" kind = {kinds}[v.__class__]",
            f" if kind is not PLAIN and (text := recalled(v, {number})): return text",
            *lines,
            f" text = {text}",
            f" if kind is not PLAIN: remember(v, {number}, text)",
            " return text",
        ]
        return name

    def _text(self, read: str, name: str, kind: GraphQLOutputType, details: FieldDetails) -> str:
        """The expression for the text of what the expression `read` reads, for which it uses the name.

        Common types are written at once. Others, and null where it must not be, go to functions that refuse what is wrong.
        """
        named: Any = get_nullable_type(kind)
        null = "" if isinstance(kind, GraphQLNonNull) else f"'null' if {name} is None else "
        if is_leaf_type(named):
            return self._leaf(read, name, named, null)
        if isinstance(named, GraphQLObjectType) and named.is_type_of is not None:
            raise NotKnown  # whether an object is of its type must be plain from its place
        write = self.writer_of(named, details)
        if isinstance(named, GraphQLObjectType) and read != "x":
            return self._once(read, name, self._memory(), write, null)
        if null:
            return f"'null' if ({name} := {read}) is None else {write}({name}, m)"
        return f"{write}({read}, m)"

    def _leaf(self, read: str, name: str, kind: Any, null: str) -> str:
        write = self._constant_of(kind, "s", leaf_writer)
        otherwise = f"{null}{write}({name}, m)"
        value = f"({name} := {read})"
        if kind in (GraphQLString, GraphQLID):
            return f"esc({name}) if {value}.__class__ is str else {otherwise}"
        if kind is GraphQLInt:
            fits = f"{value}.__class__ is int and -2147483648 <= {name} <= 2147483647"
            return f"{name} if {fits} else {otherwise}"
        if kind is GraphQLBoolean:
            return f"'true' if {value} is True else 'false' if {name} is False else {otherwise}"
        if isinstance(kind, GraphQLEnumType):
            texts = self._constant_of(kind, "e", enum_texts)
            return f"{texts}.get(id{value}) or ({otherwise})"
        if kind.name not in self._memory_of_scalar:
            self._memory_of_scalar[kind.name] = self._memory()
        return self._once(read, name, self._memory_of_scalar[kind.name], write, null)

    def _once(self, read: str, name: str, memory: int, write: str, null: str) -> str:
        """The same value is written once an answer: many slots are of one clinician, and begin at one moment."""
        return f"m[{memory}].get(id({name} := {read})) or ({null}once({name}, m, {memory}, {write}))"

    def _memory(self) -> int:
        self._memories += 1
        return self._memories - 1

    def _constant_of(self, kind: Any, prefix: str, make: Callable[[Any], Any]) -> str:
        """The name of what is made of the type, which is made once."""
        name = f"{prefix}_{_key(kind.name)}"
        if name not in self._constants:
            self._constants[name] = make(kind)
        return name


def _key(name: str) -> str:
    """A response key or type name, as it may stand in source. The grammar allows no other; here it is not taken on trust."""
    if not _NAME.fullmatch(name):
        raise NotKnown
    return name
