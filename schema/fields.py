"""Fields that are computed: Strawberry's decorator, typed."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def computed(*, description: str) -> Callable[[F], F]:
    """Make a method the resolver of a field of its name (Strawberry's own decorator is untyped to mypy)."""

    def decorate(method: F) -> F:
        return cast("F", strawberry.field(method, description=description))

    return decorate
