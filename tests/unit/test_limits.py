"""What a document is measured to be, and where it ends."""

import asyncio
import gc
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query
from hypothesis import given
from hypothesis import strategies as st

from booking.errors import InvalidInput
from gateway.development.graphiql.examples import Example, load_examples
from gateway.graphql import build_schema
from gateway.limits import Documents, bounds
from gateway.limits.bounds import COST, LENGTH, VALUES, DocumentLimit, TooMuch, check_values
from gateway.limits.documents import KEPT, KEPT_CHARACTERS
from gateway.limits.parse_queue import MOST_WAITING
from gateway.limits.weights import SIZES, WEIGHTS
from gateway.rates import TooManyRequests
from tests.doubles.limits_samples import documents, fan_out, practice

DOCUMENTS = documents()


@cache
def opened() -> Documents:
    return Documents(build_schema()._schema, introspection=True, suggestions=True)


@cache
def closed() -> Documents:
    return Documents(build_schema()._schema, introspection=False, suggestions=False)


def cost(text: str, **variables: Any) -> int:
    (operation,) = DOCUMENTS.examine(text).operations.values()
    return operation.cost.at({**operation.defaults, **variables})


def refused(text: str, **variables: Any) -> str:
    """The bound that a document is beyond."""
    with pytest.raises(TooMuch) as told:
        DOCUMENTS.examine(text).operation(None).check_cost(variables)
    return str(told.value.details["limit"])


class TestCost:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{ node { name } }", 2),
            ("{ a: node { name } b: node { name } }", 4),
            ("{ node { several { name } } }", 1 + 1 + 10),
            ("{ node { several { several { name } } } }", 1 + 1 + 10 * (1 + 10)),
            ("{ nodes { total } }", 2),
            ("{ nodes { nodes { name } } }", 1 + 1 + 20),
            ("{ nodes(first: 3) { total nodes { name } edges { node { name } } } }", 1 + 1 + 2 + 3 + 3 * 2),
            ("{ nodes(first: 3) { ...N } } fragment N on Connection { nodes { name } }", 1 + 1 + 3),
            ("{ nodes(first: 0) { nodes { name } } }", 2),
            ("{ node { nodes(last: 7) { nodes { name } } } }", 1 + 1 + 1 + 7),
            ("{ node { nodes { nodes { name } } } }", 1 + 1 + 1 + 10),
            ("{ node { listed(first: 4) { name next { name } } } }", 1 + 1 + 4 * 3),
            ("{ nodes(first: 2) { nodes { nodes(first: 3) { nodes { name } } } } }", 2 + 2 * (1 + 1 + 3)),
            ("{ node { ... on Named { name } ... { name } } }", 3),
            ("{ __schema { types { fields { name } } } }", 4),
        ],
    )
    def test_is_as_many_fields_as_the_largest_answer_has(self, text: str, expected: int) -> None:
        assert cost(text) == expected

    @pytest.mark.parametrize(
        ("head", "given", "items"),
        [
            ("($n: Int!)", {"n": 5}, 5),
            ("($n: Int! = 6)", {}, 6),
            ("($n: Int! = 6)", {"n": 5}, 5),
            ("($n: Int!)", {"n": 5.0}, 5),
            ("($n: Int!)", {"n": "many"}, 0),
            ("($n: Int!)", {"n": None}, 0),
            ("($n: Int!)", {}, 20),
        ],
    )
    def test_follows_the_variables_as_they_are_coerced(
        self, head: str, given: dict[str, Any], items: int
    ) -> None:
        assert cost(f"query {head} {{ nodes(first: $n) {{ nodes {{ name }} }} }}", **given) == 2 + items

    def test_counts_what_is_asked_upstream(self) -> None:
        """The practice's fields, by the names that they have in this schema too."""
        assert cost("{ slots { name } }") == 1 + WEIGHTS["Query.slots"] + SIZES["Query.slots"]

    def test_a_field_at_a_root_that_nobody_weighed_counts_as_a_request_upstream(self) -> None:
        ours = Documents(practice(), introspection=True, suggestions=True)
        (operation,) = ours.examine("{ node { next { name } } }").operations.values()
        assert operation.cost.at({}) == 500 + 3

    def test_is_that_of_the_operation_that_runs(self) -> None:
        text = "query A { node { name } } query B { a: slots { name } b: slots { name } c: slots { name } }"
        examined = DOCUMENTS.examine(text)
        examined.operation("A").check_cost({})
        with pytest.raises(TooMuch):
            examined.operation("B").check_cost({})

    @pytest.mark.parametrize("size", ["101", "-1", "2147483647", "9" * 5000])
    def test_a_page_beyond_the_schemas_is_no_matter_of_cost(self, size: str) -> None:
        with pytest.raises(InvalidInput):
            cost(f"{{ nodes(first: {size}) {{ total }} }}")

    def test_weights_and_sizes_are_of_fields_that_there_are(self) -> None:
        kinds = build_schema()._schema.type_map
        for coordinate in {**WEIGHTS, **SIZES}:
            kind, _, name = coordinate.partition(".")
            assert name in kinds[kind].fields  # type: ignore[attr-defined]

    @given(st.integers(1, 3), st.integers(0, 100), st.integers(0, 100))
    def test_a_fragment_costs_what_it_holds(self, spreads: int, outer: int, inner: int) -> None:
        below = f"nodes {{ nodes(first: {inner}) {{ nodes {{ name }} }} }}"
        with_it = (
            f"{{ nodes(first: {outer}) {{ {'...N ' * spreads} }} }} fragment N on Connection {{ {below} }}"
        )
        assert cost(with_it) == cost(f"{{ nodes(first: {outer}) {{ {below * spreads} }} }}")


