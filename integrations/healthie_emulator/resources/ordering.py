"""The two ways to order a list: `order_by`, an enum, and `sort_by`, the older text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from integrations.healthie_emulator.connections import in_order

T = TypeVar("T")

Key = Callable[[Any], Any]

BY_DATE: dict[str, Key] = {
    "CREATED_AT": lambda record: (record.created_at, int(record.id)),
    "UPDATED_AT": lambda record: (record.updated_at, int(record.id)),
}


def arranged(
    records: Iterable[T],
    args: Mapping[str, Any],
    keys: Mapping[str, Key],
    default: str,
    *,
    old_words: Mapping[str, str] | None = None,
) -> list[T]:
    """Order by `order_by`, else by `sort_by`, else by `default`.

    A word of `sort_by` means the enum's value of the same name, or the one that `old_words` says; an unknown word
    means the default.
    """
    asked = str(args.get("sort_by") or "")
    meant = (old_words or {}).get(asked.casefold(), asked.upper())
    known = meant.rpartition("_")[0] in keys
    return in_order(records, {"order_by": args.get("order_by") or (meant if known else None)}, keys, default)


def text(name: str) -> Key:
    """Make a key that orders by a text, without regard to case."""
    return lambda record: str(getattr(record, name) or "").casefold()
