"""Complexity and depth, with the examples of Healthie's guide on rate limits; what it does not say follows from them."""

import pytest
from graphql import GraphQLError, GraphQLSchema, parse, validate

from integrations.healthie_emulator.app import baseline_schema, schema
from integrations.healthie_emulator.limits import check_limits, cost

EXAMPLE = "query { users%s { nodes { id appointments { id notes } } } }"


def complexity(document: str, of: GraphQLSchema | None = None, **variables: object) -> int:
    parsed = parse(document)
    assert validate(of or schema(), parsed) == []
    return cost(of or schema(), parsed, variables, None)[1]


def test_the_guides_example_costs_14_and_402_without_a_page_size() -> None:
    assert complexity(EXAMPLE % "(first: 3)") == 14
    assert complexity(EXAMPLE % "") == 402


def test_a_plain_list_multiplies_nothing() -> None:
    document = "query { users { id appointments { id appointment_type { id name } } } }"
    assert complexity(document, baseline_schema()) == 7


def test_the_guides_example_is_4_deep() -> None:
    assert cost(schema(), parse(EXAMPLE % "(first: 3)"), {}, None)[0] == 4


def test_nested_connections_multiply_by_both() -> None:
    nested = "{ users(first: 3) { nodes { id user_groups(first: 5) { nodes { id } } } } }"
    assert complexity(nested) == 1 + 1 + 3 * (1 + (1 + 1 + 5 * 1))


def test_edges_multiply_as_nodes_do_and_what_describes_the_page_does_not() -> None:
    framed = "{ users(first: 3) { edges { cursor node { id } } page_info { has_next_page } total_count } }"
    assert complexity(framed) == 1 + 1 + 3 * (1 + 1 + 1) + 2 + 1


def test_twenty_fields_of_a_page_of_no_size_are_too_many() -> None:
    fields = " ".join(f"a{n}: id" for n in range(20))
    for document in (
        f"{{ users {{ nodes {{ {fields} }} }} }}",
        f"{{ users(last: 100) {{ nodes {{ {fields} }} }} }}",
    ):
        with pytest.raises(GraphQLError, match="complexity of 2002, which exceeds max complexity of 2000"):
            check_limits(schema(), parse(document), {}, None)
    check_limits(schema(), parse(f"{{ users(first: 50) {{ nodes {{ {fields} }} }} }}"), {}, None)


def test_a_page_size_may_be_a_variable_and_counts_100_when_that_is_left_out() -> None:
    document = "query ($n: Int) { users(first: $n) { nodes { id } } }"
    assert complexity(document, n=7) == 9
    assert complexity(document) == complexity("{ users { nodes { id } } }") == 102
    assert complexity(document, n=-1) == 2


def test_fragments_count_where_they_are_spread() -> None:
    spread = """query { users(first: 3) { ...Page ... on UserConnection { total_count } } }
      fragment Page on UserConnection { nodes { ...Person } } fragment Person on User { id appointments { id notes } }"""
    assert complexity(spread) == 15
    assert cost(schema(), parse(spread), {}, None)[0] == 4


def test_26_levels_are_too_deep() -> None:
    def nested(depth: int) -> str:
        return "{ currentUser " + "{ dietitian " * (depth - 2) + "{ id }" + " }" * (depth - 1)

    check_limits(schema(), parse(nested(25)), {}, None)
    with pytest.raises(GraphQLError, match="depth of 26, which exceeds max depth of 25"):
        check_limits(schema(), parse(nested(26)), {}, None)
