"""What is wrong with a value that was sent, in words of our own: graphql-core's repeat the value, and it may be a patient's.

They are made of the type that was expected and of which fields were given, never of what graphql-core says. Where a value stands is a
path of the schema's own field names and of places in lists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    SKIP,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
)
from graphql.utilities.validate_input_value import validate_input_literal, validate_input_value
from strawberry.types import ExecutionContext

from schema.scalars import SCALARS

# Scalars whose own errors repeat nothing of what was sent.
_WORDED = frozenset(scalar.name for scalar in SCALARS.values())

Path = Sequence[str | int]


class ValueMisfit(GraphQLError):
    """A value that does not fit its type."""


class LiteralsOfCorrectType(ValuesOfCorrectTypeRule):
    """graphql-core's rule, in words of our own."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> Any:
        """Report each part of the literal that does not fit."""
        if input_type is not None:

            def report(error: GraphQLError, path: list[str | int]) -> None:
                words = _words(input_type, path, _given_in_literal(node, path), error)
                self.report_error(ValueMisfit(words, error.nodes or node))

            validate_input_literal(node, input_type, report, hide_suggestions=True)
        return SKIP


def explain_variables(
    errors: Sequence[GraphQLError], execution: ExecutionContext, schema: GraphQLSchema
) -> None:
    """Give each error of a variable's value its words, as its `original_error`; the others stay as they are."""
    words: dict[int, Iterator[ValueMisfit]] = {}
    for error in errors:
        node = error.nodes[0] if error.nodes else None
        if isinstance(node, VariableDefinitionNode) and isinstance(error.original_error, GraphQLError):
            # graphql-core met them in this very order.
            of_variable = words.setdefault(id(node), iter(_misfits(node, execution.variables or {}, schema)))
            error.original_error = next(of_variable, _misfit(node, "", "The value does not fit."))


def _misfits(
    node: VariableDefinitionNode, variables: dict[str, Any], schema: GraphQLSchema
) -> list[ValueMisfit]:
    kind: Any = type_from_ast(schema, node.type)
    name = node.variable.name.value
    if kind is None:
        return []
    if name not in variables:
        return [_misfit(node, "", f"Expected a value of non-null type '{kind}' to be provided.")]
    value, found = variables[name], []

    def report(error: GraphQLError, path: list[str | int]) -> None:
        place = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
        found.append(_misfit(node, place, _words(kind, path, _given(value, path), error)))

    validate_input_value(value, kind, report, hide_suggestions=True)
    return found


def _misfit(node: VariableDefinitionNode, place: str, words: str) -> ValueMisfit:
    name = node.variable.name.value
    at = f" at '{name}{place}'" if place else ""
    return ValueMisfit(f"Variable '${name}' has invalid value{at}: {words}", node)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What was sent at one place, as far as words about it go."""

    null: bool
    keys: frozenset[str] | None  # of an object
    several: bool = False  # a list


def _given(value: Any, path: Path) -> _Given:
    for step in path:
        inside: Any = value
        value = inside[step] if isinstance(value, list | dict) else value
    return _Given(
        null=value is None,
        keys=frozenset(value) if isinstance(value, dict) else None,
        several=isinstance(value, list),
    )


def _given_in_literal(node: ValueNode, path: Path) -> _Given:
    for step in path:
        if isinstance(node, ListValueNode) and isinstance(step, int):
            node = node.values[step]
        elif isinstance(node, ObjectValueNode):
            node = next((field.value for field in node.fields if field.name.value == step), node)
    keys = frozenset(field.name.value for field in node.fields) if isinstance(node, ObjectValueNode) else None
    return _Given(null=isinstance(node, NullValueNode), keys=keys, several=isinstance(node, ListValueNode))


def _words(kind: Any, path: Path, given: _Given, error: GraphQLError) -> str:
    """What was expected where the path leads."""
    for step in path:
        # An object alone stands for a list of one.
        kind = _without_null(kind).of_type if isinstance(step, int) else _named(kind).fields[step].type
    if is_non_null_type(kind):
        if given.null:
            return f"Expected value of non-null type '{kind}' not to be None."
        kind = kind.of_type
    if is_list_type(kind) and not given.several:
        kind = _named(kind)
    if is_input_object_type(kind):
        return _words_of_object(kind, given)
    if is_enum_type(kind):
        return f"The value does not exist in '{kind}' enum."
    if getattr(kind, "name", None) in _WORDED and error.original_error is None:
        return error.message
    return f"Expected value of type '{kind}'."


def _words_of_object(kind: Any, given: _Given) -> str:
    if given.keys is None:
        return f"Expected value of type '{kind}' to be an object."
    missing = [
        name
        for name, field in kind.fields.items()
        if is_required_input_field(field) and name not in given.keys
    ]
    wrong = []
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        wrong.append(f"to include required field{'s' if len(missing) > 1 else ''} {names}")
    if given.keys - kind.fields.keys():
        wrong.append("not to include unknown fields")
    if not wrong:
        return f"Expected value of type '{kind}' to have exactly one field, which is not null."
    return f"Expected value of type '{kind}' {' and '.join(wrong)}."


def _named(kind: Any) -> Any:
    while is_list_type(kind) or is_non_null_type(kind):
        kind = kind.of_type
    return kind


def _without_null(kind: Any) -> Any:
    return kind.of_type if is_non_null_type(kind) else kind
