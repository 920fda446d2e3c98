"""Refusals that concern the purchase: the plan, the price, the terms."""

from booking.models import Quote
from booking.refusals.base import Refusal


class PlanRequired(Refusal):
    """The visit is sold through plans only."""

    code = "PLAN_REQUIRED"
    message = "This visit is part of a plan. Please choose a plan that includes it."


class PlanSoldOut(Refusal):
    """The plan's purchase cap is reached."""

    code = "PLAN_SOLD_OUT"
    message = "This plan is sold out."


class PlanDoesNotCoverVisit(Refusal):
    """The plan does not include the held visit."""

    code = "PLAN_DOES_NOT_COVER_VISIT"
    message = "This plan does not include the visit that you chose."


class NothingDueToday(Refusal):
    """The plan charges nothing today: without a charge the system of record creates no package."""

    code = "NOTHING_DUE_TODAY"
    message = "A plan with nothing to pay today cannot be bought online. Please contact the practice."


class AmountNotChargeable(Refusal):
    """The card processor refuses this amount for certain, whatever the card. Nothing was charged."""

    code = "AMOUNT_NOT_CHARGEABLE"
    message = (
        "This amount cannot be paid with a card. Please contact the practice. You have not been charged."
    )


class NoCreditLeft(Refusal):
    """The patient has no credit for this visit type: every one is used, or taken by a visit that is being booked. No visit stands."""

    code = "NO_CREDIT_LEFT"
    message = "You have no credit left for this visit. It was not booked, and you have not been charged."


class PromoInvalid(Refusal):
    """The promo code does not apply; `reason` is the practice's own wording."""

    code = "PROMO_INVALID"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RecurrenceNotAccepted(Refusal):
    """The patient did not accept that the plan renews."""

    code = "RECURRENCE_NOT_ACCEPTED"
    message = "This plan renews and bills again. Please accept that first."


class QuoteChanged(Refusal):
    """The checkout's current quote is not the accepted one; carries the current one. Nothing was done."""

    code = "QUOTE_CHANGED"
    message = "The price or the terms of this checkout have changed. Please look at them again. You have not been charged."

    def __init__(self, checkout_id: str, quote: Quote) -> None:
        super().__init__()
        self.checkout_id = checkout_id
        self.quote = quote


class TermsChanged(Refusal):
    """The accepted item is no longer sold, or no longer on these terms. The checkout has ended; nothing was charged."""

    code = "TERMS_CHANGED"
    message = "What you chose is no longer offered as you accepted it. You have not been charged. Please start again."
