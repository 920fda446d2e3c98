import pytest

from booking.refusals import CardDeclined, DeclineReason
from integrations.healthie.declines import decline
from integrations.stripe.declines import DECLINES


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
        (["generic_decline, insufficient_funds"], DeclineReason.INSUFFICIENT_FUNDS),
        (["card_declined"], DeclineReason.TRY_ANOTHER_CARD),
        (
            [
                "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
            ],
            DeclineReason.CALL_YOUR_BANK,
        ),
    ],
)
def test_a_known_decline_says_what_the_patient_can_do(words: list[str], reason: DeclineReason) -> None:
    assert decline(words, DECLINES) is reason


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
    assert decline(words, DECLINES) is None


@pytest.mark.parametrize("beside", ["card_declined", "generic_decline", "payment_limit_exceeded"])
def test_a_code_that_tells_of_another_payment_leaves_the_outcome_unknown(beside: str) -> None:
    assert decline(["Your card was declined.", f"{beside}: duplicate_transaction"], DECLINES) is None


@pytest.mark.parametrize("code", [code for code, reason in DECLINES.items() if reason])
def test_every_code_of_the_table_is_a_certain_no_alone_and_in_a_sentence(code: str) -> None:
    assert decline([code], DECLINES) is DECLINES[code]
    assert decline([f"Your card was declined ({code})."], DECLINES) is DECLINES[code]


def test_a_longer_word_that_contains_a_code_is_not_the_code() -> None:
    assert decline(["not_a_lost_card_at_all"], DECLINES) is None


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "pickup_card"])
def test_nobody_is_told_that_a_card_is_lost_or_stolen(code: str) -> None:
    reason = decline([f"Your card was declined ({code})."], DECLINES)

    assert reason is DeclineReason.TRY_ANOTHER_CARD
    assert not {"lost", "stolen", "fraud"} & set(CardDeclined(reason).message.lower().split())
