"""Plain lists: a connection's records without its frame, and how many there are.

`after` takes the `cursor` of a record, as the guide on pagination shows it: base64 of `{"k":["<id>"]}`.
"""

import base64
import binascii
import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import connections

Resolve = Callable[..., Any]

# What a plain list takes beside its filters; `after` it shares with the connection that it is made of.
PAGE_ARGUMENTS = {
    "offset": "Int",
    "page_size": "Int",
    "should_paginate": "Boolean",
    "sort_by": "String",
    "after": "Cursor",
}

LARGEST_PAGE = 100  # documented of users, billing items and members; no list says another


@dataclasses.dataclass(frozen=True)
class Paging:
    """How long a page of a list is if the request does not say, and whether there are pages then at all."""

    size: int
    by_default: bool = True


# Lists that took no page arguments; they take them here, and answer everything without.
UNPAGED = Paging(LARGEST_PAGE, by_default=False)

# As clients' generated code has it, where the guides do not say (users, appointmentTypes, appointments, organizationMembers).
PAGING = {
    "apiKeys": Paging(20),
    "appointmentTypes": Paging(1000),
    "appointments": Paging(10, by_default=False),
    "billingItems": Paging(20),
    "conversationMemberships": Paging(20),
    "customModuleForms": Paging(10, by_default=False),
    "documents": Paging(20, by_default=False),
    "formAnswerGroups": Paging(10, by_default=False),
    "notes": Paging(10),
    "offeringCoupons": Paging(10),
    "offerings": Paging(10),
    "onboardingFlows": Paging(10),
    "organizationMembers": Paging(10),
    "requestedPayments": Paging(20),
    "sentWebhooks": Paging(20),
    "superBills": Paging(20),
    "userGroups": Paging(10, by_default=False),
    "userPackageSelections": Paging(20),
    "users": Paging(10),
    "webhooks": Paging(20),
}


def plain(resolve: Resolve, name: str) -> Resolve:
    """Answer a connection's records as a list."""
    paging = PAGING.get(name, UNPAGED)

    def listed(root: Any, info: Any, **args: Any) -> Any:
        page = {each: args.pop(each, None) for each in PAGE_ARGUMENTS}
        if page["sort_by"] and not args.get("order_by"):
            args["order_by"] = page["sort_by"].upper()
        answer = resolve(root, info, **args, **_slice(page, paging))
        if answer is None:
            return None
        records = answer["nodes"]
        return records if page["after"] is None else _following(records, page, paging)

    return listed


def count(resolve: Resolve) -> Resolve:
    """Answer how many records a connection has."""

    def counted(root: Any, info: Any, **args: Any) -> Any:
        filters = {name: value for name, value in args.items() if name not in PAGE_ARGUMENTS}
        answer = resolve(root, info, **filters, first=0)
        return None if answer is None else answer.get("total_count", 0)

    return counted


def cursor(record: Any, _info: Any) -> str:
    """The place of a record in any list."""
    record_id = record.get("id") if isinstance(record, dict) else getattr(record, "id", None)
    return base64.b64encode(json.dumps({"k": [record_id]}, separators=(",", ":")).encode()).decode()


def _slice(page: dict[str, Any], paging: Paging) -> dict[str, Any]:
    """What the connection is asked for. A list after a cursor is asked for whole: the cursor names a record, not a place."""
    asked = paging is UNPAGED and (page["page_size"] is not None or bool(page["offset"]))
    paged = page["should_paginate"] if page["should_paginate"] is not None else asked or paging.by_default
    if not paged or page["after"] is not None:
        return {connections.WHOLE: True}
    start = page["offset"] or 0
    if start < 0:
        raise GraphQLError("offset must not be negative")
    return {connections.PART: (start, start + _size(page, paging))}


def _size(page: dict[str, Any], paging: Paging) -> int:
    if page["page_size"] is None:
        return paging.size
    if page["page_size"] < 0:
        raise GraphQLError("page_size must not be negative")
    return int(min(page["page_size"], max(paging.size, LARGEST_PAGE)))


def _following(records: Iterable[Any], page: dict[str, Any], paging: Paging) -> list[Any]:
    """The records after the one that the cursor names; none if it is not in the list."""
    ids = [str(getattr(each, "id", None)) for each in records]
    named = _named(page["after"])
    if named not in ids:
        return []
    following = list(records)[ids.index(named) + 1 :]
    return following if page["should_paginate"] is False else following[: _size(page, paging)]


def _named(cursor: str) -> str:
    try:
        return str(json.loads(base64.b64decode(cursor, validate=True))["k"][0])
    except (ValueError, binascii.Error, LookupError, TypeError):
        raise GraphQLError("Invalid cursor") from None
