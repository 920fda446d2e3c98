"""What refusals say of a plan that is bought without a visit: their own words speak of a time, or of a visit."""

from collections.abc import Mapping

from booking.checkout.model import Checkout
from booking.refusals import (
    BookingFailed,
    ChargedWrongly,
    ClinicianNotBookable,
    HoldExpired,
    Refusal,
    TermsChanged,
)

NOT_BOUGHT = "The plan could not be bought. You have not been charged."

_OF_A_PLAN: Mapping[type[Refusal], str] = {
    HoldExpired: "The time to pay is over. Please choose the plan again. You have not been charged.",
    TermsChanged: "This plan is not sold as you accepted it any more. You have not been charged.",
    ClinicianNotBookable: NOT_BOUGHT,
    BookingFailed: "The plan was not bought. Your payment has been given back in full.",
    ChargedWrongly: "Your card was charged on other terms than you accepted. The payment has been given back in full, "
    "and nothing will be billed later.",
}


def said_of(checkout: Checkout, refusal: type[Refusal]) -> str | None:
    """What this refusal says of the checkout; None: its own words fit."""
    return _OF_A_PLAN.get(refusal) if checkout.slot is None else None
