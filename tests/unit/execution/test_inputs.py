"""Coerced inputs that are remembered: for the same values only, of queries only, a few, and nobody's own containers."""

from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_variable_values,
    parse,
)

from gateway.execution import inputs as module
from gateway.execution.inputs import Inputs, LatestInputs

SCHEMA = build_schema(
    """
    input In { names: [String!], more: In }
    type Query { one(flag: Boolean, number: Int, text: String, in: In): Int }
    type Mutation { one(text: String): Int }
    """
)
VARIABLES = "($flag: Boolean, $number: Int, $text: String, $in: In)"
QUERY = f"query {VARIABLES} {{ one(flag: $flag, number: $number, text: $text, in: $in) }}"


@pytest.fixture
def coerced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The inputs that graphql-core coerced."""
    found: list[Any] = []

    def noted(schema: GraphQLSchema, definitions: Any, given: Any, **named: Any) -> Any:
        found.append(given)
        return get_variable_values(schema, definitions, given, **named)

    monkeypatch.setattr(module, "get_variable_values", noted)
    return found


def operation(text: str) -> OperationDefinitionNode:
    (found,) = parse(text).definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


def latest(text: str = QUERY) -> LatestInputs:
    return LatestInputs(SCHEMA, operation(text))


def test_the_same_values_are_coerced_once(coerced: list[Any]) -> None:
    inputs = latest()
    given: Any = {"number": 1, "in": {"names": ["a"], "more": {"names": []}}}
    first = inputs.of(given)
    assert inputs.of({"number": 1, "in": {"names": ["a"], "more": {"names": []}}}) is first
    assert coerced == [given]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"number": 1}, {"number": True}),
        ({"number": 1}, {"number": 1.0}),
        ({"text": None}, {}),
        ({"in": {"names": ["a", "b"]}}, {"in": {"names": ["b", "a"]}}),
        ({"in": {"names": ["a"], "more": None}}, {"in": {"names": ["a", "more"]}}),
        ({"in": {"names": [], "more": {}}}, {"in": {"names": {}, "more": []}}),
        ({"text": "number", "flag": None}, {"flag": "number", "text": None}),
    ],
)
def test_other_values_are_other_inputs(one: Any, other: Any) -> None:
    inputs = latest()
    for given in (one, other, one):
        assert shown(inputs.of(given)) == shown(latest().of(given))


def shown(inputs: Inputs | list[Any]) -> Any:
    return [str(error) for error in inputs] if isinstance(inputs, list) else inputs.values.coerced


def test_who_gets_arguments_may_change_them() -> None:
    inputs = latest().of({"in": {"names": ["a"]}})
    assert isinstance(inputs, Inputs)
    assert SCHEMA.query_type is not None
    field = SCHEMA.query_type.fields["one"]
    node: Any = operation(QUERY).selection_set.selections[0]
    inputs.arguments(field, node)["in"]["names"].append("changed")
    assert inputs.arguments(field, node) == {"in": {"names": ["a"]}}


def test_what_a_mutation_was_given_is_not_remembered(coerced: list[Any]) -> None:
    inputs = latest("mutation ($text: String) { one(text: $text) }")
    for _ in range(2):
        inputs.of({"text": "sample.patient@example.com"})
    assert len(coerced) == 2
    assert not inputs._latest


@pytest.mark.parametrize(
    "given",
    [{"text": "x" * 65}, {"in": {"names": ["a"] * 60}}, {"x" * 65: 1}],
    ids=["long text", "many", "long name"],
)
def test_large_sets_are_not_remembered(given: Any) -> None:
    inputs = latest()
    inputs.of(given)
    assert not inputs._latest


def test_the_latest_sixteen_are(coerced: list[Any]) -> None:
    inputs = latest()
    for number in [*range(20), 0]:
        inputs.of({"number": number})
        inputs.of({"number": 19})
    assert len(inputs._latest) == 16
    assert coerced.count({"number": 0}) == 2
    assert coerced.count({"number": 19}) == 1