class TestBounds:
    @pytest.mark.parametrize(
        ("text", "limit"),
        [
            ('{ nodes(first: "' + "x" * 30_000 + '") { total } }', "length"),
            ("{" + "node { name } " * 600 + "}", "tokens"),
            ("{" + "#\n" * 3000 + "node { name } }", "tokens"),
            ("{" + "node {" * 300 + "name" + "}" * 301, "nesting"),
            ("{ nodes(first: " + "[" * 300 + "]" * 300 + ") { total } }", "nesting"),
            ("{" + "... {" * 60 + "node { name }" + "}" * 61, "nesting"),
            ("{" + "node { next {" + "next {" * 20 + "name" + "}" * 23, "depth"),
            ("{ node { " + "name " * 501 + "} }", "fields"),
            (fan_out(22), "fields"),
            (fan_out(100), "nesting"),
            ("{ node { " + " ".join(f"a{n}: name" for n in range(31)) + "} }", "aliases"),
            ("{ node { name " + "@skip(if: false) " * 51 + "} }", "directives"),
            ("query Q " + "@x " * 51 + "{ node { name } }", "directives"),
            ("query Q($a: Int " + "@x " * 51 + ") { node { name } }", "directives"),
            ("{ node { ...N } } fragment N on Node " + "@x " * 51 + "{ name }", "directives"),
            ("{" + " ".join(f"a{n}: node {{ name }}" for n in range(11)) + "}", "rootFields"),
            ("{" + "... on Query { node { name } } " * 11 + "}", "rootFields"),
            (" ".join(f"query Q{n} {{ node {{ name }} }}" for n in range(11)), "operations"),
            ("{ node { " + "next { name } " * 100 + "} }", "overlaps"),
            ("{ node { " + "... on Node { next { name } } " * 100 + "} }", "overlaps"),
            ("{ node { name } } fragment Unused on Node { " + "next { name } " * 100 + "}", "overlaps"),
            (
                "{ node {"
                + "".join(f"...F{n} " for n in range(70))
                + "} }"
                + "".join(f"fragment F{n} on Node {{ name }} " for n in range(70)),
                "overlaps",
            ),
            ("{" + " ".join(f"a{n}: slots {{ name }}" for n in range(3)) + "}", "cost"),
            (
                "{ nodes(first: 50) { nodes { nodes(first: 50) { nodes { nodes(first: 50) { nodes { name } } } } } } }",
                "cost",
            ),
        ],
        ids=lambda value: value if len(value) < 20 else "",
    )
    def test_a_document_beyond_one_is_refused_by_its_name(self, text: str, limit: str) -> None:
        assert refused(text) == limit

    @pytest.mark.parametrize(
        "text",
        [
            "{ ...A } fragment A on Query { ...A }",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { node { name } ...A }",
            "{ node { name } } fragment A on Node { next { ...B } } fragment B on Node { next { ...A } }",
        ],
    )
    def test_fragments_in_cycles_are_refused(self, text: str) -> None:
        with pytest.raises(GraphQLError, match="must not spread itself"):
            DOCUMENTS.examine(text)

    def test_what_a_namesake_hides_is_not_let_through(self) -> None:
        hidden = "fragment A on Query { node { " + "next { name } " * 100 + "} }"
        with pytest.raises(GraphQLError, match="a name of its own"):
            DOCUMENTS.examine("{ ...A } fragment A on Query { node { name } }" + hidden)

    def test_what_validation_refuses_passes_through(self) -> None:
        """Unknown fields, types, fragments and arguments are no reason to stumble."""
        text = "{ nope { x } ...Nobody ... on Nothing { y } node { name { z } nodes(first: $no) { total } } }"
        assert DOCUMENTS.examine(text).errors

    def test_introspection_is_within_them_and_answered_to_developers_only(self) -> None:
        assert not opened().examine(get_introspection_query()).errors
        assert closed().examine(get_introspection_query()).errors

    def test_a_misspelt_name_is_put_right_to_developers_only(self) -> None:
        for ours, put_right in ((opened(), True), (closed(), False)):
            (error,) = ours.examine("{ visitTypess { id } }").errors
            assert ("Did you mean" in error.message) is put_right

    def test_a_hundred_mistakes_are_not_all_told(self) -> None:
        text = "{ node { " + " ".join(f"x{n}" for n in range(100)) + "} }"
        assert len(DOCUMENTS.examine(text).errors) == 6


