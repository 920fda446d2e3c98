"""What an error says: what was expected and where, nothing of a value that was sent, and it takes no time, whatever was sent."""

import time
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, StringValueNode, parse

from gateway.errors import explain
from gateway.graphql import build_schema
from gateway.graphql_request import GraphQLRequest
from schema.context import Context
from tests.doubles.pipelines import pipeline_on

DAYS = "query ($f: SlotFilter!, $m: Date!) { availableDays(filter: $f, month: $m) }"
FILTER = {"visitTypeId": "v", "timeZone": "UTC", "contactType": "VIDEO"}
MONTH = "2026-06-01"
UNKNOWN_FIELD = "Expected value of type 'SlotFilter' not to include unknown fields."

# What graphql-core's messages begin with, as often as fits into a request.
INTRODUCTIONS = ("Value '", "a cannot represent ", "unknown field '", " found: ", ": Unexpected ", "Invalid ")
LONGEST = 100_000


def explained(error: GraphQLError) -> tuple[str, str]:
    met = explain(error, request_id="only-for-tests")
    return met.code, met.message


async def told(document: str, variables: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    nothing: Any = None
    nobody = Context(services=nothing, tokens=nothing, caller=None, request_id="r")
    request = GraphQLRequest(query=document, variables=variables or {})
    answer = await pipeline_on(build_schema()).execute(request, nobody)
    return [explained(error) for error in answer.errors]


@pytest.mark.parametrize("words", INTRODUCTIONS)
async def test_a_key_of_such_words_takes_no_time_to_be_left_out(words: str) -> None:
    key = words * (LONGEST // len(words))
    began = time.process_time()
    answer = await told(DAYS, {"f": {**FILTER, key: 1}, "m": MONTH})
    assert time.process_time() - began < 0.5
    assert answer == [("BAD_USER_INPUT", f"Variable '$f' has invalid value: {UNKNOWN_FIELD}")]


@pytest.mark.parametrize(
    "text",
    [
        r'"Anna \uSmith"',
        r'"Anna \u{Smith"',
        r'"Anna \u{0012345678}"',
        r'"Anna \Smith"',
        '"Anna',
        ".5551234567",
        "555.Smith",
        "05551234567",
        'keyword "Anna"',
    ],
)
def test_what_cannot_be_read_of_a_value_is_not_repeated(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as caught:
        parse(f"{{ plans(keyword: {text}) {{ totalCount }} }}")
    message = "Syntax Error: the document cannot be read any further from here."
    assert explained(caught.value) == ("GRAPHQL_PARSE_FAILED", message)
    assert caught.value.locations


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"f": "Anna"}, ["Expected value of type 'SlotFilter' to be an object."]),
        ({"f": None}, ["Expected value of non-null type 'SlotFilter!' not to be None."]),
        ({}, ["Expected a value of non-null type 'SlotFilter!' to be provided."]),
        ({"f": {**FILTER, "Anna Smith": 1}}, [UNKNOWN_FIELD]),
        (
            {"f": {"contactType": "VIDEO", "timeZone": "UTC"}},
            ["Expected value of type 'SlotFilter' to include required field 'visitTypeId'."],
        ),
    ],
)
async def test_of_a_variable_is_said_what_was_expected(given: dict[str, Any], expected: list[str]) -> None:
    words = [f"Variable '$f' has invalid value: {one}" for one in expected]
    assert await told(DAYS, {"m": MONTH, **given}) == [("BAD_USER_INPUT", one) for one in words]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("contactType", "Anna", "The value does not exist in 'ContactType' enum."),
        ("timeZone", ["Anna: Smith"], "Expected value of type 'String'."),
        ("timeZone", None, "Expected value of non-null type 'String!' not to be None."),
        ("visitTypeId", ["Anna"], "Expected value of type 'ID'."),
    ],
)
async def test_of_a_part_of_a_variable_is_said_where_it_stands(field: str, value: Any, expected: str) -> None:
    (answer,) = await told(DAYS, {"f": {**FILTER, field: value}, "m": MONTH})
    assert answer == ("BAD_USER_INPUT", f"Variable '$f' has invalid value at 'f.{field}': {expected}")


async def test_each_part_that_does_not_fit_has_its_own_words() -> None:
    wrong = {"f": {**FILTER, "contactType": "Anna", "visitTypeId": 1.5}, "m": "Smith"}
    assert sorted(message for _, message in await told(DAYS, wrong)) == [
        "Variable '$f' has invalid value at 'f.contactType': The value does not exist in 'ContactType' enum.",
        "Variable '$f' has invalid value at 'f.visitTypeId': Expected value of type 'ID'.",
        "Variable '$m' has invalid value: Give a date of the calendar as YYYY-MM-DD.",
    ]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('"Anna"', "Expected value of type 'SlotFilter' to be an object."),
        (
            '{visitTypeId: "v", timeZone: "UTC", contactType: Anna}',
            "The value does not exist in 'ContactType' enum.",
        ),
        ('{visitTypeId: "v", timeZone: 5551234567}', "Expected value of type 'String'."),
        ('{visitTypeId: "v", timeZone: "UTC", Anna: "Smith"}', UNKNOWN_FIELD),
        ('{timeZone: "UTC"}', "Expected value of type 'SlotFilter' to include required field 'visitTypeId'."),
        ("null", "Expected value of non-null type 'SlotFilter!' not to be None."),
    ],
)
async def test_of_a_literal_is_said_what_was_expected(literal: str, expected: str) -> None:
    document = f'{{ availableDays(filter: {literal}, month: "{MONTH}") }}'
    assert await told(document) == [("GRAPHQL_VALIDATION_FAILED", expected)]


def test_words_of_graphql_core_about_a_value_are_never_passed_on() -> None:
    """Nobody gave these their own."""
    literal = GraphQLError("'Anna' does not fit", StringValueNode(value="Anna"))
    assert explained(literal) == ("GRAPHQL_VALIDATION_FAILED", "The value does not fit.")
    (operation,) = parse("query ($n: Int) { plans }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    variable = GraphQLError(
        "'Anna'", [*(operation.variable_definitions or ())], original_error=GraphQLError("'Anna'")
    )
    assert explained(variable) == ("BAD_USER_INPUT", "The value of the variable does not fit.")
