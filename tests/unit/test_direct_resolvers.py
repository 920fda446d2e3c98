"""Resolvers are called directly only where that is what Strawberry would do."""

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.types.fields.resolver import StrawberryResolver

from gateway.direct_resolvers import with_direct_resolvers
from resolvers.queries import Query
from schema.executable import executable
from schema.inputs import SlotFilter
from schema.results import QuoteResult


def fields(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    queries = executable(schema).query_type
    assert queries
    return dict(queries.fields)


def direct(schema: strawberry.Schema) -> set[str]:
    """The names of the fields whose resolvers `with_direct_resolvers` replaces."""
    before = {name: field.resolve for name, field in fields(schema).items()}
    with_direct_resolvers(schema)
    return {name for name, field in fields(schema).items() if field.resolve is not before[name]}


async def called(
    resolve: Callable[..., Any] | None, arguments: dict[str, Any], calls: list[tuple[Any, ...]]
) -> Any:
    assert resolve is not None
    found = resolve("source", SimpleNamespace(context="of the request"), **arguments)
    if inspect.isawaitable(found):
        await found
    return calls.pop()


async def test_every_direct_field_gives_its_resolver_what_strawberry_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[Any, ...]] = []

    def note(_: object, *positional: Any, **named: Any) -> None:
        info = named.pop("info", None)
        calls.append((positional, named, info and (type(info), info.context, info.python_name)))

    monkeypatch.setattr(StrawberryResolver, "__call__", note)
    by_strawberry, ours = strawberry.Schema(query=Query), strawberry.Schema(query=Query)
    names = direct(ours)
    assert {"plans", "clinicians", "me", "operations"} <= names
    for name in names:
        known = fields(ours)[name].args
        for given in ({}, dict.fromkeys(known), {one: f"a value of {one}" for one in known}):
            expected = await called(fields(by_strawberry)[name].resolve, given, calls)
            assert await called(fields(ours)[name].resolve, given, calls) == expected


async def test_fields_that_need_more_stay_with_strawberry() -> None:
    @strawberry.type
    class Needy:
        attribute: str = "read from the source"

        @strawberry.field
        def converted(self, sought: SlotFilter) -> str:
            return str(sought)

        @strawberry.field
        def each(self, many: list[SlotFilter]) -> str:
            return str(many)

        @strawberry.field
        def maybe(self, given: strawberry.Maybe[str]) -> str:
            return str(given)

        @strawberry.field
        def refused_by_a_union(self) -> QuoteResult:
            raise NotImplementedError

        extended: str = strawberry.field(resolver=lambda: "", extensions=[FieldExtension()])

        @strawberry.field
        def of_parent(self, parent: strawberry.Parent[str]) -> str:
            return parent

        @strawberry.field
        def plain(self) -> str:
            return ""

    assert direct(strawberry.Schema(query=Needy)) == {"plain"}
