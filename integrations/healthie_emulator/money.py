"""All resolvers that concern money, and the practice's books."""

import dataclasses
from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import (
    billing,
    billing_changes,
    billing_queries,
    cards,
    coupons,
    packages,
    recurring,
)
from integrations.healthie_emulator.billing_changes import bill_due
from integrations.healthie_emulator.bookkeeping import (
    invoice_changes,
    invoice_reading,
    item_listing,
    offering_changes,
    superbills,
    visit_credits,
)
from integrations.healthie_emulator.invoices import raise_invoice
from integrations.healthie_emulator.packages import under_purchase_cap
from integrations.healthie_emulator.state import World

__all__ = ["RESOLVERS", "bill_due", "books", "raise_invoice", "under_purchase_cap"]

RESOLVERS: dict[str, Callable[..., Any]] = {
    **cards.RESOLVERS,
    **coupons.RESOLVERS,
    **packages.RESOLVERS,
    **billing.RESOLVERS,
    **billing_changes.RESOLVERS,
    **billing_queries.RESOLVERS,
    **recurring.RESOLVERS,
    **item_listing.RESOLVERS,
    **invoice_changes.RESOLVERS,
    **invoice_reading.RESOLVERS,
    **offering_changes.RESOLVERS,
    **superbills.RESOLVERS,
    **visit_credits.RESOLVERS,
}


def books(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the bank's records: `charges` that took money, `declines` that did not, `refunds`.

    In Stripe's minor units (cents); UTC.
    """
    every = [_plain(charge) for charge in world.stripe.charges.values()]
    return {
        "charges": [charge for charge in every if charge["decline"] is None],
        "declines": [charge for charge in every if charge["decline"] is not None],
        "refunds": [_plain(refund) for refund in world.stripe.refunds.values()],
    }


def _plain(record: Any) -> dict[str, Any]:
    values = dataclasses.asdict(record)
    return {**values, "created_at": values["created_at"].isoformat()}
