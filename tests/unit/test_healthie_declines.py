import pytest

from booking.refusals import CardDeclined, DeclineReason
from integrations.healthie.declines import decline


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["Your card was declined."], DeclineReason.TRY_ANOTHER_CARD),
        (["Your card has insufficient funds."], DeclineReason.INSUFFICIENT_FUNDS),
        (["Your card has expired."], DeclineReason.CARD_EXPIRED),
        (["Your card's security code is incorrect."], DeclineReason.CHECK_CARD_DETAILS),
        (["The card number is incorrect."], DeclineReason.CHECK_CARD_DETAILS),
        (
            ["An error occurred while processing your card. Try again in a little bit."],
            DeclineReason.TRY_AGAIN,
        ),
        (
            ["Your card was declined. This transaction requires authentication."],
            DeclineReason.AUTHENTICATION_REQUIRED,
        ),
        (["Your card was declined.", "insufficient_funds"], DeclineReason.INSUFFICIENT_FUNDS),
        (["card_declined: generic_decline"], DeclineReason.TRY_ANOTHER_CARD),
        (
            [
                "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
            ],
            DeclineReason.CALL_YOUR_BANK,
        ),
    ],
)
def test_a_known_decline_says_what_the_patient_can_do(words: list[str], reason: DeclineReason) -> None:
    assert decline(words) is reason


@pytest.mark.parametrize(
    "words",
    [
        ["Something went wrong"],
        [],
        ["Keys for idempotent requests can only be used with the same parameters they were first used with."],
        ["There is currently another in-progress request using this Idempotent Key"],
        ["This object cannot be accessed right now because another API request is currently accessing it."],
        ["lock_timeout", "Your card was declined."],
    ],
)
def test_whatever_is_unfamiliar_or_in_doubt_is_no_decline(words: list[str]) -> None:
    assert decline(words) is None


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent"])
def test_nobody_is_told_that_a_card_is_lost_or_stolen(code: str) -> None:
    reason = decline([f"Your card was declined ({code})."])

    assert reason is DeclineReason.TRY_ANOTHER_CARD
    assert not {"lost", "stolen", "fraud"} & set(CardDeclined(reason).message.lower().split())
