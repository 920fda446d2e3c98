"""Classifies the refusal of a charge: by the bank, by Healthie, by the card processor, or worded so that the outcome is open."""

import re

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.refusals import AmountNotChargeable, CardDeclined
from integrations.healthie.declines import DeclineCodes, decline, in_doubt, tokens
from integrations.healthie.errors import Refused
from integrations.healthie.stripe_errors import message_of

_AMOUNT = "amount_not_chargeable"
_ACCOUNT = "account_cannot_charge"

# Healthie's certain refusals that do not concern the card, with our reason codes. Healthie documents no list of its texts, so each
# pattern is a whole sentence that refuses a known thing; a sentence that merely mentions the thing proves nothing.
_HEALTHIES = {
    re.compile(rf"[^.:;]*\b({words})\b[^.:;]*[.!]?", re.IGNORECASE): code
    for words, code in (
        (r"(add|set up|connect|link) (a|your) bank account before", "no_bank_account"),
        (r"card not found|(must|needs? to|does not|doesn't) have a card on file", "card_missing"),
        (r"reached its purchase cap|sold out", "plan_sold_out"),
        (
            r"(promo code|coupon) (has expired|has reached its usage limit|does not apply|not found)",
            "promo_invalid",
        ),
        (r"(promo code|coupon) (is|was) (expired|invalid|not valid|not found)", "promo_invalid"),
        (r"(promo code|coupon) (could not|cannot|can't) be (applied|used)", "promo_invalid"),
    )
}

# Stripe's error codes for requests that it refuses before it contacts a bank: https://docs.stripe.com/error-codes
_CODES = {
    "amount_too_small": _AMOUNT,
    "amount_too_large": _AMOUNT,
    "invalid_charge_amount": _AMOUNT,
    "account_invalid": _ACCOUNT,
    "country_unsupported": _ACCOUNT,
    "testmode_charges_only": _ACCOUNT,
    "livemode_mismatch": _ACCOUNT,
    "api_key_expired": _ACCOUNT,
    "platform_api_key_expired": _ACCOUNT,
}

# How Stripe's texts for the same refusals begin; the rest is explanation. Its Ruby library, which Healthie uses, may put status
# and request id first.
_BEGINNINGS = {
    re.compile(rf"(\(Status \d+\) ?)?(\(Request \w+\) ?|Request \w+: )?({words})\b", re.IGNORECASE): code
    for words, code in (
        (r"(the )?amount must (be|convert to) at least", _AMOUNT),
        (r"the amount must be greater than or equal to the minimum charge amount", _AMOUNT),
        (r"(the )?amount must be no more than", _AMOUNT),
        (r"invalid currency", _AMOUNT),
        (r"your account cannot currently make (live )?charges", _ACCOUNT),
        (r"the provided key '[^']*' does not have access to account", _ACCOUNT),
    )
}


def charge_error(refused: Refused, declines: DeclineCodes) -> Exception:
    """The error to raise: CardDeclined, AmountNotChargeable or UpstreamRefused for a certain refusal, otherwise OutcomeUnknown."""
    reason = decline(refused.words, declines)
    if reason is not None:
        return CardDeclined(reason)
    certain = certain_refusal(refused)
    if certain is None:
        return OutcomeUnknown("Charge: unfamiliar refusal")
    return AmountNotChargeable() if certain == _AMOUNT else UpstreamRefused("Charge", certain)


def certain_refusal(refused: Refused) -> str | None:
    """Our code for a refusal without a bank's part, if every text is a known certain refusal; otherwise None."""
    known = [_known(each) for each in refused.messages]
    if refused.stripe_error:
        message = message_of(refused.stripe_error)
        known.append(_known(refused.stripe_error) or (_known(message) if message else None))
    return None if in_doubt(refused.words) or not known or None in known else known[0]


def _known(words: str) -> str | None:
    said = words.strip()
    whole = (code for sentence, code in _HEALTHIES.items() if sentence.fullmatch(said))
    begun = (code for beginning, code in _BEGINNINGS.items() if beginning.match(said))
    coded = (code for token, code in _CODES.items() if token in tokens(said))
    return next((code for codes in (whole, begun, coded) for code in codes), None)
