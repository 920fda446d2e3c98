"""Refusals: what patients are told no to. Each is expected, carries the data its caller needs, and is mapped once to a GraphQL problem.

Refusal (a DomainError, see errors.py)
├── SlotTaken / SlotNotOffered / TooLateToBook / HoldExpired / HoldInCheckout / HoldLimitReached / HoldCapacityReached
├── HoldExtensionsUsedUp
├── ClinicianNotBookable / PlanRequired / PlanSoldOut / PlanDoesNotCoverVisit / NothingDueToday / AmountNotChargeable
├── PromoInvalid / RecurrenceNotAccepted / GuestDetailsRequired / QuoteChanged / CardRequired
├── CardDeclined / TooManyAttempts
├── TermsChanged / ChargedWrongly
├── SignInRequired / EmailVerificationRequired / UnpaidVisitsUsedUp
├── EmailVerificationUnavailable / EmailNotSent / EmailCodeInvalid
└── PaymentInProgress / PaymentUnavailable / BookingFailed / CheckoutClosed
"""

from datetime import datetime
from enum import StrEnum

from booking.errors import DomainError
from booking.models import Quote


class Refusal(DomainError):
    """An expected no. `code` is stable; `retryable` says whether the same request may succeed later."""

    code = "REFUSED"
    message = "This is not possible."
    retryable = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)


class SlotTaken(Refusal):
    """Somebody else holds or has booked an overlapping part of the clinician's time."""

    code = "SLOT_TAKEN"
    message = "Somebody else has just taken this time. Please choose another."


class SlotNotOffered(Refusal):
    """The practice does not offer this slot (any more)."""

    code = "SLOT_NOT_OFFERED"
    message = "This time is not on offer. Please choose one from the list."


class TooLateToBook(Refusal):
    """The visit has begun, or begins sooner than the practice takes bookings; `bookable_until` is in UTC."""

    code = "TOO_LATE_TO_BOOK"
    message = "It is too late to book this time. Please choose a later one. You have not been charged."

    def __init__(self, bookable_until: datetime) -> None:
        super().__init__()
        self.bookable_until = bookable_until


class HoldExpired(Refusal):
    """The hold is over, or was released."""

    code = "HOLD_EXPIRED"
    message = "The reservation of this time is over. Please choose a time again."


class HoldInCheckout(Refusal):
    """A hold that a live checkout stands on cannot be released by itself."""

    code = "HOLD_IN_CHECKOUT"
    message = "A checkout is using this reservation. Cancel the checkout instead."


class HoldLimitReached(Refusal):
    """One caller, or all from one network, may hold only so many slots at once."""

    code = "HOLD_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} times are held for you already. Release one first.")
        self.limit = limit


class HoldCapacityReached(Refusal):
    """People who have not signed in hold as much of the clinician's day as they may; `retry_after` is in seconds."""

    code = "HOLD_CAPACITY_REACHED"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Many times of this clinician's day are being held at the moment. Please try again in "
            f"{_in_words(retry_after)}, choose another day, or sign in."
        )
        self.retry_after = retry_after


class HoldExtensionsUsedUp(Refusal):
    """A hold can be extended a bounded number of times."""

    code = "HOLD_EXTENSIONS_USED_UP"

    def __init__(self, expires_at: datetime) -> None:
        super().__init__("This reservation cannot be extended again.")
        self.expires_at = expires_at


class ClinicianNotBookable(Refusal):
    """No key of the clinician is proved, or they do not offer the visit."""

    code = "CLINICIAN_NOT_BOOKABLE"
    message = "This clinician cannot be booked online at the moment."


class PlanRequired(Refusal):
    """The visit is sold through plans only."""

    code = "PLAN_REQUIRED"
    message = "This visit is part of a plan. Please choose a plan that includes it."


class PlanSoldOut(Refusal):
    """The plan's cap on purchases is reached."""

    code = "PLAN_SOLD_OUT"
    message = "This plan is sold out."


class PlanDoesNotCoverVisit(Refusal):
    """The plan does not include the visit that is held."""

    code = "PLAN_DOES_NOT_COVER_VISIT"
    message = "This plan does not include the visit that you chose."


class NothingDueToday(Refusal):
    """A plan that would charge nothing today: without a charge the system of record hands out no package."""

    code = "NOTHING_DUE_TODAY"
    message = "A plan with nothing to pay today cannot be bought online. Please contact the practice."


class AmountNotChargeable(Refusal):
    """No card can be charged this amount: the card processor refuses it for certain; nothing was charged."""

    code = "AMOUNT_NOT_CHARGEABLE"
    message = (
        "This amount cannot be paid with a card. Please contact the practice. You have not been charged."
    )


class PromoInvalid(Refusal):
    """The promo code does not apply; the reason is the practice's own wording."""

    code = "PROMO_INVALID"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RecurrenceNotAccepted(Refusal):
    """A recurring plan was not accepted as such."""

    code = "RECURRENCE_NOT_ACCEPTED"
    message = "This plan renews and bills again. Please accept that first."


class GuestDetailsRequired(Refusal):
    """Who is not signed in must say who they are."""

    code = "GUEST_DETAILS_REQUIRED"
    message = "Please sign in, or give your name and email to check out as a guest."


class QuoteChanged(Refusal):
    """The checkout has another quote than the one that was accepted, its present one; nothing was done."""

    code = "QUOTE_CHANGED"
    message = "The price or the terms of this checkout have changed. Please look at them again. You have not been charged."

    def __init__(self, checkout_id: str, quote: Quote) -> None:
        super().__init__()
        self.checkout_id = checkout_id
        self.quote = quote