def test_what_is_refused_leaves_nothing_to_the_garbage_collector() -> None:
    """Its tokens, linked both ways, stayed until it came, and it then stopped everybody for a tenth of a second."""
    ours = documents()
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(TooMuch):
            ours.examine("{ node { " + "name " * 501 + "} }")
        assert gc.collect() < 100
    finally:
        gc.enable()


class TestValues:
    @pytest.mark.parametrize(
        "inside",
        [
            [0] * VALUES.most,
            dict.fromkeys(map(str, range(VALUES.most))),
            [[0] * 99] * (VALUES.most // 100),
            [{"a": "text, [of] {one}"}] * (VALUES.most // 2),
        ],
        ids=["a list", "an object", "lists in a list", "objects in a list"],
    )
    def test_values_count_wherever_they_are(self, inside: list[Any] | dict[str, Any]) -> None:
        check_values({f"v{n}": n for n in range(VALUES.most)})
        values = inside if isinstance(inside, dict) else {str(n): one for n, one in enumerate(inside)}
        check_values(values)  # as the variables themselves it is as much as may be
        with pytest.raises(TooMuch) as caught:
            check_values({"v": inside})
        assert caught.value.details == {"limit": "values", "most": VALUES.most}


class TestCache:
    def test_a_document_is_examined_once(self) -> None:
        ours = documents()
        assert ours.examine("{ node { name } }") is ours.examine("{ node { name } }")

    def test_those_who_make_up_documents_do_not_fill_the_memory(self) -> None:
        ours = documents()
        first = ours.examine("{ node { name } }")
        for n in range(KEPT - 1):
            ours.examine(f"query Q{n} {{ node {{ name }} }}")
        assert ours.examine("{ node { name } }") is first
        for n in range(KEPT):
            ours.examine(f"query R{n} {{ node {{ name }} }}")
        assert ours.examine("{ node { name } }") is not first

    async def test_a_known_document_does_not_wait_for_new_ones(self) -> None:
        ours = documents()
        known = "{ node { name } }"
        ours.examine(known)
        done: list[str] = []

        async def ask(text: str) -> None:
            await ours.examined(text, sender="somebody")
            done.append(text)

        new = [f"query Q{n} {{ node {{ name }} }}" for n in range(5)]
        await asyncio.gather(*map(ask, [*new, known]))
        assert done == [known, *new]

    async def test_a_crowd_with_the_same_new_document_is_one_that_waits(self) -> None:
        ours = documents()
        crowd = [ours.examined("{ node { name } }", sender="somebody") for _ in range(2 * MOST_WAITING)]
        first, *others = await asyncio.gather(*crowd)
        assert all(one is first for one in others)

    async def test_who_sends_what_a_flood_sends_too_neither_waits_nor_is_refused_with_it(self) -> None:
        ours = documents()
        known_to_all = "{ node { name } }"
        done: list[str] = []

        async def ask(text: str, sender: str) -> None:
            await ours.examined(text, sender=sender)
            done.append(sender)

        flood = [f"query Q{n} {{ node {{ name }} }}" for n in range(MOST_WAITING)]
        waiting = [asyncio.ensure_future(ask(text, "flood")) for text in [*flood, known_to_all]]
        refused = asyncio.ensure_future(ask("{ node { id name } }", "flood"))
        await asyncio.gather(ask(known_to_all, "patient"), ask("{ node { id name } }", "another"))
        assert done.count("flood") <= 2
        with pytest.raises(TooManyRequests):
            await refused
        await asyncio.gather(*waiting)

    def test_those_who_make_up_long_ones_do_not_either(self) -> None:
        ours = documents()
        first = ours.examine("{ node { name } }")
        for n in range(KEPT_CHARACTERS // LENGTH.most + 1):
            ours.examine("{ node { name } } #".ljust(LENGTH.most, str(n)))
        assert ours.examine("{ node { name } }") is not first

    def test_those_who_make_up_invalid_ones_push_nobody_out(self) -> None:
        ours = documents()
        first = ours.examine("{ node { name } }")
        for n in range(KEPT):
            assert ours.examine(f"{{ nope{n} }}").errors
        assert ours.examine("{ node { name } }") is first


class TestOurOwn:
    @pytest.mark.parametrize("tab", load_examples(), ids=lambda tab: tab.title)
    def test_examples_are_well_within_the_bounds(self, tab: Example) -> None:
        examined = closed().examine(tab.query)
        (operation,) = examined.operations.values()
        assert examined.errors == ()
        assert operation.cost.at({**operation.defaults, "first": 100}) < COST.most

    def test_the_largest_search_can_be_asked_for_once(self) -> None:
        slots = """slots(filter: {visitTypeId: "1", timeZone: "UTC"}, from: "2030-01-01", until: "2030-01-31") {
          date slots { id clinicianId visitTypeId contactType locationId start end timeZone minutes
          clinician { id name qualifications timeZone licensedIn } } }"""
        closed().examine(f"{{ {slots} }}").operation(None).check_cost({})
        with pytest.raises(TooMuch):
            closed().examine(f"{{ a: {slots} b: {slots} }}").operation(None).check_cost({})

    def test_the_page_about_requests_states_the_bounds(self) -> None:
        page = (Path(__file__).parents[2] / "docs" / "requests.md").read_text()
        stated = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", page, re.MULTILINE))
        declared = {
            one.name: f"{one.most:,}" for one in vars(bounds).values() if isinstance(one, DocumentLimit)
        }
        assert stated == declared
