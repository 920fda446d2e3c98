"""Guests: how long their token opens their checkout, and when a record that was there before is theirs to use."""

from datetime import datetime, timedelta
from enum import StrEnum

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import TERMINAL
from booking.principals import Caller, PrincipalKind

# After the end a guest reads once more what came of it; later the practice's own mail is what they have.
READABLE_FOR = timedelta(hours=24)


class GuestRecords(StrEnum):
    """What becomes of a guest whose email and name are those of a record that was there before."""

    NEW = "new"  # a record of their own, that staff may merge: no guest ever writes into another one
    VERIFIED_EMAIL = (
        "verified_email"  # who has verified the email address uses that record; everybody else as in NEW
    )


def may_use_match(checkout: Checkout, rule: GuestRecords) -> bool:
    """Whether a guest's checkout may write into a record that was there before: anybody can name a stranger's email and name."""
    return rule is GuestRecords.VERIFIED_EMAIL and checkout.email_verified_at is not None


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
