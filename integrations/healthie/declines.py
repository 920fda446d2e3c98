"""Declines: an allow-list of texts that are certainly a bank's refusal. Any other text leaves the outcome unknown.

The texts are the card processor's, passed on by Healthie as `messages` and `stripeError`: codes, or sentences for people.
"""

import re
from collections.abc import Iterable, Mapping

from booking.refusals import DeclineReason

# The card processor's codes with what a patient can do; None: the code leaves open whether the charge was made.
DeclineCodes = Mapping[str, DeclineReason | None]

_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")

# Sentences, most specific first: several of them contain "was declined".
_SENTENCES = [
    (re.compile(words, re.IGNORECASE), reason)
    for words, reason in (
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
        (r"card was declined|\bcard_declined\b", DeclineReason.TRY_ANOTHER_CARD),
    )
]

# Texts that say that a request was or is under way: the outcome is unknown, whatever the other texts say.
_IN_DOUBT = re.compile(
    r"idempoten|in[- ]progress|time[ds]?[-_ ]?out|cannot be accessed right now", re.IGNORECASE
)


def in_doubt(words: Iterable[str]) -> bool:
    """Whether any of the texts leaves the outcome open, whatever the others say."""
    return any(_IN_DOUBT.search(each) for each in words)


def tokens(words: str) -> set[str]:
    """All words of the text that could be codes of the card processor."""
    return set(_CODE.findall(words))


def decline(words: Iterable[str], codes: DeclineCodes) -> DeclineReason | None:
    """The reason of the bank's refusal; None when the texts are not certainly one."""
    said = list(words)
    if in_doubt(said):
        return None
    found = {token for each in said for token in tokens(each)}
    named = [reason for code, reason in codes.items() if code in found]
    if None in named:
        return None
    if named:
        return named[0]
    return next(
        (reason for pattern, reason in _SENTENCES if any(pattern.search(each) for each in said)), None
    )
