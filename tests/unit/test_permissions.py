"""Who may ask for what: every field says so, and one place holds callers to it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType, is_introspection_type
from strawberry.types import ExecutionResult

from booking.principals import Caller, Principal, PrincipalKind
from gateway.callers.permissions import NotPermitted, permitted
from gateway.graphql import build_schema
from schema.context import Context
from schema.fields import computed
from schema.permissions import (
    ANYBODY,
    BUYERS,
    CHANGERS,
    MEMBERS,
    OPERATORS,
    PATIENTS,
    STAFF,
    WHO,
    Undeclared,
    audiences,
    reached,
)
from tools.document_permissions import PART

ROOTS = ("Query", "Mutation", "Subscription")

CALLERS: dict[PrincipalKind | None, Caller | None] = {
    None: None,
    **{kind: Caller(principal=Principal(kind=kind, id="one")) for kind in PrincipalKind},
}


def test_every_field_of_the_schema_says_who_may_ask_for_it() -> None:
    schema = build_schema()._schema
    declared = audiences(schema)
    undeclared = []
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
            is_reached = getattr(
                kind.extensions["strawberry-definition"].origin, "__frontdoor_reached__", False
            )
            assert not (is_reached and kind.name in ROOTS), f"no field leads to {kind.name}"
            undeclared += [
                f"{kind.name}.{name}"
                for name in kind.fields
                if not is_reached and (kind.name, name) not in declared
            ]
    assert undeclared == []
    assert len(declared) > 10


def test_money_is_moved_by_whoever_buys_and_visits_are_changed_by_staff_too_and_nobody_else() -> None:
    declared = audiences(build_schema()._schema)
    for name in ("confirmCheckout", "cancelCheckout"):
        assert declared["Mutation", name] == BUYERS
    of_visits = {"cancelAppointment", "rescheduleAppointment"}
    for name in of_visits:
        assert declared["Mutation", name] == CHANGERS
    of_memberships = {"cancelMembership", "pauseMembership", "resumeMembership"}
    for name in of_memberships:
        assert declared["Mutation", name] == MEMBERS
    by_staff = of_visits | of_memberships
    assert not any(
        who.admits(CALLERS[kind])
        for (parent, name), who in declared.items()
        if parent == "Mutation"
        for kind in (None, PrincipalKind.STAFF, PrincipalKind.OPERATOR)
        if not (name in by_staff and kind is PrincipalKind.STAFF)
    )


@reached
@strawberry.type
class Chart:
    @computed(description="All of it.")
    async def pages(self) -> list[str]:
        return ["page"]

    @computed(description="For some.", who=STAFF)
    async def notes(self) -> str | None:
        return "notes"


ASKED: list[str] = []


@strawberry.type
class Query:
    @computed(description="Open.", who=ANYBODY)
    async def open(self) -> str:
        return "open"

    @computed(description="A patient's.", who=PATIENTS)
    async def chart(self) -> Chart | None:
        ASKED.append("chart")
        return Chart()

    @computed(description="Never null.", who=OPERATORS)
    async def numbers(self) -> list[int]:
        ASKED.append("numbers")
        return [1]


@strawberry.type
class Subscription:
    @strawberry.subscription(metadata={WHO: PATIENTS})  # type: ignore[untyped-decorator]  # Strawberry's own
    async def news(self) -> AsyncIterator[str]:
        ASKED.append("news")
        yield "news"


@pytest.fixture
def schema() -> strawberry.Schema:
    ASKED.clear()
    made = strawberry.Schema(query=Query, subscription=Subscription)
    permitted(made._schema)
    return made


async def ask(schema: strawberry.Schema, document: str, kind: PrincipalKind | None) -> ExecutionResult:
    nothing: Any = None
    context = Context(services=nothing, tokens=nothing, caller=CALLERS[kind], request_id="r")
    answer = await schema.execute(document, context_value=context)
    assert isinstance(answer, ExecutionResult)
    return answer


@pytest.mark.parametrize("kind", CALLERS)
async def test_who_is_not_meant_sees_what_is_not_there(
    schema: strawberry.Schema, kind: PrincipalKind | None
) -> None:
    answer = await ask(schema, "{ open chart { pages notes } }", kind)
    assert answer.errors is None
    meant = kind is PrincipalKind.PATIENT
    assert answer.data == {"open": "open", "chart": {"pages": ["page"], "notes": None} if meant else None}
    assert (["chart"] if meant else []) == ASKED


@pytest.mark.parametrize("kind", CALLERS)
async def test_what_cannot_be_null_is_refused_and_not_resolved(
    schema: strawberry.Schema, kind: PrincipalKind | None
) -> None:
    answer = await ask(schema, "{ n: numbers }", kind)
    if kind is PrincipalKind.OPERATOR:
        assert answer.data == {"n": [1]}
    else:
        assert answer.data is None
        assert [type(error.original_error) for error in answer.errors or ()] == [NotPermitted]
        assert ASKED == []


@pytest.mark.parametrize("kind", CALLERS)
async def test_a_subscription_begins_for_whom_it_is_meant(
    schema: strawberry.Schema, kind: PrincipalKind | None
) -> None:
    nothing: Any = None
    context = Context(services=nothing, tokens=nothing, caller=CALLERS[kind], request_id="r")
    results: Any = await schema.subscribe("subscription { news }", context_value=context)
    told = [results] if isinstance(results, ExecutionResult) else [one async for one in results]
    if kind is PrincipalKind.PATIENT:
        assert [one.data for one in told] == [{"news": "news"}]
    else:
        assert [one.data for one in told] == [None]
        assert ASKED == []


def test_what_a_list_holds_is_not_looked_at_again() -> None:
    kinds = build_schema()._schema.type_map
    for name in ("Slot", "Day", "Appointment"):
        kind = kinds[name]
        assert isinstance(kind, GraphQLObjectType)
        assert {getattr(field.resolve, "__module__", "") for field in kind.fields.values()}.isdisjoint(
            {"gateway.callers.permissions"}
        )


def test_a_field_that_does_not_say_is_not_served() -> None:
    @strawberry.type(name="Query")
    class Forgetful:
        @computed(description="For whom?")
        async def secrets(self) -> list[str]:
            return []

    with pytest.raises(Undeclared, match=r"Query\.secrets"):
        permitted(strawberry.Schema(query=Forgetful)._schema)


def test_the_page_on_permissions_is_up_to_date() -> None:
    text = PART.page.read_text()
    assert PART.documented(text) == text, "run python -m tools.document_permissions"
