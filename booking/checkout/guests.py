"""Guests: when a record that was there before is theirs to use. How long their token opens their checkout is in checkout/access.py."""

from enum import StrEnum

from booking.checkout.model import Checkout


class GuestRecords(StrEnum):
    """What becomes of a guest whose email and name are those of a record that was there before."""

    NEW = "new"  # a record of their own, that staff may merge: no guest ever writes into another one
    VERIFIED_EMAIL = (
        "verified_email"  # who has verified the email address uses that record; everybody else as in NEW
    )


def may_use_match(checkout: Checkout, rule: GuestRecords) -> bool:
    """Whether a guest's checkout may write into a record that was there before: anybody can name a stranger's email and name."""
    return rule is GuestRecords.VERIFIED_EMAIL and checkout.email_verified_at is not None
