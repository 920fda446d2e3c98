"""How long a guest's token opens its checkout: it ends with what it opens."""

from datetime import datetime, timedelta

from booking.checkout_row import Checkout, CheckoutState
from booking.principals import Caller, PrincipalKind
from booking.saga_table import TERMINAL

# After the end a guest reads once more what came of it; later the practice's own mail is what they have.
READABLE_FOR = timedelta(hours=24)


def opens(caller: Caller, checkout: Checkout, *, now: datetime) -> bool:
    """Whether this is the caller's checkout, and their token opens it still."""
    closes = closes_at(checkout) if caller.principal.kind is PrincipalKind.GUEST else None
    return caller.owns(checkout.owner) and (closes is None or now < closes)


def closes_at(checkout: Checkout) -> datetime | None:
    """When the guest's token opens it no more (UTC): a day after the end, and not before a booked visit is over.

    None while it has not ended; a checkout that a person sees to has not.
    """
    if checkout.ended_at is None or checkout.stands not in TERMINAL:
        return None
    readable = checkout.ended_at + READABLE_FOR
    booked = checkout.stands is CheckoutState.CONFIRMED
    return max(readable, checkout.slot.end) if booked else readable
