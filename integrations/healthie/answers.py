"""Reading what Healthie answers: connections, decimals, refusals."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Protocol, TypeVar

from booking.money import Money
from integrations.healthie.errors import Refused
from integrations.upstream.errors import ContractBroken

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# With pages of 50: more than any practice has of anything that we list. A cursor that runs in circles ends here.
MAX_PAGES = 40

# Of what grows with time, however long ago one begins: with pages of a hundred, what a large practice is sent in days.
MOST_PAGES = 1000


class PageInfo(Protocol):
    """Where a connection goes on."""

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
    """All nodes of a connection: `fetch` asks for the page after a cursor, `connection` finds it in the answer.

    Raises ContractBroken for a missing connection or a cursor in circles.
    """
    return await rest(connection(await fetch(None)), fetch, connection, most=most)


async def rest(
    page: Page[T] | None,
    fetch: Callable[[str], Awaitable[A]],
    connection: Callable[[A], Page[T] | None],
    *,
    most: int = MAX_PAGES,
) -> list[T]:
    """The nodes of a first page and of all that follow it. Raises ContractBroken as `every` does."""
    found: list[T] = []
    for _ in range(most):
        if page is None:
            raise ContractBroken("Connection", "missing")
        found.extend(node for node in page.nodes or () if node is not None)
        if not page.page_info.has_next_page:
            return found
        if page.page_info.end_cursor is None:
            break
        page = connection(await fetch(page.page_info.end_cursor))
    raise ContractBroken("Connection", "endless")


class Dated(Protocol):
    """A record that says when it was changed last."""

    @property
    def updated_at(self) -> datetime | None: ...  # noqa: D102 - Healthie's word


D = TypeVar("D", bound=Dated)


async def changed_since(
    since: datetime,
    fetch: Callable[[str | None], Awaitable[A]],
    connection: Callable[[A], Page[D] | None],
) -> list[tuple[D, datetime]]:
    """The nodes that were changed at or after the moment, with when, of a connection that is ordered by it, latest first.

    Nodes without a date are left out, and end nothing: where they stand in the order nobody says.
    Raises ContractBroken as `every` does.
    """
    found: list[tuple[D, datetime]] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        page = connection(await fetch(after))
        if page is None:
            raise ContractBroken("Connection", "missing")
        nodes = [node for node in page.nodes or () if node is not None]
        dated = [(node, at) for node in nodes if (at := node.updated_at) is not None]
        news = [(node, at) for node, at in dated if at >= since]
        found += news
        if len(news) < len(dated) or not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor
        if after is None:
            break
    raise ContractBroken("Connection", "endless")


def money(text: str | None, currency: str | None, *, default_currency: str = "USD") -> Money | None:
    """Read an amount such as `120.00` or `$1,200`; None when there is none. Raises ValueError when it cannot be read."""
    value = number(text)
    return None if value is None else Money.of(value, currency or default_currency)


def number(text: str | None) -> Decimal | None:
    """Read an amount's number, whatever its currency; None when there is none. Raises ValueError when it cannot be read."""
    cleaned = (text or "").replace(",", "").replace("$", "").strip()
    try:
        return Decimal(cleaned) if cleaned else None
    except InvalidOperation as error:
        raise ValueError("not an amount of money") from error


def record_id(data: object) -> str | None:
    """The id of the record in a mutation's answer, however strange the rest of it is."""
    payloads = data.values() if isinstance(data, dict) else ()
    records = (each for payload in payloads if isinstance(payload, dict) for each in payload.values())
    ids = (each.get("id") for each in records if isinstance(each, dict))
    return next((str(each) for each in ids if isinstance(each, str | int) and str(each)), None)


class Message(Protocol):
    """What a mutation says about a field."""

    @property
    def message(self) -> str: ...  # noqa: D102 - Healthie's word


def refusal(
    operation: str, messages: Sequence[Message | None] | None, stripe_error: str | None = None
) -> Refused | None:
    """A mutation's own no, if it said one."""
    said = [each.message for each in messages or () if each is not None]
    return Refused(operation, said, stripe_error) if said or stripe_error else None