class TermsChanged(Refusal):
    """What was accepted is not sold any more, or not on these terms, and the checkout is over; nothing was charged."""

    code = "TERMS_CHANGED"
    message = "What you chose is no longer offered as you accepted it. You have not been charged. Please start again."


class ChargedWrongly(Refusal):
    """The card was charged on other terms than the patient accepted; everything was undone."""

    code = "CHARGED_WRONGLY"
    message = (
        "Your card was charged on other terms than you accepted. The payment has been given back in full, "
        "and nothing will be billed later. The visit was not booked."
    )


class CardRequired(Refusal):
    """A card must be chosen: something is due, or the practice asks for one to be put on file. Or one was named that is not the caller's."""

    code = "CARD_REQUIRED"
    message = "Please choose a card to pay with."


class DeclineReason(StrEnum):
    """What a patient can do about a declined card. Never says lost or stolen."""

    TRY_ANOTHER_CARD = "try_another_card"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    CHECK_CARD_DETAILS = "check_card_details"
    AUTHENTICATION_REQUIRED = "authentication_required"
    CALL_YOUR_BANK = "call_your_bank"
    TRY_AGAIN = "try_again"


class CardDeclined(Refusal):
    """The bank said no, for certain; the hold lives on and another card may be tried."""

    code = "CARD_DECLINED"
    retryable = True

    def __init__(self, reason: DeclineReason) -> None:
        super().__init__(_DECLINE_MESSAGES[reason])
        self.reason = reason


_DECLINE_MESSAGES = {
    DeclineReason.TRY_ANOTHER_CARD: "Your card was declined. Please use another card.",
    DeclineReason.INSUFFICIENT_FUNDS: "Your card has insufficient funds. Please use another card.",
    DeclineReason.CARD_EXPIRED: "Your card has expired. Please use another card.",
    DeclineReason.CHECK_CARD_DETAILS: "The card's number, date or security code is wrong. Please check it, or use another card.",
    DeclineReason.AUTHENTICATION_REQUIRED: "Your bank asks for a confirmation that is not possible here. Please use another card.",
    DeclineReason.CALL_YOUR_BANK: "Your bank declined the payment. Please call your bank, or use another card.",
    DeclineReason.TRY_AGAIN: "The card could not be processed just now. Please try again.",
}


class TooManyAttempts(Refusal):
    """Too many cards were declined, promo codes did not apply, codes were mailed, or guests began to pay and did not; `retry_after` is in seconds."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"That was tried too often. Please try again in {_in_words(retry_after)}, or contact the practice."
        )
        self.retry_after = retry_after


class SignInRequired(Refusal):
    """The practice lets only people who have signed in book a visit that costs nothing."""

    code = "SIGN_IN_REQUIRED"
    message = "Please sign in to book this visit."


class EmailVerificationRequired(Refusal):
    """The practice lets guests book a visit that costs nothing once their email address is verified."""

    code = "EMAIL_VERIFICATION_REQUIRED"
    message = "Please verify your email address first."
    retryable = True


class UnpaidVisitsUsedUp(Refusal):
    """Guests have booked as many visits that cost nothing as they may for now; `retry_after` is in seconds."""

    code = "UNPAID_VISITS_USED_UP"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "This visit cannot be booked without signing in at the moment. Please sign in, choose another day, or contact the practice."
        )
        self.retry_after = retry_after


class EmailVerificationUnavailable(Refusal):
    """The practice does not verify email addresses, or it is settled already which record this checkout writes into."""

    code = "EMAIL_VERIFICATION_UNAVAILABLE"
    message = "This email address cannot be verified here. You can book without that."


class EmailNotSent(Refusal):
    """The mail with the code was not taken; nothing was counted."""

    code = "EMAIL_NOT_SENT"
    message = "The mail could not be sent. Please check the address, or try again in a moment."
    retryable = True


class EmailCodeInvalid(Refusal):
    """Not the code that was mailed last, or one that is good no more; `tries_left` of the one that was mailed."""

    code = "EMAIL_CODE_INVALID"

    def __init__(self, tries_left: int) -> None:
        super().__init__(
            "This is not the code that was sent. Please check it."
            if tries_left
            else "There is no code that is still good. Please ask for a new one."
        )
        self.tries_left = tries_left


class CheckoutClosed(Refusal):
    """The checkout has ended and takes no further action."""

    code = "CHECKOUT_CLOSED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This checkout has ended ({state}).")
        self.state = state


class PaymentInProgress(Refusal):
    """Another payment of the same patient is under way; one at a time."""

    code = "PAYMENT_IN_PROGRESS"
    message = "Another payment is in progress. Please wait a moment and try again."
    retryable = True


class PaymentUnavailable(Refusal):
    """The practice cannot take card payments at the moment; nothing was charged."""

    code = "PAYMENT_UNAVAILABLE"
    message = "The practice cannot take this payment at the moment. You have not been charged."


class BookingFailed(Refusal):
    """The visit could not be booked after the payment, and the payment was given back."""

    code = "BOOKING_FAILED"
    message = "The visit could not be booked. Your payment has been given back in full."


# From here on a wait is told in hours: the longest is what is left of a day.
_HOURS_FROM = 2 * 3600


def _in_words(seconds: int) -> str:
    """How long somebody is to wait, rounded up to minutes, or to hours."""
    unit, length = ("hour", 3600) if seconds >= _HOURS_FROM else ("minute", 60)
    count = max(1, -(-seconds // length))
    return f"{count} {unit}{'s' * (count > 1)}"
