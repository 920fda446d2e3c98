"""Slots are written by columns: the same text as of their rows, whatever is selected of them, and no row is made for it."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import strawberry
from graphql import execute as execute_by_graphql
from graphql import parse, print_ast
from hypothesis import given
from hypothesis import strategies as some
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from booking.catalog.model import ContactType
from booking.slot_columns import SlotColumns
from gateway.execution import Executor
from gateway.graphql_request import GraphQLRequest
from resolvers import slot_rows
from resolvers.catalog import to_clinicians
from resolvers.slot_rows import SlotRow, SlotRows
from schema import slots as api
from schema.context import Context
from schema.executable import executable
from tests.doubles.booking_world import CATALOG

CONTEXT = cast("Context", object())
NOW = int(datetime(2026, 3, 8, 5, tzinfo=UTC).timestamp())
ZONE = "America/New_York"
FIELDS = (
    *("id", "clinicianId", "visitTypeId", "contactType", "locationId", "start", "end", "timeZone", "minutes"),
    *(
        "__typename",
        "clinician { id name }",
        "clinician { name }",
        "again: minutes",
        "also: clinician { id }",
    ),
)


class World:
    """What the resolver answers."""

    slots: Any


@strawberry.type
class Query:
    @strawberry.field
    async def slots(self) -> list[api.Slot]:
        return cast("list[api.Slot]", World.slots)


SCHEMA = strawberry.Schema(query=Query)


def columns(*minutes: int) -> SlotColumns:
    """Slots of a known clinician and of one who is not bookable any more, half an hour apart."""
    known = next(iter(to_clinicians(CATALOG)))
    return SlotColumns(visit_type_id="v1", contact_type=ContactType.IN_PERSON, location_id="here").of_rows(
        (NOW + 1800 * n, (known, "gone")[n % 2], length) for n, length in enumerate(minutes)
    )


def table(*minutes: int) -> SlotRows:
    return SlotRows(columns(*minutes), time_zone=ZONE, clinicians=to_clinicians(CATALOG))


async def answers(query: str, *, times: int = 3) -> list[dict[str, Any]]:
    """What the executor answers each time; the writers are compiled by the second."""
    executor, document = Executor(executable(SCHEMA)), parse(query)
    found = []
    for _ in range(times):
        executed = await executor.execute(document, GraphQLRequest(query=print_ast(document)), CONTEXT)
        assert not executed.errors
        assert executed.data is not None
        found.append(json.loads(executed.data))
    return found


async def by_graphql_core(query: str) -> Any:
    executed: Any = execute_by_graphql(
        executable(SCHEMA), parse(query), executor_class=StrawberryGraphQLCoreExecutionContext
    )
    return (await executed).data


@given(
    fields=some.lists(some.sampled_from(FIELDS), min_size=1, max_size=8, unique=True),
    minutes=some.lists(some.integers(1, 600), max_size=5),
)
async def test_a_table_is_answered_as_graphql_core_answers_its_rows(
    fields: list[str], minutes: list[int]
) -> None:
    query = f"{{ slots {{ {' '.join(fields)} }} }}"
    World.slots = list(table(*minutes))
    expected = await by_graphql_core(query)
    World.slots = table(*minutes)
    assert await by_graphql_core(query) == expected
    for found in await answers(query):
        assert found == expected
        assert [list(one) for one in found["slots"]] == [list(one) for one in expected["slots"]]


async def test_no_row_is_made_for_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "{ slots { id start clinician { name } } }"
    World.slots = table(15, 20)
    executor, document = Executor(executable(SCHEMA)), parse(query)
    request = GraphQLRequest(query=query)
    for _ in range(2):
        last = await executor.execute(document, request, CONTEXT)

    def refuse(*_: object) -> None:
        raise AssertionError("a row was made")

    monkeypatch.setattr(slot_rows, "SlotRow", refuse)
    World.slots = table(15, 20)
    assert (await executor.execute(document, request, CONTEXT)).data == last.data


async def test_what_a_column_lacks_is_told_by_graphql_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute beyond GraphQL's Int: the writer refuses it, and graphql-core says where it is."""
    monkeypatch.setattr(World, "slots", table(15, 2**31), raising=False)
    executor, document = Executor(executable(SCHEMA)), parse("{ slots { minutes } }")
    for _ in range(3):
        executed = await executor.execute(document, GraphQLRequest(query=""), CONTEXT)
        assert [error.path for error in executed.errors] == [["slots", 1, "minutes"]]


def test_every_attribute_of_a_row_is_a_column() -> None:
    rows = table(15, 20, 25)
    for name in SlotRow.__struct_fields__:
        assert [getattr(row, name) for row in rows] == list(rows.column(name))
    assert rows[1] == list(rows)[1]
    assert list(rows[1:]) == list(rows)[1:]
