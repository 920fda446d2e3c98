"""Fields that are computed: Strawberry's decorator, typed."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

from schema.permissions import WHO, Audience

F = TypeVar("F", bound=Callable[..., Any])

# In a field's metadata: the explicit mark of a mutation that may run any number of times.
_KEYLESS = "frontdoor.keyless"


def computed(*, description: str, who: Audience | None = None, keyless: bool = False) -> Callable[[F], F]:
    """Make a method the resolver of a field of its name (Strawberry's own decorator is untyped to mypy).

    `who` may ask for it; only fields of types that are marked as `reached` may leave it out.
    `keyless` exempts a mutation from idempotency keys, and with them from replays: for one that changes nothing that
    anybody owns, such as handing out a fresh name. Never for money or holds.
    """

    def decorate(method: F) -> F:
        metadata = {_KEYLESS: keyless, WHO: who}
        return cast("F", strawberry.field(method, description=description, metadata=metadata))

    return decorate


def streamed(*, description: str, who: Audience) -> Callable[[F], F]:
    """Make an async generator the resolver of a subscription of its name; `who` may begin it."""

    def decorate(method: F) -> F:
        return cast("F", strawberry.subscription(method, description=description, metadata={WHO: who}))

    return decorate


def is_keyless(schema: strawberry.Schema, name: str) -> bool:
    """Whether the mutation of this name, as clients write it, was marked `keyless`."""
    field = schema.get_field_for_type(name, "Mutation")
    return field is not None and bool(field.metadata.get(_KEYLESS))
