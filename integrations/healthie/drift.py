"""Schema drift: how Healthie's current schema differs from the contract, and which differences affect our operations.

A difference in a part that an operation uses is breaking; one in the rest of the contract is a note. Anything that Healthie
has beyond the contract is ignored.
"""

from collections.abc import Iterable
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
    find_schema_changes,
    get_named_type,
    is_specified_scalar_type,
    resolve_schema_coordinate,
    visit,
)

from booking.sync.drift import DriftFinding, Severity

# The operations use no directives and select through no interfaces.
_BREAKING = frozenset(
    each
    for each in BreakingChangeType
    if "DIRECTIVE" not in each.name and each is not BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED
)
# Enums whose new values are harmless: the practice's other webhooks may use any, and they are skipped in responses.
_OPEN = frozenset({"WebhookEventType"})

_NOTED = _BREAKING | {
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
}


def differences(
    contract: GraphQLSchema, document: DocumentNode, present: GraphQLSchema
) -> list[DriftFinding]:
    """The differences of the present schema from the contract, most severe first."""
    used = coordinates(contract, document)
    part = used_part(contract, used)
    breaking = _changes(part, present, _BREAKING)
    warnings = [*_deprecations(present, used), *_new_values(contract, part, present)]
    notes = [each for each in _changes(contract, present, _NOTED) if each not in breaking]
    return [
        *(DriftFinding(severity=Severity.BREAKING, what=each) for each in breaking),
        *(DriftFinding(severity=Severity.WARNING, what=each) for each in warnings),
        *(DriftFinding(severity=Severity.NOTE, what=each) for each in notes),
    ]


def coordinates(contract: GraphQLSchema, document: DocumentNode) -> list[str]:
    """The schema coordinates that a document uses: `User.email`, `Query.user(id:)`, `createClientInput.email`, enum values.

    All values of an enum in a response count as used, because adapters distinguish them.
    """
    info = TypeInfo(contract)
    uses = _Uses(info)
    visit(document, TypeInfoVisitor(info, uses))
    return sorted(uses.found)


class _Uses(Visitor):
    """Collects coordinates. The accompanying TypeInfo gives the type of each node."""

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
        """Count all fields of an input object that is passed as one variable."""
        kind = self._info.get_input_type()
        named = get_named_type(kind) if kind else None
        if isinstance(named, GraphQLInputObjectType):
            self.found |= {f"{named}.{name}" for name in named.fields}

    def enter_enum_value(self, node: Any, *_: Any) -> None:
        kind = self._info.get_input_type()
        self.found.add(f"{get_named_type(kind) if kind else None}.{node.value}")


def used_part(contract: GraphQLSchema, used: Iterable[str]) -> GraphQLSchema:
    """The contract reduced to the coordinates that are used."""
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
        # A built-in scalar that is no longer mentioned; the change that removed it is reported by its own name.
        if each.type in kinds and not each.description.startswith("Standard scalar")
    ]


def _deprecations(present: GraphQLSchema, used: Iterable[str]) -> list[str]:
    found = []
    for coordinate in used:
        try:
            part = resolve_schema_coordinate(present, coordinate)
        except TypeError:  # its type or field is gone, which is reported as breaking
            continue
        reason = _reason(part) if part else None
        if reason is not None:
            found.append(f"{coordinate} is deprecated: {reason}")
    return found


def _new_values(contract: GraphQLSchema, part: GraphQLSchema, present: GraphQLSchema) -> list[str]:
    """Enum values that a response may now contain and no adapter knows. Enums used only in requests do not count."""
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
    """The deprecation reason of the innermost element of a resolved coordinate; None when it is not deprecated."""
    for name in ("field_argument", "input_field", "enum_value", "field"):
        if (named := getattr(part, name, None)) is not None:
            return named.deprecation_reason or None
    return None
