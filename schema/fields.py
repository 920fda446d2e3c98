"""Decorators for resolvers: Strawberry's own, typed, with the field's audience."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

from schema.executable import executable
from schema.permissions import WHO, Audience

F = TypeVar("F", bound=Callable[..., Any])

# Metadata key of a mutation that needs no idempotency key.
_KEYLESS = "frontdoor.keyless"


def computed(*, description: str, who: Audience | None = None, keyless: bool = False) -> Callable[[F], F]:
    """Make a method the resolver of the field of its name (Strawberry's own decorator is untyped to mypy).

    `who` is the audience; only fields of types marked with `reached` may omit it. `keyless` exempts a mutation from
    idempotency keys, and so from replays: only for one that changes nothing that anybody owns, such as issuing a token.
    Never for money or holds.
    """

    def decorate(method: F) -> F:
        metadata = {_KEYLESS: keyless, WHO: who}
        return cast("F", strawberry.field(method, description=description, metadata=metadata))

    return decorate


def streamed(*, description: str, who: Audience) -> Callable[[F], F]:
    """Make an async generator the resolver of the subscription of its name; `who` is the audience."""

    def decorate(method: F) -> F:
        return cast("F", strawberry.subscription(method, description=description, metadata={WHO: who}))

    return decorate


def is_keyless(schema: strawberry.Schema, name: str) -> bool:
    """Whether the mutation of this name (in camel case) is marked `keyless`."""
    field = schema.get_field_for_type(name, "Mutation")
    return field is not None and bool(field.metadata.get(_KEYLESS))


def keyless_mutations(schema: strawberry.Schema) -> frozenset[str]:
    """The names of all mutations that are marked `keyless`."""
    mutations = executable(schema).mutation_type
    return frozenset(name for name in (mutations.fields if mutations else ()) if is_keyless(schema, name))
