"""Refusals: what the domain says no to, each with the data its caller needs.

DomainError
├── InvalidInput            the caller's mistake: which argument, and what to do
├── NotFound                no such thing for this caller (a foreign id and a missing id alike)
├── DeclaredInSettings      the practice's settings say what it is: it is changed there and nowhere else
├── Refusal                 expected, typed, mapped once to a GraphQL problem
│   ├── SlotTaken / SlotNotOffered / HoldExpired / HoldInCheckout / HoldLimitReached / HoldExtensionsUsedUp
│   ├── ClinicianNotBookable / PlanRequired / PlanSoldOut / PlanDoesNotCoverVisit / NothingDueToday
│   ├── PromoInvalid / RecurrenceNotAccepted / GuestDetailsRequired / QuoteChanged / CardRequired
│   ├── CardDeclined / TooManyAttempts
│   └── PaymentInProgress / PaymentUnavailable / BookingFailed / CheckoutClosed
├── TooMuchWatched          this process watches no further thing
│   └── WatchesTooMuch      or not for whoever asks
├── StaleCheckout           somebody else wrote the row first; whoever gets this stops
├── AlreadyCounted          a billing item or an appointment stands on another checkout's row
├── UnknownState            a row of another version of this program, whose migration is missing
├── AlertNotTold            a way to tell people failed; it is tried again
└── UpstreamError
    ├── UpstreamRefused     a certain no: nothing was done there
    ├── UpstreamUnavailable a read that failed, or a change that was not sent; nothing was changed
    │   └── AuditUnavailable    the call could not be recorded, so it was not made
    └── OutcomeUnknown      a change that may have been made: wait, look, never just send again
"""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from booking.models import Quote


class DomainError(Exception):
    """The root; its text never holds patient data."""


class InvalidInput(DomainError):
    """The caller's mistake."""

    def __init__(self, *, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotFound(DomainError):
    """No such thing for this caller."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} not found")
        self.kind = kind


class DeclaredInSettings(DomainError):
    """The practice's settings say what it is: it is changed there and nowhere else."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind} is declared in the settings")
        self.kind = kind


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

    def __init__(self, checkout_id: str, quote: "Quote") -> None:
        super().__init__()
        self.checkout_id = checkout_id
        self.quote = quote


class CardRequired(Refusal):
    """Something is due and no card was chosen; or a card on file was named by somebody who may not use it."""

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
    """Too many cards were declined, or too many promo codes did not apply; `retry_after` is in seconds."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        super().__init__(
            f"That was tried too often. Please try again in {minutes} minute{'s' * (minutes > 1)}, or contact the practice."
        )
        self.retry_after = retry_after


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


class TooMuchWatched(DomainError):
    """So many different things are watched in this process that it watches no further one."""

    message = "Too many different things are being watched at the moment. Try again later, or ask by a query."


class WatchesTooMuch(TooMuchWatched):
    """Whoever asks, or their network, watches so many different things that they must leave some first."""

    message = "You are watching too many different things. Complete some of them first, or ask by a query."


class StaleCheckout(DomainError):
    """The row was written by somebody else since it was read."""


class AlreadyCounted(DomainError):
    """One billing item or appointment would be counted for two checkouts."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} belongs to another checkout")
        self.what = what


class UnknownState(DomainError):
    """A row stands at a state, or has ended or needs a person for a reason, that this program does not know."""


class AlertNotTold(DomainError):
    """A way to tell people failed; the text names neither its address nor what it answered."""


class UpstreamError(DomainError):
    """The system of record did not do what was asked; the text names the operation only."""


class UpstreamRefused(UpstreamError):
    """A certain refusal: nothing was changed. `reason` is a code of ours, never upstream's text."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.reason = reason


class UpstreamUnavailable(UpstreamError):
    """A read failed, or a change was not sent; nothing was changed."""


class AuditUnavailable(UpstreamUnavailable):
    """The audit trail cannot be written, so the call was not sent. Never raised for a call that was."""


class OutcomeUnknown(UpstreamError):
    """A change was sent, and whether it was made is not known."""
