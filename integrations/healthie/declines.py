"""What counts as a bank's no: an allow-list. Whatever is not in it leaves the outcome unknown.

The words are Stripe's (https://docs.stripe.com/declines/codes), handed on by Healthie as `messages` and `stripeError`.
A lost or stolen card is declined like any other: the one at the keyboard is not told more.
"""

import re
from collections.abc import Iterable

from booking.refusals import DeclineReason

# Decline codes, which stand alone or within a sentence.
_CODES = {
    "authentication_required": DeclineReason.AUTHENTICATION_REQUIRED,
    "authentication_not_handled": DeclineReason.AUTHENTICATION_REQUIRED,
    "insufficient_funds": DeclineReason.INSUFFICIENT_FUNDS,
    "withdrawal_count_limit_exceeded": DeclineReason.INSUFFICIENT_FUNDS,
    "expired_card": DeclineReason.CARD_EXPIRED,
    "incorrect_number": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_number": DeclineReason.CHECK_CARD_DETAILS,
    "incorrect_cvc": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_cvc": DeclineReason.CHECK_CARD_DETAILS,
    "incorrect_zip": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_expiry_month": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_expiry_year": DeclineReason.CHECK_CARD_DETAILS,
    "processing_error": DeclineReason.TRY_AGAIN,
    "issuer_not_available": DeclineReason.TRY_AGAIN,
    "try_again_later": DeclineReason.TRY_AGAIN,
    "card_velocity_exceeded": DeclineReason.CALL_YOUR_BANK,
    "call_issuer": DeclineReason.CALL_YOUR_BANK,
    "do_not_honor": DeclineReason.CALL_YOUR_BANK,
    "do_not_try_again": DeclineReason.CALL_YOUR_BANK,
    "card_not_supported": DeclineReason.TRY_ANOTHER_CARD,
    "currency_not_supported": DeclineReason.TRY_ANOTHER_CARD,
    "generic_decline": DeclineReason.TRY_ANOTHER_CARD,
    "fraudulent": DeclineReason.TRY_ANOTHER_CARD,
    "lost_card": DeclineReason.TRY_ANOTHER_CARD,
    "stolen_card": DeclineReason.TRY_ANOTHER_CARD,
    "pickup_card": DeclineReason.TRY_ANOTHER_CARD,
    "transaction_not_allowed": DeclineReason.TRY_ANOTHER_CARD,
    "card_declined": DeclineReason.TRY_ANOTHER_CARD,
}

# Sentences, most telling first: "was declined" stands in several of them.
_SENTENCES = (
    (r"requires authentication", DeclineReason.AUTHENTICATION_REQUIRED),
    (r"insufficient funds", DeclineReason.INSUFFICIENT_FUNDS),
    (r"card has expired", DeclineReason.CARD_EXPIRED),
    (
        r"(security code|card number|expiration (month|year)|zip code|postal code)[^.]* (is|was) (incorrect|invalid|not valid)",
        DeclineReason.CHECK_CARD_DETAILS,
    ),
    (r"(zip|postal) code you supplied failed validation", DeclineReason.CHECK_CARD_DETAILS),
    (r"failed (the )?(security code|zip code) check", DeclineReason.CHECK_CARD_DETAILS),
    (r"error occurred while processing your card", DeclineReason.TRY_AGAIN),
    (r"repeated attempts too frequently", DeclineReason.CALL_YOUR_BANK),
    (r"does not support this type of purchase", DeclineReason.TRY_ANOTHER_CARD),
    (r"card was declined", DeclineReason.TRY_ANOTHER_CARD),
)

# These say that a request was or is under way: whatever else is said, the outcome is not known.
_IN_DOUBT = re.compile(
    r"idempoten|in[- ]progress|lock[_ ]timeout|cannot be accessed right now", re.IGNORECASE
)

_PATTERNS = [
    *((re.compile(rf"\b{code}\b"), reason) for code, reason in _CODES.items()),
    *((re.compile(words, re.IGNORECASE), reason) for words, reason in _SENTENCES),
]


def decline(words: Iterable[str]) -> DeclineReason | None:
    """Why the bank said no, if these words say so for certain."""
    said = list(words)
    if any(_IN_DOUBT.search(each) for each in said):
        return None
    return next((reason for pattern, reason in _PATTERNS if any(pattern.search(each) for each in said)), None)
