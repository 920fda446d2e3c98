"""Marks classes whose instances are never modified, so that what an answer says of them may be remembered."""

from typing import Any, TypeVar

T = TypeVar("T")

_SHARED = "__frontdoor_shared__"


def shared(kind: type[T]) -> type[T]:
    """Mark a class: nobody modifies an instance once it is made, nor anything that its fields lead to.

    The executor remembers the JSON text of such an instance for each selection, and answers it again for the same instance: what
    was changed in between would not be seen. A changed catalog makes new instances. Subclasses are marked themselves.
    """
    setattr(kind, _SHARED, True)
    return kind


@shared
class SharedList(list[T]):
    """A list that is never modified, of items that are never modified: for fields that answer the same list to many callers."""


def is_shared(kind: type[Any]) -> bool:
    """Whether the class itself is marked."""
    return bool(vars(kind).get(_SHARED, False))
