"""Helpers for Healthie's responses: paginated connections, decimal amounts, refusals."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Protocol, TypeVar

from booking.money import Money
from integrations.healthie.errors import Refused
from integrations.upstream.errors import ContractBroken

_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# With pages of 50, more than any practice has of the records that are listed. Stops a cursor that runs in circles.
MAX_PAGES = 40

# For lists that grow with time: with pages of a hundred, what a large practice is sent in days.
MOST_PAGES = 1000


class PageInfo(Protocol):
    """Relay's page info of a connection."""

    @property
    def has_next_page(self) -> bool: ...  # noqa: D102 - Relay's word
    @property
    def end_cursor(self) -> str | None: ...  # noqa: D102 - Relay's word


class Page(Protocol[T_co]):
    """One page of a connection."""

    @property
    def nodes(self) -> Sequence[T_co | None] | None: ...  # noqa: D102 - Relay's word
    @property
    def page_info(self) -> PageInfo: ...  # noqa: D102 - Relay's word


async def every(
    fetch: Callable[[str | None], Awaitable[A]],
    connection: Callable[[A], Page[T] | None],
    *,
    most: int = MAX_PAGES,
) -> list[T]:
    """All nodes of a connection. `fetch` requests the page after a cursor, `connection` finds it in the response.

    Raises ContractBroken for a missing connection, a missing cursor, or more than `most` pages.
    """
    return await rest(connection(await fetch(None)), fetch, connection, most=most)


async def rest(
    page: Page[T] | None,
    fetch: Callable[[str], Awaitable[A]],
    connection: Callable[[A], Page[T] | None],
    *,
    most: int = MAX_PAGES,
    until: Callable[[T], bool] | None = None,
) -> list[T]:
    """The nodes of a first page and of all pages after it. Raises ContractBroken as `every` does.

    With `until` no page is requested after the first one with a node for which it is true.
    """
    found: list[T] = []
    for _ in range(most):
        if page is None:
            raise ContractBroken("Connection", "missing")
        nodes = [node for node in page.nodes or () if node is not None]
        found.extend(nodes)
        if not page.page_info.has_next_page or (until is not None and any(map(until, nodes))):
            return found
        if page.page_info.end_cursor is None:
            break
        page = connection(await fetch(page.page_info.end_cursor))
    raise ContractBroken("Connection", "endless")


class Dated(Protocol):
    """A record with the time of its last change."""

    @property
    def updated_at(self) -> datetime | None: ...  # noqa: D102 - Healthie's word


D = TypeVar("D", bound=Dated)


async def changed_since(
    since: datetime,
    fetch: Callable[[str | None], Awaitable[A]],
    connection: Callable[[A], Page[D] | None],
) -> list[tuple[D, datetime]]:
    """The nodes that changed at or after `since`, with the time, of a connection ordered by that time, latest first.

    Stops at the first page with an older node. Nodes without a time are skipped and do not stop the search, because their
    place in the order is undefined. Raises ContractBroken as `every` does.
    """
    found: list[tuple[D, datetime]] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        page = connection(await fetch(after))
        if page is None:
            raise ContractBroken("Connection", "missing")
        nodes = [node for node in page.nodes or () if node is not None]
        dated = [(node, at) for node in nodes if (at := node.updated_at) is not None]
        recent = [(node, at) for node, at in dated if at >= since]
        found += recent
        if len(recent) < len(dated) or not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor
        if after is None:
            break
    raise ContractBroken("Connection", "endless")


def money(text: str | None, currency: str | None, *, default_currency: str = "USD") -> Money | None:
    """Parse an amount such as `120.00` or `$1,200`; None when there is none.

    Raises ValueError when it is not an amount.
    """
    value = number(text)
    return None if value is None else Money.of(value, currency or default_currency)


def number(text: str | None) -> Decimal | None:
    """Parse an amount's number without its currency; None when there is none.

    Raises ValueError when it is not an amount.
    """
    cleaned = (text or "").replace(",", "").replace("$", "").strip()
    try:
        return Decimal(cleaned) if cleaned else None
    except InvalidOperation as error:
        raise ValueError("not an amount of money") from error


def whole(text: str | None) -> int | None:
    """A whole number, such as a number of payments or credits; None for anything else: "Until Canceled", or nothing."""
    return int(text) if text and _WHOLE.fullmatch(text) else None


def record_id(data: object) -> str | None:
    """The id of the record in a mutation's response, also when the rest of it cannot be decoded; None when there is none."""
    payloads = data.values() if isinstance(data, dict) else ()
    records = (each for payload in payloads if isinstance(payload, dict) for each in payload.values())
    ids = (each.get("id") for each in records if isinstance(each, dict))
    return next((str(each) for each in ids if isinstance(each, str | int) and str(each)), None)


class Message(Protocol):
    """A mutation's message about a field."""

    @property
    def message(self) -> str: ...  # noqa: D102 - Healthie's word


def refusal(
    operation: str, messages: Sequence[Message | None] | None, stripe_error: str | None = None
) -> Refused | None:
    """The refusal in a mutation's response, or None."""
    said = [each.message for each in messages or () if each is not None]
    return Refused(operation, said, stripe_error) if said or stripe_error else None
