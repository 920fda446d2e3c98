"""Refusals of a payment, and of a checkout that has ended."""

from enum import StrEnum

from booking.refusals.base import Refusal, in_words


class ChargedWrongly(Refusal):
    """The card was charged on other terms than the patient accepted; the charge was refunded and nothing will recur."""

    code = "CHARGED_WRONGLY"
    message = (
        "Your card was charged on other terms than you accepted. The payment has been given back in full, "
        "and nothing will be billed later. The visit was not booked."
    )


class CardRequired(Refusal):
    """A card is missing though an amount is due or the practice requires a card on file; or the named card is not the caller's."""

    code = "CARD_REQUIRED"
    message = "Please choose a card to pay with."


class DeclineReason(StrEnum):
    """Why a card was declined, as far as it tells the patient what to do. Never says lost or stolen."""

    TRY_ANOTHER_CARD = "try_another_card"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    CHECK_CARD_DETAILS = "check_card_details"
    AUTHENTICATION_REQUIRED = "authentication_required"
    CALL_YOUR_BANK = "call_your_bank"
    TRY_AGAIN = "try_again"


class CardDeclined(Refusal):
    """The bank certainly declined the card. The hold stays live, and another card may be tried."""

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
    """An attempt limit is reached: declined cards, invalid promo codes, mailed codes or unfinished guest payments.

    `retry_after` is in seconds.
    """

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"That was tried too often. Please try again in {in_words(retry_after)}, or contact the practice."
        )
        self.retry_after = retry_after


class CheckoutClosed(Refusal):
    """The checkout has ended and accepts no further action; `state` is its final state."""

    code = "CHECKOUT_CLOSED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This checkout has ended ({state}).")
        self.state = state


class PaymentInProgress(Refusal):
    """Another payment of the same patient is under way. Only one may run at a time."""

    code = "PAYMENT_IN_PROGRESS"
    message = "Another payment is in progress. Please wait a moment and try again."
    retryable = True


class PaymentUnavailable(Refusal):
    """The practice cannot take card payments at the moment; nothing was charged."""

    code = "PAYMENT_UNAVAILABLE"
    message = "The practice cannot take this payment at the moment. You have not been charged."


class BookingFailed(Refusal):
    """The visit could not be booked after the payment, and the payment was refunded in full."""

    code = "BOOKING_FAILED"
    message = "The visit could not be booked. Your payment has been given back in full."


class CardUse(StrEnum):
    """What a card on file is needed for."""

    PAYMENT = "payment"  # a checkout, or a payment of an invoice or a fee, that is under way
    MEMBERSHIP = "membership"  # it is the default, which a membership that goes on charges


class CardInUse(Refusal):
    """The card is needed at the moment; it stays on file."""

    code = "CARD_IN_USE"

    def __init__(self, use: CardUse) -> None:
        super().__init__(_USE_MESSAGES[use])
        self.use = use
        self.retryable = use is CardUse.PAYMENT


_USE_MESSAGES = {
    CardUse.PAYMENT: "A payment with this card is in progress. Please try again in a moment.",
    CardUse.MEMBERSHIP: (
        "Your membership is paid with this card. Make another card the default first, or end the membership."
    ),
}


class CardNotChanged(Refusal):
    """The practice's books refused it. The card is as it was."""

    code = "CARD_NOT_CHANGED"
    message = "The card could not be changed. Please contact the practice."


class ReceiptUnavailable(Refusal):
    """There is no receipt to mail: nothing was paid, or the practice's system refused."""

    code = "RECEIPT_UNAVAILABLE"
    message = "There is no receipt for this payment. Please contact the practice."
