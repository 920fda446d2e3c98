"""How a schema of Healthie's differs from the contract, and what of it our operations feel.

A difference in what an operation uses is breaking; one in the rest of the contract is a note. What Healthie has beyond
the contract is nobody's concern.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    BreakingChangeType,
    DangerousChangeType,
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    concat_ast,
    find_schema_changes,
    get_named_type,
    is_specified_scalar_type,
    parse,
    resolve_schema_coordinate,
    visit,
)

from booking.sync.drift import DriftFinding, Severity

HERE = Path(__file__).parent


# Of directives we use none; interfaces are not selected through.
_FELT = frozenset(
    each
    for each in BreakingChangeType
    if "DIRECTIVE" not in each.name and each is not BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED
)
# Enums of which others may use values that we never ask for, and that we pass over in answers: the practice's other webhooks.
_OPEN = frozenset({"WebhookEventType"})

_NOTED = _FELT | {
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
}


@cache
def contract_schema() -> GraphQLSchema:
    """The contract as it is committed."""
    return build_schema((HERE / "contract.graphql").read_text(encoding="utf-8"))


@cache
def operations() -> DocumentNode:
    """Every operation that we send, as one document."""
    return concat_ast(
        [parse(path.read_text(encoding="utf-8")) for path in sorted((HERE / "operations").glob("*.graphql"))]
    )


def differences(
    contract: GraphQLSchema, document: DocumentNode, present: GraphQLSchema
) -> list[DriftFinding]:
    """What is to be known of the present schema, the worst first."""
    used = coordinates(contract, document)
    part = used_part(contract, used)
    breaking = _changes(part, present, _FELT)
    warnings = [*_deprecations(present, used), *_new_values(contract, part, present)]
    notes = [each for each in _changes(contract, present, _NOTED) if each not in breaking]
    return [
        *(DriftFinding(severity=Severity.BREAKING, what=each) for each in breaking),
        *(DriftFinding(severity=Severity.WARNING, what=each) for each in warnings),
        *(DriftFinding(severity=Severity.NOTE, what=each) for each in notes),
    ]


def coordinates(contract: GraphQLSchema, document: DocumentNode) -> list[str]:
    """The schema coordinates of what a document uses: `User.email`, `Query.user(id:)`, `createClientInput.email`, enum values.

    Of an enum that is answered every value counts: adapters tell them apart.
    """
    info = TypeInfo(contract)
    uses = _Uses(info)
    visit(document, TypeInfoVisitor(info, uses))
    return sorted(uses.found)


class _Uses(Visitor):
    """Collects coordinates. Positions are typed by the TypeInfo that walks along."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.found: set[str] = set()

    def enter_field(self, node: Any, *_: Any) -> None:
        parent, answered = self._info.get_parent_type(), self._info.get_type()
        place = f"{parent}.{node.name.value}"
        self.found |= {place, *(f"{place}({each.name.value}:)" for each in node.arguments or ())}
        kind = get_named_type(answered) if answered else None
        if isinstance(kind, GraphQLEnumType):
            self.found |= {f"{kind}.{value}" for value in kind.values}

    def enter_object_field(self, node: Any, *_: Any) -> None:
        parent = self._info.get_parent_input_type()
        self.found.add(f"{get_named_type(parent) if parent else None}.{node.name.value}")

    def enter_variable_definition(self, *_: Any) -> None:
        """Note all fields of an input that is sent whole."""
        kind = self._info.get_input_type()
        named = get_named_type(kind) if kind else None
        if isinstance(named, GraphQLInputObjectType):
            self.found |= {f"{named}.{name}" for name in named.fields}

    def enter_enum_value(self, node: Any, *_: Any) -> None:
        kind = self._info.get_input_type()
        self.found.add(f"{get_named_type(kind) if kind else None}.{node.value}")


def used_part(contract: GraphQLSchema, used: Iterable[str]) -> GraphQLSchema:
    """The contract with nothing in it but what is used."""
    wanted = frozenset(used)
    written: list[str] = []
    mentioned: set[str] = set()

    def typed(name: str, part: Any) -> str:
        mentioned.add(get_named_type(part.type).name)
        return f"{name}: {part.type}"

    for name, kind in contract.type_map.items():
        parts: list[str] = []
        if isinstance(kind, GraphQLObjectType):
            for field_name, field in kind.fields.items():
                place = f"{name}.{field_name}"
                if place in wanted:
                    args = [
                        typed(each, arg) for each, arg in field.args.items() if f"{place}({each}:)" in wanted
                    ]
                    parts.append(typed(f"{field_name}({', '.join(args)})" if args else field_name, field))
            word = "type"
        elif isinstance(kind, GraphQLInputObjectType):
            parts = [typed(each, part) for each, part in kind.fields.items() if f"{name}.{each}" in wanted]
            word = "input"
        elif isinstance(kind, GraphQLEnumType):
            parts = [value for value in kind.values if f"{name}.{value}" in wanted]
            word = "enum"
        if parts:
            written.append("\n".join([f"{word} {name} {{", *parts, "}"]))
    written += [
        f"scalar {name}"
        for name, kind in contract.type_map.items()
        if name in mentioned and isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    ]
    return build_schema("\n\n".join(written))


def _changes(old: GraphQLSchema, new: GraphQLSchema, kinds: frozenset[Any]) -> list[str]:
    return [
        each.description
        for each in find_schema_changes(old, new)
        # A built-in scalar that nothing mentions any more: whatever changed with it is said by its own name.
        if each.type in kinds and not each.description.startswith("Standard scalar")
    ]


def _deprecations(present: GraphQLSchema, used: Iterable[str]) -> list[str]:
    found = []
    for coordinate in used:
        try:
            part = resolve_schema_coordinate(present, coordinate)
        except TypeError:  # its type, or its field, is gone: that is said as breaking
            continue
        reason = _reason(part) if part else None
        if reason is not None:
            found.append(f"{coordinate} is deprecated: {reason}")
    return found


def _new_values(contract: GraphQLSchema, part: GraphQLSchema, present: GraphQLSchema) -> list[str]:
    """Values that an answer may hold from now on, and that no adapter knows. Enums that are only asked with do not count."""
    found = []
    for name, kind in part.type_map.items():
        ours, theirs = contract.type_map.get(name), present.type_map.get(name)
        if (
            name not in _OPEN
            and isinstance(kind, GraphQLEnumType)
            and isinstance(ours, GraphQLEnumType)
            and isinstance(theirs, GraphQLEnumType)
            and kind.values.keys() == ours.values.keys()
        ):
            found += [
                f"Enum value {name}.{value} was added." for value in theirs.values.keys() - ours.values.keys()
            ]
    return sorted(found)


def _reason(part: Any) -> str | None:
    """Why a resolved coordinate is deprecated: the innermost thing that it names says so."""
    for name in ("field_argument", "input_field", "enum_value", "field"):
        if (named := getattr(part, name, None)) is not None:
            return named.deprecation_reason or None
    return None
