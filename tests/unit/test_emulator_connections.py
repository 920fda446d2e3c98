"""Lists are Relay connections with nodes, edges, page_info and total_count; the default page is 100."""

from typing import Any

import pytest
from graphql import GraphQLError

from integrations.healthie_emulator.connections import in_order, page

RECORDS = [f"record {n}" for n in range(250)]


def walk(args: dict[str, Any]) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        answer = page(RECORDS, {**args, "after": after})
        found += answer["nodes"]
        after = answer["page_info"]["end_cursor"]
        if not answer["page_info"]["has_next_page"]:
            return found


@pytest.mark.parametrize("first", [None, 1, 7, 50, 100, 1000])
def test_pages_followed_by_cursor_give_every_record_once(first: int | None) -> None:
    assert walk({"first": first}) == RECORDS


def test_a_page_not_asked_for_in_size_has_100_and_none_has_more() -> None:
    assert len(page(RECORDS, {})["nodes"]) == 100
    assert len(page(RECORDS, {"first": 1000})["nodes"]) == 100


def test_edges_and_nodes_tell_the_same_and_the_count_is_of_all() -> None:
    answer = page(RECORDS, {"first": 3})
    assert [edge["node"] for edge in answer["edges"]] == answer["nodes"] == RECORDS[:3]
    assert answer["total_count"] == 250


def test_last_and_before_walk_backwards() -> None:
    end = page(RECORDS, {"last": 2})
    assert end["nodes"] == RECORDS[-2:]
    assert page(RECORDS, {"last": 2, "before": end["page_info"]["start_cursor"]})["nodes"] == RECORDS[-4:-2]


def test_no_records_have_no_cursors() -> None:
    assert page([], {})["page_info"] == {
        "start_cursor": None,
        "end_cursor": None,
        "has_next_page": False,
        "has_previous_page": False,
    }


@pytest.mark.parametrize("args", [{"after": "no cursor"}, {"before": "💥"}, {"first": -1}])
def test_a_page_that_cannot_be_is_refused(args: dict[str, Any]) -> None:
    with pytest.raises(GraphQLError):
        page(RECORDS, args)


def test_order_follows_the_key_and_its_direction() -> None:
    keys = {"LENGTH": len}
    assert in_order(["aaa", "b", "cc"], {"order_by": "LENGTH_ASC"}, keys) == ["b", "cc", "aaa"]
    assert in_order(["aaa", "b", "cc"], {"order_by": "LENGTH_DESC"}, keys) == ["aaa", "cc", "b"]
    assert in_order(["aaa", "b", "cc"], {}, keys) == ["aaa", "b", "cc"]
