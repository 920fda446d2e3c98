"""Compiles a selection to a writer: generated code that writes the JSON text of a value of one type.

A writer knows types whose selected fields are plain attributes, to any depth: leaves, objects, and lists of them. Which fields are
selected is graphql-core's to say (`Collect`): fragments, directives and merged fields are resolved by then. For anything else,
such as a field with a resolver or a union inside, there is no writer, and graphql-core completes the value.

The generated source holds nothing that a caller could choose but response keys, which the grammar limits to letters, digits and
underscores; each is checked (`_key`) before it is used. Everything else in it is numbered names, and names from the schema.
"""

import keyword
import re
from collections.abc import Callable, Iterator
from itertools import count
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_leaf_type,
)
from strawberry.types.field import StrawberryField

from gateway.execution.values import (
    LISTS,
    OBJECTS,
    Kind,
    Refused,
    Writer,
    enum_texts,
    leaf_writer,
    recalled,
    remember,
)

# graphql-core's nodes of one field, and its fields by response key.
FieldDetails: TypeAlias = Any
Collect: TypeAlias = Callable[[GraphQLObjectType, FieldDetails], dict[str, FieldDetails]]

# Of one writer. The limits of a document allow 500, which can be met again by merging; nobody's page comes near.
_MOST_FIELDS = 1_000

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)

# Numbers of selections, under which shared values remember texts; never used twice.
_numbers = count()


class NotKnown(Exception):  # a decision, not an error
    """The selection holds something that writers do not know."""


def compile_writer(kind: GraphQLOutputType, details: FieldDetails, collect: Collect) -> tuple[Writer, int]:
    """The writer of values of an object or list type, and how many fields it writes. Raises NotKnown."""
    code = _Code(collect)
    return code.entrance(code.writer_of(kind, details)), code.fields


