"""What generated code asks of values at run time: is the value what it looks like, and how is it written.

Everything here refuses (`Refused`) what it does not know for certain. graphql-core then completes the same value in its own way.
"""

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from enum import Enum, auto
from json.encoder import encode_basestring
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.execution.json_text import text_of
from schema.shared import SharedTable, is_shared

# A page of the app selects a thing in one or two ways.
_MOST_TEXTS = 8

# Where a shared instance keeps its texts.
_TEXTS = "__frontdoor_texts__"

# What one call of a writer remembers: values that are kept alive, and texts by the ids of values.
Memory = tuple[Any, ...]

Writer = Callable[[Any], str]
PartWriter = Callable[[Any, Memory], str]


class Refused(Exception):  # a decision, not an error
    """The value is none that generated code may write: it is wrong, or graphql-core has to look at it."""


class Kind(Enum):
    """How the values of a class are written."""

    PLAIN = auto()
    SHARED = auto()  # its text is remembered: see `schema.shared`
    TABLE = auto()  # the same, and it can be read by columns


class Kinds(dict[type, Kind]):
    """The classes that have been examined and accepted, so that each is examined once."""

    def __init__(self, fits: Callable[[type], bool]) -> None:
        super().__init__()
        self._fits = fits

    def __missing__(self, cls: type) -> Kind:
        """Examine the class. Raises Refused, for every value of it anew."""
        if not self._fits(cls) or _may_need_awaiting(cls) or issubclass(cls, Exception):
            raise Refused
        kind = Kind.PLAIN
        if is_shared(cls) and cls.__dictoffset__:
            kind = Kind.TABLE if issubclass(cls, SharedTable) else Kind.SHARED
        self[cls] = kind
        return kind


def _may_need_awaiting(cls: type) -> bool:
    """Whether a value of the class might be awaitable; `__getattr__` may make anything so."""
    return issubclass(cls, (CoroutineType, GeneratorType, AsyncGeneratorType)) or any(
        name in vars(base) for base in cls.__mro__ for name in ("__await__", "__getattr__")
    )


# The classes that this process has met.
OBJECTS = Kinds(lambda cls: not issubclass(cls, (type(None), type(Undefined))))
# Only sequences: a value that can be read once could not be completed again.
LISTS = Kinds(
    lambda cls: (
        issubclass(cls, Sequence)
        and not issubclass(cls, (str, bytes, bytearray, memoryview, Mapping, AsyncIterable))
    )
)


def recalled(value: Any, selection: int) -> str | None:
    """The remembered text of a shared value for the selection."""
    texts = vars(value).get(_TEXTS)
    return texts.get(selection) if texts is not None else None


def remember(value: Any, selection: int, text: str) -> None:
    """Remember the text for as long as the value lives; the oldest beyond the bound is forgotten."""
    texts: dict[int, str] = vars(value).setdefault(_TEXTS, {})
    texts[selection] = text
    if len(texts) > _MOST_TEXTS:
        del texts[next(iter(texts))]


def once(value: Any, memory: Memory, number: int, write: PartWriter) -> str:
    """Write the value, and remember its text. The value is kept alive, so that its id is no other's meanwhile."""
    text = memory[number][id(value)] = write(value, memory)
    memory[0].append(value)
    return text


def leaf_writer(kind: GraphQLLeafType) -> PartWriter:
    """Writes any value of the scalar or enum as graphql-core serializes it. Raises Refused, and what the serialization raises."""
    serialize = kind.coerce_output_value

    def write(value: Any, _: Memory) -> str:
        OBJECTS[value.__class__]  # what is null, an exception or to be awaited is not serialized
        serialized = serialize(value)
        if serialized.__class__ is str:
            return encode_basestring(serialized)
        if serialized is None or serialized is Undefined:
            raise Refused
        return text_of(serialized)

    return write


def enum_texts(kind: GraphQLEnumType) -> dict[int, str]:
    """The text of each member of a Strawberry enum, by the member's id: the members live as long as their class."""
    definition = kind.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryEnumDefinition):
        return {}
    write = leaf_writer(kind)
    return {id(member): write(member, ()) for member in list[Any](definition.wrapped_cls)}
