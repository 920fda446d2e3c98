"""The two ways of naming an order: `order_by`, an enum, and the older `sort_by`, a word."""

from collections.abc import Mapping
from typing import Any


def with_order(args: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments with `order_by`, from the word in `sort_by` where only that was sent. An unknown word orders nothing."""
    named = args.get("order_by") or words.get((args.get("sort_by") or "").casefold())
    return {**args, "order_by": named}
