"""Error messages about values that do not fit their type, without the value: graphql-core's messages repeat it.

A message is built from the expected type, the names of missing fields, and a path of the schema's field names and list indices. Nothing
of graphql-core's message is used, except for our own scalars. It never names an unknown field either, since any text can be one.
"""

from collections.abc import Iterator, Mapping, Sequence
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

from schema.scalars import SCALARS

# Scalars of ours, whose errors never repeat the value.
_OWN_SCALARS = frozenset(scalar.name for scalar in SCALARS.values())

Path = Sequence[str | int]


class ValueMisfit(GraphQLError):
    """A value does not fit its type; the message repeats nothing of the value."""


class LiteralsOfCorrectType(ValuesOfCorrectTypeRule):
    """Replaces graphql-core's ValuesOfCorrectTypeRule; only the messages differ."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> Any:
        """Report a ValueMisfit for each part of the literal that does not fit."""
        if input_type is not None:

            def report(error: GraphQLError, path: list[str | int]) -> None:
                message = _message(input_type, path, _given_in_literal(node, path), error)
                self.report_error(ValueMisfit(message, error.nodes or node))

            validate_input_literal(node, input_type, report, hide_suggestions=True)
        return SKIP


def explain_variables(
    errors: Sequence[GraphQLError], variables: Mapping[str, Any], schema: GraphQLSchema
) -> None:
    """Set a ValueMisfit as the `original_error` of each error about a variable's value; other errors stay as they are."""
    misfits: dict[int, Iterator[ValueMisfit]] = {}
    for error in errors:
        node = error.nodes[0] if error.nodes else None
        if isinstance(node, VariableDefinitionNode) and isinstance(error.original_error, GraphQLError):
            # Validated again, in the same order as graphql-core reported them.
            of_variable = misfits.setdefault(id(node), iter(_misfits(node, variables, schema)))
            error.original_error = next(of_variable, _misfit(node, "", "The value does not fit."))


def _misfits(
    node: VariableDefinitionNode, variables: Mapping[str, Any], schema: GraphQLSchema
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
        found.append(_misfit(node, place, _message(kind, path, _given(value, path), error)))

    validate_input_value(value, kind, report, hide_suggestions=True)
    return found


def _misfit(node: VariableDefinitionNode, place: str, message: str) -> ValueMisfit:
    name = node.variable.name.value
    at = f" at '{name}{place}'" if place else ""
    return ValueMisfit(f"Variable '${name}' has invalid value{at}: {message}", node)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The facts of a value that messages may state: whether it is null, an object or a list, and its keys."""

    null: bool
    keys: frozenset[str] | None  # of an object; None: not an object
    is_list: bool = False


def _given(value: Any, path: Path) -> _Given:
    for step in path:
        inside: Any = value
        value = inside[step] if isinstance(value, list | dict) else value
    return _Given(
        null=value is None,
        keys=frozenset(value) if isinstance(value, dict) else None,
        is_list=isinstance(value, list),
    )


def _given_in_literal(node: ValueNode, path: Path) -> _Given:
    for step in path:
        if isinstance(node, ListValueNode) and isinstance(step, int):
            node = node.values[step]
        elif isinstance(node, ObjectValueNode):
            node = next((field.value for field in node.fields if field.name.value == step), node)
    keys = frozenset(field.name.value for field in node.fields) if isinstance(node, ObjectValueNode) else None
    return _Given(null=isinstance(node, NullValueNode), keys=keys, is_list=isinstance(node, ListValueNode))


def _message(kind: Any, path: Path, given: _Given, error: GraphQLError) -> str:
    """The message for the value at the path: what was expected there."""
    for step in path:
        # A single value is coerced to a list of one, so a path may skip list types.
        kind = _without_null(kind).of_type if isinstance(step, int) else _named(kind).fields[step].type
    if is_non_null_type(kind):
        if given.null:
            return f"Expected value of non-null type '{kind}' not to be None."
        kind = kind.of_type
    if is_list_type(kind) and not given.is_list:
        kind = _named(kind)
    if is_input_object_type(kind):
        return _object_message(kind, given)
    if is_enum_type(kind):
        return f"The value does not exist in '{kind}' enum."
    if getattr(kind, "name", None) in _OWN_SCALARS and error.original_error is None:
        return error.message
    return f"Expected value of type '{kind}'."


def _object_message(kind: Any, given: _Given) -> str:
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
