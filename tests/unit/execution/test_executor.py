"""The one way to execute an operation: JSON text of the data, and errors as graphql-core located them."""

import gc
import json
import weakref
from collections.abc import AsyncGenerator
from typing import Any, cast

import strawberry
from graphql import GraphQLError, parse

from gateway.execution import Executed, Executor
from gateway.graphql_request import GraphQLRequest
from schema.context import Context
from schema.executable import executable

CONTEXT = cast("Context", object())


class Held:
    """A context whose end can be seen."""


@strawberry.type
class Thing:
    name: str = "a thing"


@strawberry.type
class Query:
    @strawberry.field
    def name(self) -> str:
        return "é \ud800"

    @strawberry.field
    async def thing(self) -> Thing:
        return Thing()

    @strawberry.field
    async def broken(self) -> str | None:
        raise ValueError("no")

    @strawberry.field
    def needed(self) -> str:
        raise ValueError("no")

    @strawberry.field
    def key(self, info: strawberry.Info) -> str:
        return str(info.input_extensions["key"])

    @strawberry.field
    def twice(self, number: int) -> int:
        return 2 * number


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number
        raise ValueError("over")


EXECUTOR = Executor(executable(strawberry.Schema(query=Query, subscription=Subscription)))


async def execute(document: str, **variables: Any) -> Executed:
    request = GraphQLRequest(variables=variables, extensions={"key": "k"})
    return await EXECUTOR.execute(parse(document), request, CONTEXT)


async def events(document: str) -> list[Executed]:
    answers = EXECUTOR.subscribe(parse(document), GraphQLRequest(), CONTEXT)
    return [answer async for answer in answers]


async def test_data_is_utf8_and_a_lone_surrogate_is_escaped() -> None:
    assert (await execute("{ name }")).data == '{"name":"é \\ud800"}'.encode()


async def test_an_error_of_a_field_is_located_and_keeps_its_cause() -> None:
    answer = await execute("{ broken }")
    assert answer.data == b'{"broken":null}'
    [error] = answer.errors
    assert error.path == ["broken"]
    assert isinstance(error.original_error, ValueError)


async def test_null_that_reaches_the_root_is_data() -> None:
    assert (await execute("{ needed }")).data == b"null"


async def test_without_an_execution_there_is_no_data() -> None:
    for answer in (
        await execute("query($n: Int!) { twice(number: $n) }", n="x"),
        await execute("query($n: Int!) { twice(number: $n) }"),
        await execute("query a { name } query b { name }"),
    ):
        assert answer.data is None
        assert answer.errors


async def test_resolvers_see_the_extensions_of_the_request() -> None:
    assert (await execute("{ key }")).data == b'{"key":"k"}'


async def test_every_event_is_answered_and_an_exception_of_the_stream_is_the_last_answer() -> None:
    first, second, last = await events("subscription { count(to: 2) }")
    assert [json.loads(one.data or b"") for one in (first, second)] == [{"count": 0}, {"count": 1}]
    [error] = last.errors
    assert last.data is None
    assert isinstance(error, GraphQLError)
    assert isinstance(error.original_error, ValueError)


async def test_what_writers_answer_leaves_nothing_for_the_garbage_collector() -> None:
    document = parse("{ thing { name } }")
    ends: list[weakref.finalize[Any, Any]] = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(4):
            held = Held()
            ends.append(weakref.finalize(held, lambda: None))
            done = await EXECUTOR.execute(document, GraphQLRequest(), cast("Context", held))
            assert done.data == b'{"thing":{"name":"a thing"}}'
            del held
        alive = [end.alive for end in ends]
    finally:
        gc.enable()
    assert alive[-1] is False  # the first ones teach the variant, by graphql-core's own way
