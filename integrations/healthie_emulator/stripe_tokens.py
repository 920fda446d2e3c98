"""The test tokens that Stripe documents (https://docs.stripe.com/testing), and what each card does.

A card may refuse when it is attached or when it is charged. `<documented name>_<suffix>` (suffix of letters,
digits, `-` and `_`) is the same card behind a token that works once; the longest documented name wins, so
`tok_visa_chargeDeclined_a1` is declined and `tok_visa_a1` is not.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decline:
    """A bank's refusal: Stripe's error code, its decline code, and the text that a patient is shown."""

    code: str
    decline_code: str
    message: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestCard:
    """What stands behind a token."""

    __test__ = False  # the name begins with Test, yet pytest has nothing to collect here

    brand: str
    last_four: str
    refused_at_attach: Decline | None = None
    refused_at_charge: Decline | None = None
    disputed: bool = False  # charges succeed and are disputed at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundToken:
    """A card and whether its token may be used only once."""

    card: TestCard
    works_once: bool


def _declined(decline_code: str, message: str, code: str = "card_declined") -> Decline:
    return Decline(code=code, decline_code=decline_code, message=message)


GENERIC = _declined("generic_decline", "Your card was declined.")
INSUFFICIENT_FUNDS = _declined("insufficient_funds", "Your card has insufficient funds.")
LOST = _declined("lost_card", "Your card was declined.")
STOLEN = _declined("stolen_card", "Your card was declined.")
FRAUDULENT = _declined("fraudulent", "Your card was declined.")
VELOCITY = _declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
EXPIRED = _declined("expired_card", "Your card has expired.", code="expired_card")
WRONG_CVC = _declined("incorrect_cvc", "Your card's security code is incorrect.", code="incorrect_cvc")
PROCESSING = _declined(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    code="processing_error",
)
AUTHENTICATION = _declined(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    code="authentication_required",
)


def _visa(last_four: str, *, attach: Decline | None = None, charge: Decline | None = None) -> TestCard:
    return TestCard(brand="Visa", last_four=last_four, refused_at_attach=attach, refused_at_charge=charge)


DOCUMENTED_TOKENS = {
    "tok_visa": _visa("4242"),
    "tok_visa_debit": _visa("5556"),
    "tok_us": _visa("4242"),
    "tok_mastercard": TestCard(brand="MasterCard", last_four="4444"),
    "tok_mastercard_debit": TestCard(brand="MasterCard", last_four="3222"),
    "tok_mastercard_prepaid": TestCard(brand="MasterCard", last_four="5100"),
    "tok_amex": TestCard(brand="American Express", last_four="0005"),
    "tok_discover": TestCard(brand="Discover", last_four="1117"),
    "tok_diners": TestCard(brand="Diners Club", last_four="0004"),
    "tok_jcb": TestCard(brand="JCB", last_four="0505"),
    "tok_unionpay": TestCard(brand="UnionPay", last_four="0005"),
    "tok_chargeDeclined": _visa("0002", attach=GENERIC),
    "tok_chargeDeclinedInsufficientFunds": _visa("9995", attach=INSUFFICIENT_FUNDS),
    "tok_chargeDeclinedLostCard": _visa("9987", attach=LOST),
    "tok_chargeDeclinedStolenCard": _visa("9979", attach=STOLEN),
    "tok_chargeDeclinedExpiredCard": _visa("0069", attach=EXPIRED),
    "tok_chargeDeclinedIncorrectCvc": _visa("0127", attach=WRONG_CVC),
    "tok_chargeDeclinedProcessingError": _visa("0119", attach=PROCESSING),
    "tok_chargeDeclinedFraudulent": _visa("0019", attach=FRAUDULENT),
    "tok_chargeDeclinedVelocityLimitExceeded": _visa("6975", attach=VELOCITY),
    "tok_chargeCustomerFail": _visa("0341", charge=GENERIC),
    "tok_threeDSecure2Required": _visa("3220", charge=AUTHENTICATION),
    "tok_threeDSecureRequired": _visa("3063", charge=AUTHENTICATION),
    "tok_authenticationRequired": _visa("3184", charge=AUTHENTICATION),
    "tok_createDispute": TestCard(brand="Visa", last_four="0259", disputed=True),
}

# Stripe documents the declining cards under both spellings.
DOCUMENTED_TOKENS |= {
    name.replace("tok_", "tok_visa_"): card
    for name, card in DOCUMENTED_TOKENS.items()
    if name.startswith("tok_charge")
}

_LONGEST_FIRST = sorted(DOCUMENTED_TOKENS, key=len, reverse=True)
_SUFFIXED = re.compile(rf"({'|'.join(_LONGEST_FIRST)})_[A-Za-z0-9_-]+", re.ASCII)


def card_behind(token: str) -> FoundToken | None:
    """Find the card that a token stands for; None if Stripe would not know the token."""
    if token in DOCUMENTED_TOKENS:
        return FoundToken(card=DOCUMENTED_TOKENS[token], works_once=False)
    match = _SUFFIXED.fullmatch(token)
    return None if match is None else FoundToken(card=DOCUMENTED_TOKENS[match[1]], works_once=True)
