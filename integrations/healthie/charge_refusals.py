"""A charge that was refused: by the bank, by Healthie, or in words that leave it open whether the card was charged."""

import re

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.refusals import CardDeclined
from integrations.healthie.declines import DeclineCodes, decline, in_doubt
from integrations.healthie.errors import Refused

# Healthie's certain refusals that are not about the card, with the reason we give them. Its words are nowhere listed, so each
# is a single sentence that says no of a thing which we know; a sentence that only names the thing says nothing certain.
_REFUSALS = {
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


def no_to_charge(refused: Refused, declines: DeclineCodes) -> Exception:
    """What to raise: CardDeclined or UpstreamRefused where the refusal is certain, OutcomeUnknown where it is not."""
    reason = decline(refused.words, declines)
    if reason is not None:
        return CardDeclined(reason)
    known = [_known(each) for each in refused.words]
    certain = None if in_doubt(refused.words) or None in known else known[0]
    return UpstreamRefused("Charge", certain) if certain else OutcomeUnknown("Charge: unfamiliar refusal")


def _known(words: str) -> str | None:
    return next((code for sentence, code in _REFUSALS.items() if sentence.fullmatch(words.strip())), None)
