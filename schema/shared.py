"""Marks classes whose instances are never modified, so that what an answer says of them may be remembered."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_SHARED = "__frontdoor_shared__"
_IN_TABLES = "__frontdoor_in_tables__"


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


@shared
class SharedTable(Sequence[T]):
    """As a SharedList, of items that are alike and can be read by columns: one that is only written makes no item.

    Each item is as its row of the columns says; `in_tables` marks the types that are worth it. Subclasses are marked `shared` themselves.
    """

    @abstractmethod
    def column(self, name: str) -> Sequence[Any]:
        """Read this attribute of each item, in order."""


def in_tables(kind: type[T]) -> type[T]:
    """Mark a type whose instances come by the hundred, in a SharedTable."""
    setattr(kind, _IN_TABLES, True)
    return kind


def may_be_in_tables(kind: type[Any]) -> bool:
    """Whether the class itself is marked so."""
    return bool(vars(kind).get(_IN_TABLES, False))


def is_shared(kind: type[Any]) -> bool:
    """Whether the class itself is marked."""
    return bool(vars(kind).get(_SHARED, False))
