"""The executable GraphQL schema: types and resolvers, with the idempotency guard and permissions around them.

What is checked before a resolver runs is `gateway.pipeline`.
"""

from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.callers.permissions import permitted
from gateway.direct_resolvers import with_direct_resolvers
from gateway.idempotency.guard import MutationGuard
from resolvers.mutations import Mutation
from resolvers.problems import refusal_handlers
from resolvers.queries import Query
from resolvers.subscriptions import Subscription
from schema.executable import executable
from schema.fields import is_keyless
from schema.scalars import SCALARS


def build_schema(guard: MutationGuard | None = None) -> strawberry.Schema:
    """Build the schema. Without `guard` its mutations fail, so it is for printing and queries.

    Raises Undeclared when a field does not say who may ask for it.
    """
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
        exception_handlers=refusal_handlers(),
    )
    guarded(with_direct_resolvers(schema), guard)
    permitted(executable(schema))
    return schema


def guarded(schema: strawberry.Schema, guard: MutationGuard | None) -> strawberry.Schema:
    """Wrap every mutation in the guard, except those marked as needing no idempotency key. Changes and returns the schema."""
    mutations = executable(schema).mutation_type
    for name, field in mutations.fields.items() if mutations else ():
        if field.resolve is None:
            raise TypeError(f"{name} has no resolver")
        if guard is None:
            field.resolve = _refuse
        elif not is_keyless(schema, name):
            field.resolve = guard.around(name, field.resolve)
    return schema


def print_sdl() -> str:
    """The public schema in SDL, as `schema/schema.graphql` holds it."""
    return build_schema().as_str().rstrip() + "\n"


def _refuse(*_: object, **__: Any) -> object:
    raise AssertionError("this schema was built without a guard, and runs no mutations")
