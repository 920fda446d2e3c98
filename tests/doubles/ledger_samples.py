"""A card processor's books in memory, and checkouts that ended one way or another."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from booking.checkout.ledger import LedgerCharge
from booking.checkout.model import Attempt, Checkout, CheckoutState
from booking.errors import UpstreamUnavailable
from booking.models import Charge, Quote
from booking.money import Money
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_world import CATALOG, a_slot

BEGUN = NOW + timedelta(minutes=3)  # the first attempt's intent
NET, NOTHING = Money.of("120", "USD"), Money.of("0", "USD")


@dataclass
class LedgerInMemory:
    """The port ChargeLedger; it notes which time it was asked for."""

    charges: tuple[LedgerCharge, ...] = ()
    closed: bool = False  # the books cannot be read
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    async def find(self, charge_ids: Collection[str]) -> Mapping[str, LedgerCharge]:
        if self.closed:
            raise UpstreamUnavailable("the books are closed")
        return {each.id: each for each in self.charges if each.id in charge_ids}

    async def landed(self, since: datetime, until: datetime) -> Sequence[LedgerCharge]:
        if self.closed:
            raise UpstreamUnavailable("the books are closed")
        self.asked.append((since, until))
        return [each for each in self.charges if not each.taken.is_zero]

    async def prove(self) -> bool:
        return not self.closed


def in_books(charge_id: str, *, key: str | None = None, **differing: Any) -> LedgerCharge:
    """A charge of the usual amount and customer, kept."""
    usual: dict[str, Any] = {
        "taken": NET,
        "given_back": NOTHING,
        "disputed": False,
        "customer_id": "cus_sample",
    }
    return LedgerCharge(id=charge_id, upstream_key=key, **usual | differing)


def charge(charge_id: str) -> Charge:
    """A charge as a row has it."""
    return Charge(
        billing_item_id=f"item of {charge_id}",
        charge_id=charge_id,
        net=NET,
        card_id="card",
        recurring_payment_id=None,
        package_id=None,
    )


def ended(state: CheckoutState, paid: Charge | None = None, **changes: Any) -> Checkout:
    """Checkout `a` after two attempts."""
    fresh = Checkout(
        id="a",
        state=state,
        owner="guest:a",
        started_by="visitor:v1",
        hold_id="h",
        slot=a_slot(),
        time_zone="UTC",
        quote=Quote(
            plan_id=None,
            visit_type_id="v-priced",
            description="First visit",
            list_price=NET,
            discount=NOTHING,
            due_today=NET,
            promo_code=None,
            coupon_id=None,
            recurrence=None,
            policy=CATALOG.policy,
        ),
        created_at=NOW,
        updated_at=NOW,
        charge=paid,
        attempts=tuple(Attempt(number=number, card_id="card", intended_at=BEGUN) for number in (1, 2)),
    )
    return fresh.changed(**changes)
