"""Which mutations need no idempotency key: those that are marked, and nobody else."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest
import strawberry

from gateway.graphql import build_schema, guarded
from gateway.graphql_request import GraphQLRequest
from gateway.idempotency.guard import MutationGuard
from schema.context import Context
from schema.fields import computed, is_keyless
from tests.doubles.pipelines import pipeline_on

# Whoever adds one says here why sending it twice does no harm and why nobody would miss the first answer.
KEYLESS: dict[str, str] = {}


def mutations(schema: strawberry.Schema) -> list[str]:
    kind = schema._schema.mutation_type
    assert kind
    return list(kind.fields)


def test_of_all_mutations_only_these_run_without_a_key() -> None:
    schema = build_schema()
    assert mutations(schema)
    assert {name for name in mutations(schema) if is_keyless(schema, name)} == set(KEYLESS)


class ResourceReader:
    """A guard that only notes what it stands around."""

    def __init__(self) -> None:
        self.around_fields: list[str] = []

    def around(self, name: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
        self.around_fields.append(name)
        return resolve


@strawberry.type
class Query:
    @computed(description="Nothing.")
    async def nothing(self) -> bool:
        return False


@strawberry.type
class Mutation:
    @computed(description="Safe to repeat.", keyless=True)
    async def fresh_name(self) -> str:
        return "a name"

    @computed(description="Not safe to repeat.")
    async def pay_twice(self) -> str:
        return "paid"


@pytest.fixture
def guard() -> ResourceReader:
    return ResourceReader()


@pytest.fixture
def schema(guard: ResourceReader) -> strawberry.Schema:
    schema = strawberry.Schema(query=Query, mutation=Mutation)
    return guarded(schema, cast("MutationGuard", guard))


def nobody() -> Context:
    nothing: Any = None
    return Context(services=nothing, tokens=nothing, caller=None, request_id="r")


def test_the_guard_stands_around_every_field_that_is_not_marked(
    schema: strawberry.Schema, guard: ResourceReader
) -> None:
    assert mutations(schema) == ["freshName", "payTwice"]
    assert guard.around_fields == ["payTwice"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("mutation { freshName }", None),
        ("mutation { other: freshName __typename }", None),
        ("mutation { ...F } fragment F on Mutation { freshName }", None),
        ("mutation { payTwice }", "Send a fresh random key"),
        ("mutation { freshName payTwice }", "Send a fresh random key"),
        ("mutation { freshName other: freshName }", "Send a fresh random key"),
    ],
)
async def test_only_a_marked_field_alone_is_run_without_a_key(
    schema: strawberry.Schema, document: str, message: str | None
) -> None:
    answer = await pipeline_on(schema).execute(GraphQLRequest(query=document), nobody())
    if message is None:
        assert answer.errors == []
        assert answer.data
        assert "a name" in json.loads(answer.data).values()
    else:
        assert answer.data is None
        assert answer.errors
        assert message in answer.errors[0].message
