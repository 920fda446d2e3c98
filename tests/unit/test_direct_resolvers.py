"""Resolvers are called directly only where that is what Strawberry would do."""

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_nullable_type,
    is_list_type,
    is_required_input_field,
)
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


def sample(kind: GraphQLInputType, *, every: bool) -> Any:
    """A coerced value of the type; of an input object every field, or those that must be there."""
    named = get_nullable_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        return {
            name: sample(field.type, every=every)
            for name, field in named.fields.items()
            if every or is_required_input_field(field)
        }
    return ["one", "another"] if is_list_type(named) else f"a value of {named}"


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
    assert {"plans", "clinicians", "me", "operations", "slots", "availableDays"} <= names
    for name in names:
        known = fields(ours)[name].args
        samples = [
            {one: sample(argument.type, every=every) for one, argument in known.items()}
            for every in (True, False)
        ]
        for given in ({}, dict.fromkeys(known), *samples):
            expected = await called(fields(by_strawberry)[name].resolve, given, calls)
            assert await called(fields(ours)[name].resolve, given, calls) == expected


@strawberry.input
class Outer:
    inner: SlotFilter


@strawberry.input
class Perhaps:
    given: strawberry.Maybe[str]


async def test_an_input_object_gets_the_defaults_that_strawberry_gives_it() -> None:
    @strawberry.input
    class Sought:
        must: str
        may: str | None
        has: int = 7
        many: list[str] | None = strawberry.field(default_factory=lambda: ["a"])

    seen: list[Sought] = []

    @strawberry.type
    class Seeking:
        @strawberry.field
        def seek(self, sought: Sought) -> str:
            seen.append(sought)
            return ""

    by_strawberry, ours = strawberry.Schema(query=Seeking), strawberry.Schema(query=Seeking)
    assert direct(ours) == {"seek"}
    for given in (
        '{must: "x"}',
        '{must: "x", may: null, has: 1, many: null}',
        '{must: "x", many: ["b", "c"]}',
    ):
        for schema in (by_strawberry, ours):
            assert (await schema.execute(f"{{ seek(sought: {given}) }}")).errors is None
        assert seen.pop() == seen.pop()


async def test_fields_that_need_more_stay_with_strawberry() -> None:
    @strawberry.type
    class Needy:
        attribute: str = "read from the source"

        @strawberry.field
        def nested(self, outer: Outer) -> str:
            return str(outer)

        @strawberry.field
        def perhaps(self, inner: Perhaps) -> str:
            return str(inner)

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
