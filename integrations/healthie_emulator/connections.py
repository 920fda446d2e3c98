"""Relay connections as Healthie answers them: nodes, edges, page_info, total_count."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from graphql import GraphQLError

T = TypeVar("T")

DEFAULT_PAGE = 100
LARGEST_PAGE = 100  # a longer page is cut, not refused

# Keys of `args` that no connection has as an argument: the plain lists of older versions ask for all, or for a part by numbers.
WHOLE, PART = "(whole)", "(part)"

_CURSOR = "page-"


def page(records: Sequence[T], args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an ordered list that `after`, `before`, `first` and `last` ask for."""
    start = _position(args["after"]) + 1 if args.get("after") else 0
    end = _position(args["before"]) if args.get("before") else len(records)
    window = list(range(len(records)))[start : max(end, 0)]
    if WHOLE in args or PART in args:
        shown = window[slice(*args.get(PART, (None,)))]
    elif args.get("last") is not None:
        shown = window[-size:] if (size := _size(args["last"])) else []
    else:
        shown = window[: _size(args.get("first"))]
    return {
        "nodes": [records[i] for i in shown],
        "edges": [{"cursor": _cursor(i), "node": records[i]} for i in shown],
        "total_count": len(records),
        "page_info": {
            "start_cursor": _cursor(shown[0]) if shown else None,
            "end_cursor": _cursor(shown[-1]) if shown else None,
            "has_next_page": bool(shown) and shown[-1] < len(records) - 1,
            "has_previous_page": bool(shown) and shown[0] > 0,
        },
    }


def in_order(
    records: Iterable[T], args: Mapping[str, Any], keys: Mapping[str, Callable[[T], Any]], default: str = ""
) -> list[T]:
    """Order records by `order_by` (`CREATED_AT_DESC`); a key that is not in `keys` leaves them as they are."""
    name, _, direction = str(args.get("order_by") or default).rpartition("_")
    key = keys.get(name)
    return list(records) if key is None else sorted(records, key=key, reverse=direction == "DESC")


def _size(asked: int | None) -> int:
    if asked is not None and asked < 0:
        raise GraphQLError("first and last must not be negative")
    return DEFAULT_PAGE if asked is None else min(asked, LARGEST_PAGE)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"{_CURSOR}{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix(_CURSOR))
    except (ValueError, binascii.Error):
        raise GraphQLError("Invalid cursor") from None
