"""What an error says: nothing of a value that was sent, and it takes no time to see to that, whatever was sent."""

import time

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse

from gateway.errors import explain

# What graphql-core's messages begin with, as often as fits into a request: each is a place to look on from.
INTRODUCTIONS = ("Value '", "a cannot represent ", "unknown field '", " found: ", ": Unexpected ", "Invalid ")
LONGEST = 100_000


def told(message: str) -> str:
    return explain(GraphQLError(message), request_id="only-for-tests").message


def told_of(document: str) -> str:
    with pytest.raises(GraphQLSyntaxError) as caught:
        parse(document)
    return explain(caught.value, request_id="only-for-tests").message


@pytest.mark.parametrize("words", INTRODUCTIONS)
def test_a_key_of_such_words_takes_no_time_to_be_left_out(words: str) -> None:
    key = words * (LONGEST // len(words))
    began = time.process_time()
    message = told(f"Expected value of type 'SlotFilter' not to include unknown field '{key}'.")
    assert time.process_time() - began < 0.5  # by looking on from each of them it took 23 seconds
    assert message == "Expected value of type 'SlotFilter' not to include unknown fields"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r'"Anna \uSmith"', "Syntax Error: Invalid Unicode escape sequence"),
        (r'"Anna \u{Smith"', "Syntax Error: Invalid Unicode escape sequence"),
        (r'"Anna \u{0012345678}"', "Syntax Error: Invalid Unicode escape sequence"),
        (r'"Anna \Smith"', "Syntax Error: Invalid character escape sequence"),
        (".5551234567", "Syntax Error: Invalid number"),
        ("555.Smith", "Syntax Error: Invalid number"),
        ("05551234567", "Syntax Error: Invalid number"),
    ],
)
def test_what_cannot_be_read_of_a_value_is_not_repeated(text: str, message: str) -> None:
    assert told_of(f"{{ plans(keyword: {text}) {{ totalCount }} }}") == message


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("Value 'Anna' does not exist in 'Kind' enum.", "The value does not exist in 'Kind' enum."),
        (
            "Value 'a' does not exist, b' does not exist in 'Kind' enum.",
            "The value does not exist in 'Kind' enum.",
        ),
        (
            "Int cannot represent non 32-bit signed integer value: 5551234567",
            "Int cannot represent non 32-bit signed integer value",
        ),
        (
            "String cannot represent a non string value: ['Anna: Smith']",
            "String cannot represent a non string value",
        ),
        (
            "ID cannot represent a non-string and non-integer value: ['Anna']",
            "ID cannot represent a non-string and non-integer value",
        ),
        ("ID cannot represent value: ['Anna']", "ID cannot represent value"),
        (
            "Enum 'Kind' cannot represent non-enum value: \"Anna\".",
            "Enum 'Kind' cannot represent non-enum value",
        ),
        ("Expected value of type 'Date', found Anna.", "Expected value of type 'Date'"),
        ("Not to include unknown field 'Anna Smith'.", "Not to include unknown fields"),
        ("Not to include unknown field 'Value 'a' does not exist'.", "Not to include unknown fields"),
    ],
)
def test_the_value_is_left_out_and_what_was_expected_is_not(message: str, left: str) -> None:
    assert told(message) == left
