"""The fake Stripe keeps Stripe's rules: tokens, declines, idempotency keys, refunds."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.healthie_emulator.stripe import CardDeclined, FakeStripe, StripeError

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stripe(clock: Clock) -> FakeStripe:
    return FakeStripe(seed=7, now=clock)


class TestTokens:
    @pytest.mark.parametrize(
        ("token", "brand", "last_four"),
        [
            ("tok_visa", "Visa", "4242"),
            ("tok_mastercard", "MasterCard", "4444"),
            ("tok_amex", "American Express", "0005"),
            ("tok_visa_debit", "Visa", "5556"),
        ],
    )
    def test_a_good_card_attaches_and_is_charged(
        self, stripe: FakeStripe, token: str, brand: str, last_four: str
    ) -> None:
        card = stripe.attach(token, customer="1")
        assert (card.fingerprint.brand, card.fingerprint.last_four) == (brand, last_four)
        assert stripe.charge(card.id, amount=14_900, currency="usd").amount == 14_900

    @pytest.mark.parametrize(
        ("token", "code", "decline_code"),
        [
            ("tok_chargeDeclined", "card_declined", "generic_decline"),
            ("tok_visa_chargeDeclined", "card_declined", "generic_decline"),
            ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
            ("tok_chargeDeclinedLostCard", "card_declined", "lost_card"),
            ("tok_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
            ("tok_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
            ("tok_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
            ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
            ("tok_chargeDeclinedProcessingError", "processing_error", "processing_error"),
            ("tok_visa_chargeDeclinedInsufficientFunds_try1", "card_declined", "insufficient_funds"),
        ],
    )
    def test_a_declining_card_is_refused_when_it_is_attached(
        self, stripe: FakeStripe, token: str, code: str, decline_code: str
    ) -> None:
        with pytest.raises(CardDeclined) as refused:
            stripe.attach(token, customer="1")
        assert (refused.value.code, refused.value.decline_code) == (code, decline_code)
        assert stripe.cards == {}

    @pytest.mark.parametrize(
        ("token", "decline_code"),
        [
            ("tok_chargeCustomerFail", "generic_decline"),
            ("tok_threeDSecure2Required", "authentication_required"),
        ],
    )
    def test_some_cards_attach_and_are_declined_when_charged(
        self, stripe: FakeStripe, token: str, decline_code: str
    ) -> None:
        card = stripe.attach(token, customer="1")
        with pytest.raises(CardDeclined) as refused:
            stripe.charge(card.id, amount=5_000, currency="usd")
        assert refused.value.decline_code == decline_code
        assert [charge.decline for charge in stripe.charges.values()] == [decline_code]

    @pytest.mark.parametrize(
        "token", ["", "tok_", "tok_nonsense", "tok_visa_", "tok_visa_a b", "tok_visa\n", "pm_visa"]
    )
    def test_an_unknown_token_does_not_exist(self, stripe: FakeStripe, token: str) -> None:
        with pytest.raises(StripeError, match="No such token"):
            stripe.attach(token, customer="1")

    def test_a_token_with_a_suffix_works_once(self, stripe: FakeStripe) -> None:
        stripe.attach("tok_visa_9f2c", customer="1")
        with pytest.raises(StripeError, match="more than once"):
            stripe.attach("tok_visa_9f2c", customer="1")

    def test_a_declined_token_is_spent(self, stripe: FakeStripe) -> None:
        with pytest.raises(CardDeclined):
            stripe.attach("tok_chargeDeclined_9f2c", customer="1")
        with pytest.raises(StripeError, match="more than once"):
            stripe.attach("tok_chargeDeclined_9f2c", customer="1")

    def test_a_named_token_works_every_time(self, stripe: FakeStripe) -> None:
        assert stripe.attach("tok_visa", customer="1").id != stripe.attach("tok_visa", customer="1").id

    def test_a_named_token_works_once_when_switched_so(self, stripe: FakeStripe) -> None:
        stripe.attach("tok_visa", customer="1", named_tokens_single_use=True)
        with pytest.raises(StripeError, match="more than once"):
            stripe.attach("tok_visa", customer="1", named_tokens_single_use=True)


class TestIdempotencyKeys:
    def test_the_same_key_and_parameters_give_the_same_charge(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_visa", customer="1")
        first = stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        assert stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k") == first
        assert len(stripe.charges) == 1

    def test_the_same_key_repeats_a_decline(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_chargeCustomerFail", customer="1")
        for _ in range(2):
            with pytest.raises(CardDeclined):
                stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        assert len(stripe.charges) == 1

    def test_other_parameters_under_the_same_key_are_an_error(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_visa", customer="1")
        stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        with pytest.raises(StripeError, match="same parameters") as refused:
            stripe.charge(card.id, amount=101, currency="usd", idempotency_key="k")
        assert refused.value.code == "idempotency_error"
        assert len(stripe.charges) == 1

    def test_a_key_is_forgotten_after_24_hours(self, stripe: FakeStripe, clock: Clock) -> None:
        card = stripe.attach("tok_visa", customer="1")
        stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        clock.now = START + timedelta(hours=23, minutes=59)
        stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        assert len(stripe.charges) == 1
        clock.now = START + timedelta(hours=24)
        stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        assert len(stripe.charges) == 2

    @pytest.mark.parametrize("trouble", ["idempotency_key_in_use", "lock_timeout"])
    def test_passing_trouble_is_no_decline_and_is_not_saved(self, stripe: FakeStripe, trouble: str) -> None:
        card = stripe.attach("tok_visa", customer="1")
        stripe.fail_next.append(trouble)
        with pytest.raises(StripeError) as refused:
            stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k")
        assert refused.value.code == trouble
        assert not isinstance(refused.value, CardDeclined)
        assert stripe.charges == {}
        assert stripe.charge(card.id, amount=100, currency="usd", idempotency_key="k").amount == 100


class TestRefunds:
    def test_a_charge_is_given_back_in_parts_and_never_more_than_all(self, stripe: FakeStripe) -> None:
        charge = stripe.charge(stripe.attach("tok_visa", customer="1").id, amount=1_000, currency="usd")
        stripe.refund(charge.id, amount=400)
        with pytest.raises(StripeError, match="greater than unrefunded"):
            stripe.refund(charge.id, amount=601)
        stripe.refund(charge.id, amount=600)
        with pytest.raises(StripeError, match="already been refunded"):
            stripe.refund(charge.id, amount=1)
        assert stripe.charges[charge.id].refunded == 1_000

    @pytest.mark.parametrize(
        ("currency", "amounts"),
        [("usd", r"\(\$10\.01\).*\(\$10\.00\)"), ("jpy", r"\(\$1,001\).*\(\$1,000\)")],
    )
    def test_a_refund_that_is_too_large_is_refused_in_units_of_its_currency(
        self, stripe: FakeStripe, currency: str, amounts: str
    ) -> None:
        charge = stripe.charge(stripe.attach("tok_visa", customer="1").id, amount=1_000, currency=currency)
        with pytest.raises(StripeError, match=amounts):
            stripe.refund(charge.id, amount=1_001)

    def test_a_refund_under_the_same_key_is_one_refund(self, stripe: FakeStripe) -> None:
        charge = stripe.charge(stripe.attach("tok_visa", customer="1").id, amount=1_000, currency="usd")
        first = stripe.refund(charge.id, amount=400, idempotency_key="k")
        assert stripe.refund(charge.id, amount=400, idempotency_key="k") == first
        assert stripe.charges[charge.id].refunded == 400

    def test_a_declined_charge_cannot_be_refunded(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_chargeCustomerFail", customer="1")
        with pytest.raises(CardDeclined):
            stripe.charge(card.id, amount=100, currency="usd")
        (declined,) = stripe.charges
        with pytest.raises(StripeError, match="No such charge"):
            stripe.refund(declined, amount=100)


class TestCharges:
    @pytest.mark.parametrize("amount", [-1, 0, 49])
    def test_less_than_50_cents_is_refused(self, stripe: FakeStripe, amount: int) -> None:
        card = stripe.attach("tok_visa", customer="1")
        with pytest.raises(StripeError, match=r"at least \$0.50"):
            stripe.charge(card.id, amount=amount, currency="usd")

    @pytest.mark.parametrize(
        ("currency", "smallest"), [("eur", 50), ("gbp", 30), ("jpy", 50), ("mxn", 1_000), ("huf", 17_500)]
    )
    def test_each_currency_has_a_minimum_of_its_own(
        self, stripe: FakeStripe, currency: str, smallest: int
    ) -> None:
        card = stripe.attach("tok_visa", customer="1")
        assert stripe.charge(card.id, amount=smallest, currency=currency).amount == smallest
        with pytest.raises(StripeError) as refused:
            stripe.charge(card.id, amount=smallest - 1, currency=currency)
        assert refused.value.code == "amount_too_small"

    def test_more_than_eight_digits_are_refused(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_visa", customer="1")
        assert stripe.charge(card.id, amount=99_999_999, currency="usd").amount == 99_999_999
        with pytest.raises(StripeError, match=r"no more than \$999,999.99") as refused:
            stripe.charge(card.id, amount=100_000_000, currency="usd")
        assert refused.value.code == "amount_too_large"

    def test_a_currency_that_is_none_is_refused(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_visa", customer="1")
        with pytest.raises(StripeError, match="Invalid currency: xyz"):
            stripe.charge(card.id, amount=100, currency="xyz")

    def test_a_detached_card_is_not_charged(self, stripe: FakeStripe) -> None:
        card = stripe.attach("tok_visa", customer="1")
        stripe.detach(card.id)
        with pytest.raises(StripeError, match="No such source"):
            stripe.charge(card.id, amount=100, currency="usd")

    def test_the_same_seed_and_requests_give_the_same_ids(self, clock: Clock) -> None:
        def one() -> list[str]:
            stripe = FakeStripe(seed=3, now=clock)
            card = stripe.attach("tok_visa", customer="1")
            return [card.id, stripe.charge(card.id, amount=100, currency="usd").id]

        assert one() == one()
        assert FakeStripe(seed=4, now=clock).attach("tok_visa", customer="1").id != one()[0]
