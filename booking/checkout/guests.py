"""Guests: whether a guest's checkout may use an existing patient record. A guest's token is checked by checkout/access.py."""

from enum import StrEnum

from booking.checkout.model import Checkout


class GuestRecords(StrEnum):
    """What is done for a guest whose email and name match an existing record (`FRONTDOOR_GUEST_RECORDS`)."""

    # A new record, which staff may merge: no guest writes into an existing one.
    NEW = "new"
    # The existing record for a guest who has verified the email address; for all others as NEW.
    VERIFIED_EMAIL = "verified_email"


def may_use_match(checkout: Checkout, rule: GuestRecords) -> bool:
    """Whether a guest's checkout may write into a matching record: anybody can type a stranger's email and name."""
    return rule is GuestRecords.VERIFIED_EMAIL and checkout.email_verified_at is not None
