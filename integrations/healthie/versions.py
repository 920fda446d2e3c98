"""Versions of Healthie's API: the ones that are known, when each ends, and everything in which they differ for us.

The operations are written for CONTRACT, the version that contract.graphql is taken from. `contract.adapted` turns them into
those of another version by this table; the generated types stay the same. No full schema of the newer versions is public: the
table holds what was seen of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

CONTRACT = "2026-01-01"

# The versions that are tested, oldest first, each with the date from which Healthie refuses it (its guide on versioning); None: no
# date is known. Healthie's own warning in a response counts more than this date.
KNOWN: Mapping[str, date | None] = {
    CONTRACT: date(2027, 1, 31),
    "2026-07-01": None,
    "2026-10-01": None,
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field that the operations select, and what a newer version has in its place."""

    since: str  # the first version in which `instead` is selected
    type: str
    field: str
    instead: str  # a selection; without one of its own it takes over the sub-selection of `field`
    declares: str  # the new field in SDL, as lenient as we can read it
    read: Callable[[list[Any]], Any]  # from the value of the new field, a list, to that of the old one


def _only_id(records: list[Any]) -> str | None:
    """The id of the only record. Ids of several are joined into what is no record's id: no single one was bought."""
    return " ".join(str(each["id"]) for each in records if each) or None


def _first(records: list[Any]) -> Any:
    return next(iter(records), None)


DIFFERENCES = (
    Difference(
        since="2026-10-01",
        type="BillingItem",
        field="offering_id",
        instead="offerings { id }",
        declares="offerings: [Offering]",
        read=_only_id,
    ),
    Difference(
        since="2026-10-01",
        type="BillingItem",
        field="user_package_selection",
        instead="user_package_selections",
        declares="user_package_selections: [UserPackageSelection]",
        read=_first,
    ),
)

# What else is deprecated or gone, with the first version in which it is. No operation uses it, and none may (a test).
GONE: Mapping[str, str] = {
    "BillingItem.offering": "2026-10-01",
    "BillingItem.recipient_id": "2026-10-01",
    "Query.requestedPayment(uuid:)": "2026-10-01",  # `token` takes its place
    "RequestedPayment.billing_item_id": CONTRACT,  # `billing_items`
    "completeCheckoutInput.invoice_id": "2026-07-01",  # `payer_token`, as for the next
    "completeCheckoutInput.outside_party_payer_id": "2026-07-01",
    # Documented as without effect:
    "Query.user(email:)": CONTRACT,
    "Query.users(email:)": CONTRACT,
    "Query.billingItems(state:)": CONTRACT,  # `status`
}


def differences_of(version: str) -> tuple[Difference, ...]:
    """The differences of a version from CONTRACT. Versions are dates, so their order is that of their texts."""
    return tuple(each for each in DIFFERENCES if version >= each.since)


def gone_in(version: str) -> frozenset[str]:
    """The schema coordinates of GONE that a version lacks, or deprecates."""
    return frozenset(place for place, since in GONE.items() if version >= since)


def fallback(today: date) -> str:
    """The version to use before Healthie has answered: the oldest that has not ended, since it is known best."""
    ends = KNOWN.items()
    return next((version for version, end in ends if end is None or today < end), newest_first(KNOWN)[0])


def newest_first(versions: Iterable[str]) -> list[str]:
    """The versions, from the newest to the oldest."""
    return sorted(versions, reverse=True)
