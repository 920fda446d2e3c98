"""Loads the example tabs: one document each, with its variables and headers in JSON files beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"

# From left to right. The declined card comes before the one that works: the retry is the next tab.
TITLES = (
    "BrowsePlans",
    "FindSlots",
    "HoldSlot",
    "QuoteVisit",
    "StartCheckout",
    "WatchCheckout",
    "DeclineAndRetry",
    "ConfirmCheckout",
    "MyVisits",
    "MyPurchases",
    "StartPurchase",
    "BrowseGroups",
    "QuoteMove",
    "FindNewTime",
    "HoldNewTime",
    "MoveVisit",
    "QuoteCancellation",
    "CancelVisit",
)

# The tabs of the page for operators.
OPERATORS_TITLES = ("NeedingAttention",)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One tab. GraphiQL shows the operation's name as the title."""

    title: str
    query: str
    variables: str  # JSON with placeholders such as {{slotId}}, which the page fills in
    headers: str | None  # likewise; None: only those that the page adds itself


def load_examples(titles: Sequence[str] = TITLES) -> tuple[Example, ...]:
    """The tabs, from left to right."""
    return tuple(_load(title) for title in titles)


def remembered() -> dict[str, str]:
    """The values that the page keeps from responses: placeholder name to the path of its value in `data`.

    `*` stands for the first element of a list whose path leads to a value.
    """
    paths: dict[str, str] = json.loads(_read("remembered.json"))
    return paths


def _load(title: str) -> Example:
    headers = f"{title}.headers.json"
    return Example(
        title=title,
        query=_read(f"{title}.graphql"),
        variables=_read(f"{title}.variables.json"),
        headers=_read(headers) if (EXAMPLES / headers).exists() else None,
    )


def _read(name: str) -> str:
    """The file without its final newline, which the editor would show as an empty line."""
    return (EXAMPLES / name).read_text(encoding="utf-8").rstrip()
