"""The 2024-06-01 dialect is derived from the contract, and its requests mean what they meant before types changed."""

import base64
import json
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema, parse, print_ast, print_type, validate, validate_schema

from integrations.healthie_emulator.app import baseline_schema, schema
from integrations.healthie_emulator.dialect import is_spoken_in, translated
from integrations.healthie_emulator.dialect.additions import ADDITIONS
from integrations.healthie_emulator.dialect.lists import PAGING, cursor

OLD = build_schema(
    """
    enum Order { CREATED_AT_ASC CREATED_AT_DESC }
    scalar ISO8601DateTime
    input Given { id: ID! ids: [ID] at: ISO8601DateTime size: Int }
    type Query {
      one(id: ID!, order: Order): String
      two(id: String): String
      some(ids: [ID], at: ISO8601DateTime, size: Int = 10, given: Given): String
    }
    """
)


def as_meant(document: str, **variables: Any) -> tuple[str, dict[str, Any]]:
    """Translate a document that must be valid afterwards."""
    new, given = translated(OLD, parse(document), variables)
    assert validate(OLD, new) == []
    return " ".join(print_ast(new).split()), given


def test_no_list_of_the_dialect_has_a_frame() -> None:
    frames = [name for name in baseline_schema().type_map if name.endswith(("PaginationConnection", "Edge"))]
    assert frames == []
    assert "PageInfo" not in baseline_schema().type_map
    assert validate_schema(baseline_schema()) == []


def test_every_connection_among_the_roots_is_a_list_with_a_count() -> None:
    ours, theirs = schema().query_type, baseline_schema().query_type
    assert ours is not None
    assert theirs is not None
    paged = [name for name, field in ours.fields.items() if "first" in field.args]
    assert "users" in paged
    assert PAGING.keys() <= set(paged)
    for name in paged:
        assert str(theirs.fields[name].type).startswith("[")
        assert theirs.fields[name].args.keys() >= {
            "offset",
            "page_size",
            "should_paginate",
            "sort_by",
            "after",
        }
        assert str(theirs.fields[f"{name}Count"].type) == "Int"


def test_what_is_no_list_is_as_in_the_contract() -> None:
    for name in ("AppointmentSetting", "PotentialAppointmentSlot", "FieldError"):
        assert print_type(baseline_schema().type_map[name]) == print_type(schema().type_map[name])


def test_every_addition_is_in_the_dialect_and_not_in_the_contract() -> None:
    for each in ADDITIONS:
        type_, _, field = each.place.partition(".")
        old, new = baseline_schema().type_map[type_], schema().type_map[type_]
        assert isinstance(old, GraphQLObjectType)
        assert isinstance(new, GraphQLObjectType)
        assert str(old.fields[field].type) == each.type
        assert field not in new.fields
        assert each.source


def test_a_cursor_is_the_one_that_the_guide_shows() -> None:
    assert cursor({"id": "3"}, None) == "eyJrIjpbIjMiXX0="
    assert json.loads(base64.b64decode(cursor({"id": "3"}, None))) == {"k": ["3"]}


def test_versions_before_connections_speak_it() -> None:
    assert [v for v in ("2024-06-01", "2024-11-01", "2025-01-01", "2026-01-01") if is_spoken_in(v)] == [
        "2024-06-01",
        "2024-11-01",
    ]


def test_a_string_is_an_id_a_date_and_a_number_where_those_stand_today() -> None:
    text, given = as_meant(
        "query ($id: String, $at: String, $size: String) { one(id: $id) some(at: $at, size: $size) }",
        id="7",
        at="2024-06-01",
        size="20",
    )
    assert "($id: ID!, $at: ISO8601DateTime, $size: Int)" in text
    assert given == {"id": "7", "at": "2024-06-01", "size": 20}


def test_a_variable_that_stands_in_places_of_two_types_serves_both() -> None:
    text, given = as_meant("query ($id: String) { one(id: $id) two(id: $id) }", id="7")
    assert text == "query ($id: String, $id_as_ID: ID!) { one(id: $id_as_ID) two(id: $id) }"
    assert given == {"id": "7", "id_as_ID": "7"}
    text, given = as_meant("query ($id: Int) { one(id: $id) two(id: $id) }", id=7)
    assert given == {"id": "7", "id_as_String": "7"}


def test_an_id_that_may_be_left_out_is_asked_for_where_it_is_required_today() -> None:
    text, _ = as_meant("query ($id: ID) { one(id: $id) }")
    assert text == "query ($id: ID!) { one(id: $id) }"


@pytest.mark.parametrize(
    ("ids", "read"), [('["1", "2"]', ["1", "2"]), ("[1,2]", ["1", "2"]), ("1,2,", ["1", "2"]), ("1", "1")]
)
def test_a_list_was_a_text_of_json_or_with_commas(ids: str, read: Any) -> None:
    text, given = as_meant("query ($ids: String) { some(ids: $ids) }", ids=ids)
    assert text == "query ($ids: [ID]) { some(ids: $ids) }"
    assert given == {"ids": read}
    as_meant(f"{{ some(ids: {json.dumps(ids)}) }}")


def test_an_enum_was_a_text() -> None:
    text, given = as_meant(
        'query ($o: String) { one(id: 1, order: $o) a: one(id: 1, order: "created-at-asc") }',
        o="created_at_desc",
    )
    assert given == {"o": "CREATED_AT_DESC"}
    assert "a: one(id: 1, order: CREATED_AT_ASC)" in text


def test_fields_of_inputs_are_read_alike() -> None:
    _, given = as_meant(
        "query ($id: String, $given: Given) { some(given: {id: $id}) a: some(given: $given) }",
        id="7",
        given={"id": "8"},
    )
    assert given == {"id": "7", "given": {"id": "8"}}


def test_a_date_is_read_as_a_browser_prints_it() -> None:
    at = "Mon Nov 30 2026 16:58:19 GMT-0500 (Eastern Standard Time)"
    for type_ in ("String", "ISO8601DateTime"):
        _, given = as_meant(f"query ($at: {type_}) {{ some(at: $at) }}", at=at)
        assert given == {"at": "2026-11-30T16:58:19-05:00"}


def test_what_means_nothing_is_still_refused() -> None:
    for document in (
        "query ($given: Given) { two(id: $given) }",
        "query ($id: String, $unused: ID) { two(id: $id) }",
        "query ($id: Boolean) { two(id: $id) }",
        '{ one(id: 1, order: "by size") }',
    ):
        assert validate(OLD, translated(OLD, parse(document), {})[0]) != []
