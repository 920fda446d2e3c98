"""Relay pagination over a list in memory."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from resolvers.inputs import refuse
from schema.catalog import LARGEST_PAGE, PageInfo

T = TypeVar("T")

NO_CURSOR = "This is no cursor of this list. Start again without it."


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page: each item with its cursor, and Relay's page info."""

    items: list[tuple[T, str]]
    info: PageInfo


def check_size(first: int) -> None:
    """Raise InvalidInput for an invalid page size, before anything is read."""
    if not 0 <= first <= LARGEST_PAGE:
        refuse("first", f"Ask for 0 to {LARGEST_PAGE} at once.")


def page_of(items: Sequence[T], names: Sequence[str], *, first: int, after: str | None) -> Page[T]:
    """The page of at most `first` items after the cursor; `names` identify the items. Raises InvalidInput."""
    check_size(first)
    start = _position(names, after) if after is not None else 0
    page = [(item, cursor_of(name)) for item, name in zip(items, names, strict=True)][start : start + first]
    return Page(
        items=page,
        info=PageInfo(
            has_next_page=start + first < len(items),
            has_previous_page=start > 0,
            start_cursor=page[0][1] if page else None,
            end_cursor=page[-1][1] if page else None,
        ),
    )


def cursor_of(name: str) -> str:
    """The cursor of the item with this name."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def name_of(cursor: str) -> str:
    """The name in a cursor; empty when the text is not a cursor."""
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _position(names: Sequence[str], after: str) -> int:
    name = name_of(after)
    if name not in names:
        refuse("after", NO_CURSOR)
    return names.index(name) + 1