class _Code:
    """The source of one writer and the constants that it uses.

    Each object and list type at its place becomes a function of the value and `m`, the memory of one call: `m[0]` keeps values
    alive whose ids are keys in the others, so that no id is another value's meanwhile.
    """

    def __init__(self, collect: Collect) -> None:
        self.fields = 0
        self._collect = collect
        self._source: list[str] = []
        self._memories = 1
        self._names = count()
        self._memory_of_leaf: dict[str, int] = {}
        self._constants: dict[str, Any] = {
            "OBJECTS": OBJECTS,
            "LISTS": LISTS,
            "SHARED": Kind.SHARED,
            "Refused": Refused,
            "esc": encode_basestring,
            "recalled": recalled,
            "remember": remember,
        }

    def entrance(self, writer: str) -> Writer:
        """Compile what was generated; the result calls the function of this name."""
        memory = "".join([", {}"] * (self._memories - 1))
        self._add("def entrance(v):", f" return {writer}(v, ([]{memory}))")
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

    def _inner(self, kind: GraphQLOutputType, details: FieldDetails) -> str:
        """The same inside of another. Whether an object is of its type must then be plain from its place."""
        if isinstance(kind, GraphQLObjectType) and kind.is_type_of is not None:
            raise NotKnown
        return self.writer_of(kind, details)

    def _object(self, kind: GraphQLObjectType, details: FieldDetails) -> str:
        lines, parts = [], []
        for key, field in self._collect(kind, details).items():
            self.fields += 1
            if self.fields > _MOST_FIELDS:
                raise NotKnown
            name = field[0].node.name.value
            if name == "__typename":
                parts.append(f'"{_key(key)}":"{_key(kind.name)}"')
                continue
            variable = f"v{len(parts)}"
            parts.append(f'"{_key(key)}":{{{variable}}}')
            definition = kind.fields[name]
            lines.append(f"{variable} = v.{_attribute(definition)}")
            lines.extend(self._value(variable, definition.type, field))
        return self._function("OBJECTS", lines, "f'{{" + ",".join(parts) + "}}'")

    def _list(self, kind: GraphQLList[Any], details: FieldDetails) -> str:
        item = kind.of_type
        nullable = not isinstance(item, GraphQLNonNull)
        item = item if nullable else item.of_type
        if is_leaf_type(item):
            written = f"{self._leaf_item(kind.of_type)}(x, m)"
            if item in (GraphQLString, GraphQLID):
                written = f"esc(x) if x.__class__ is str else {written}"
        else:
            written = f"{self._inner(item, details)}(x, m)"
            if nullable:
                written = f"'null' if x is None else {written}"
        return self._function("LISTS", [], f"'[' + ','.join([{written} for x in v]) + ']'")

    def _leaf_item(self, kind: GraphQLOutputType) -> str:
        name = self._name("i")
        self._add(f"def {name}(v, m):", *(f" {line}" for line in self._leaf("v", kind)), " return f'{v}'")
        return name

    def _function(self, kinds: str, lines: list[str], text: str) -> str:
        """A function that examines the value's class, and remembers the text where that is shared."""
        name, number = self._name("w"), next(_numbers)
        self._add(
            f"def {name}(v, m):",
            f" shared = {kinds}[v.__class__] is SHARED",
            " if shared:",
            f"  text = recalled(v, {number})",
            "  if text is not None: return text",
            *(f" {line}" for line in lines),
            f" text = {text}",
            f" if shared: remember(v, {number}, text)",
            " return text",
        )
        return name

    def _value(self, variable: str, kind: GraphQLOutputType, details: FieldDetails) -> Iterator[str]:
        """The lines that replace the value in the variable by its text."""
        named = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if is_leaf_type(named):
            yield from self._leaf(variable, kind)
            return
        writer = self._inner(named, details)
        yield f"if {variable} is None: {self._null(variable, kind)}"
        if isinstance(named, GraphQLList):
            yield f"else: {variable} = {writer}({variable}, m)"
            return
        memory = self._memory()
        yield "else:"
        yield f" text = {memory}.get(id({variable}))"
        yield " if text is None:"
        yield f"  text = {memory}[id({variable})] = {writer}({variable}, m)"
        yield f"  m[0].append({variable})"
        yield f" {variable} = text"

    def _leaf(self, variable: str, kind: GraphQLOutputType) -> Iterator[str]:
        """The same for a scalar or enum: common types at once, others by graphql-core's own serialization."""
        named: Any = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        write = self._constant("s", leaf_writer(named))
        null = f"elif {variable} is None: {self._null(variable, kind)}"
        otherwise = f"else: {variable} = {write}({variable})"
        if named in (GraphQLString, GraphQLID):
            yield f"if {variable}.__class__ is str: {variable} = esc({variable})"
        elif named is GraphQLInt:
            yield f"if {variable}.__class__ is int and -2147483648 <= {variable} <= 2147483647: pass"
        elif named is GraphQLBoolean:
            yield f"if {variable} is True: {variable} = 'true'"
            yield f"elif {variable} is False: {variable} = 'false'"
        elif isinstance(named, GraphQLEnumType):
            texts = self._constant("e", enum_texts(named))
            yield f"if (text := {texts}.get(id({variable}))) is not None: {variable} = text"
        else:
            memory = self._memory_of(named.name)
            yield f"if (text := {memory}.get(id({variable}))) is not None: {variable} = text"
            yield null
            yield "else:"
            yield f" text = {memory}[id({variable})] = {write}({variable})"
            yield f" m[0].append({variable})"
            yield f" {variable} = text"
            return
        yield null
        yield otherwise

    def _null(self, variable: str, kind: GraphQLOutputType) -> str:
        return "raise Refused" if isinstance(kind, GraphQLNonNull) else f"{variable} = 'null'"

    def _memory(self) -> str:
        self._memories += 1
        return f"m[{self._memories - 1}]"

    def _memory_of(self, scalar: str) -> str:
        """One memory a scalar: the same moment is written the same at every place."""
        if scalar not in self._memory_of_leaf:
            self._memory()
            self._memory_of_leaf[scalar] = self._memories - 1
        return f"m[{self._memory_of_leaf[scalar]}]"

    def _constant(self, prefix: str, value: Any) -> str:
        name = self._name(prefix)
        self._constants[name] = value
        return name

    def _name(self, prefix: str) -> str:
        return f"{prefix}{next(self._names)}_"

    def _add(self, *lines: str) -> None:
        self._source.extend(lines)


def _key(name: str) -> str:
    """A response key or type name, as it may stand in source. The grammar allows no other; here it is not taken on trust."""
    if not _NAME.fullmatch(name):
        raise NotKnown
    return name


def _attribute(field: GraphQLField) -> str:
    """The attribute that the field reads, if its resolver does just that. Raises NotKnown."""
    declared = field.extensions.get("strawberry-definition")
    if (
        not isinstance(declared, StrawberryField)
        or not declared.is_basic_field
        or declared.default_resolver is not getattr
        or not getattr(field.resolve, "_is_default", False)  # wrapped by nobody, such as permissions
        or field.args
        or not declared.python_name.isidentifier()
        or keyword.iskeyword(declared.python_name)
    ):
        raise NotKnown
    return declared.python_name
