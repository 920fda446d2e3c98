"""Money through Healthie: what is sent, what counts as proof, and what is left unknown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from booking.catalog.model import BillingFrequency
from booking.checkout.model import Attempt
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Charge, Recurrence
from booking.ports import Billing
from booking.refusals import AmountNotChargeable, CardDeclined, ClinicianNotBookable, DeclineReason
from tests.doubles.healthie_mutations import CHARGE
from tests.doubles.healthie_script import (
    KEYS,
    NOON,
    ORGANIZATION_KEY,
    Script,
    a_checkout,
    a_payment,
    a_slot,
    charged,
    connection,
    errors,
    usd,
)

ATTEMPT = Attempt(number=1, card_id="301", intended_at=NOON - timedelta(days=3))
NO_MESSAGES = {"messages": None}
MONTHLY = {"id": "701", "is_canceled": False, "billing_frequency": "Monthly"}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def billing(script: Script) -> Any:
    async with script.connected() as healthie:
        yield healthie.billing


class TestCharge:
    async def test_the_gross_amount_the_coupon_the_card_and_the_key_are_sent_as_the_clinician(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers["Charge"] = charged(a_payment())

        charge = await billing.charge(a_checkout())

        (sent,) = script.of("Charge")
        assert sent.key == KEYS["11"]
        assert sent.variables == {
            "sender_id": "501",
            "recipient_id": "11",
            "amount_paid": "120.00",
            "offering_id": "40",
            "offering_coupon_id": "90",
            "requested_payment_id": None,
            "stripe_customer_detail_id": "301",
            "stripe_idempotency_key": "checkout-a-1",
            "note": "Booked online. Reference: checkout-a-1",
        }
        assert (charge.billing_item_id, charge.charge_id, charge.net) == ("801", "ch_sample", usd("100"))
        assert (charge.card_id, charge.package_id, charge.recurring_payment_id) == ("301", "601", None)

    async def test_a_recipient_of_the_practice_takes_the_clinicians_place(self, script: Script) -> None:
        script.answers["Charge"] = charged(a_payment())
        async with script.connected(recipient_id="10") as healthie:
            await healthie.billing.charge(a_checkout())

        assert script.of("Charge")[0].variables["recipient_id"] == "10"

    async def test_a_clinician_without_a_proved_key_charges_nothing(
        self, billing: Billing, script: Script
    ) -> None:
        with pytest.raises(ClinicianNotBookable):
            await billing.charge(a_checkout(slot=a_slot(clinician_id="99")))
        assert script.of("Charge") == []

    @pytest.mark.parametrize(
        "difference",
        [
            {"state": "SCHEDULED"},
            {"state": None},
            {"state": "NOVEL"},
            {"stripe_charge_id": None},
            {"is_outside_payment": True},
            {"sender_id": "502"},
            {"net_payment": "120.00", "note": None},
            {"net_payment": "120.00", "note": "Booked online. Reference: checkout-b-1"},
            {"net_payment": None},
            {"net_payment": "much"},
            {"currency": "CAD"},
            {"card_last4": "0002", "note": None},
            {"card_last4": None},
            {"sender": None},
            {"recurring_payment": MONTHLY, "note": None},
            {"offering_id": "41", "note": None},
        ],
        ids=str,
    )
    async def test_a_payment_that_differs_from_what_was_accepted_is_no_proof(
        self, billing: Billing, script: Script, difference: dict[str, object]
    ) -> None:
        script.answers["Charge"] = charged(a_payment(**difference))

        with pytest.raises(OutcomeUnknown):
            await billing.charge(a_checkout())

    async def test_a_recurring_payment_that_the_quote_stated_is_part_of_the_charge(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers["Charge"] = charged(
            a_payment(recurring_payment={"id": "701", "is_canceled": False, "billing_frequency": "Monthly"})
        )
        stated = Recurrence(frequency=BillingFrequency.MONTHLY, amount=usd("120"), payments=None)
        checkout = a_checkout()
        quote = type(checkout.quote)(**{**vars(checkout.quote), "recurrence": stated})

        assert (await billing.charge(a_checkout(quote=quote))).recurring_payment_id == "701"

    @pytest.mark.parametrize(
        ("part", "difference"),
        [
            ("amount", {"net_payment": "120.00"}),
            ("card", {"card_last4": "0002"}),
            ("plan", {"offering_id": "41"}),
            ("plan", {"offering_id": None}),
            ("recurrence", {"recurring_payment": MONTHLY}),
        ],
        ids=str,
    )
    async def test_our_own_charge_on_other_terms_is_one_with_what_was_really_taken(
        self, billing: Billing, script: Script, part: str, difference: Any
    ) -> None:
        script.answers["Charge"] = charged(a_payment(**difference))
        script.answers["PaymentsSince"] = found(a_payment(**difference))

        charge = await billing.charge(a_checkout())

        assert charge.differs == (part,)
        assert charge.net == usd("120" if part == "amount" else "100")
        assert charge.card_id == (None if part == "card" else "301")
        assert charge.recurring_payment_id == ("701" if part == "recurrence" else None)
        assert await look(billing) == charge

    @pytest.mark.parametrize(
        ("word", "differs"),
        [("Monthly", ()), ("Weekly", ("recurrence",)), ("Every blue moon", ()), (None, ())],
    )
    async def test_a_series_bills_as_often_as_was_accepted(
        self, billing: Billing, script: Script, word: str | None, differs: tuple[str, ...]
    ) -> None:
        script.answers["Charge"] = charged(
            a_payment(recurring_payment={**MONTHLY, "billing_frequency": word})
        )
        stated = Recurrence(frequency=BillingFrequency.MONTHLY, amount=usd("120"), payments=None)

        charge = await billing.charge(a_checkout(quote=replace(a_checkout().quote, recurrence=stated)))

        assert (charge.recurring_payment_id, charge.differs) == ("701", differs)

    async def test_a_charge_on_other_terms_is_no_silent_no_op(self, script: Script) -> None:
        """It is told as what it is, and not as an outcome that nobody knows."""
        script.answers["Charge"] = charged(a_payment(net_payment="120.00"))
        noticed: list[object] = []

        async def notice(difference: object) -> None:
            noticed.append(difference)

        async with script.connected(noticed=notice) as healthie:
            await healthie.billing.charge(a_checkout())
        assert noticed == []

    async def test_a_payment_without_a_currency_is_in_the_quotes(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers["Charge"] = charged(a_payment(currency=None))

        assert (await billing.charge(a_checkout())).net == usd("100")

    @pytest.mark.parametrize(
        "answer",
        [
            charged(None, "Your card has insufficient funds."),
            charged(None, stripe_error="Your card has insufficient funds."),
            charged(
                None,
                "Your card has insufficient funds.",
                stripe_error='{"type": "card_error", "decline_code": "insufficient_funds", "message": "Sample"}',
            ),
            charged(a_payment(state="FAILED", stripe_charge_id=None), "Your card has insufficient funds."),
        ],
    )
    async def test_a_known_decline_is_one(self, billing: Billing, script: Script, answer: Any) -> None:
        script.answers["Charge"] = answer

        with pytest.raises(CardDeclined) as caught:
            await billing.charge(a_checkout())
        assert caught.value.reason is DeclineReason.INSUFFICIENT_FUNDS

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ("You must add a bank account before charging clients.", "no_bank_account"),
            ("Please set up your bank account before charging clients.", "no_bank_account"),
            ("Card not found", "card_missing"),
            ("The client must have a card on file.", "card_missing"),
            ("This package has reached its purchase cap", "plan_sold_out"),
            ("This promo code has expired.", "promo_invalid"),
            ("This promo code is not valid.", "promo_invalid"),
            ("This promo code has reached its usage limit.", "promo_invalid"),
            ("This promo code does not apply to this package.", "promo_invalid"),
            ("Coupon could not be applied", "promo_invalid"),
        ],
    )
    async def test_what_healthie_refuses_for_certain_has_a_reason(
        self, billing: Billing, script: Script, message: str, reason: str
    ) -> None:
        script.answers["Charge"] = charged(None, message)

        with pytest.raises(UpstreamRefused) as caught:
            await billing.charge(a_checkout())
        assert caught.value.reason == reason

    @pytest.mark.parametrize(
        "words",
        [
            ("Amount must be at least $0.50 usd", "Amount must be at least $0.50 usd"),
            ("Amount must be at least 50 cents",),
            ("Amount must convert to at least 30 pence. $0.20 converts to approximately £0.15.",),
            (
                "The amount must be greater than or equal to the minimum charge amount allowed for your account",
            ),
            ("Amount must be no more than $999,999.99",),
            ("Invalid currency: xyz. Stripe currently supports these currencies: usd, aed",),
            ("(Status 400) (Request req_sample) Amount must be at least $0.50 usd",),
            ("Request req_sample: Amount must be at least 50 cents",),
            ("amount_too_small",),
            ("Amount must be no more than $999,999.99", '{"code": "amount_too_large", "param": "amount"}'),
            (
                "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed",
                '{"error": {"code": "parameter_unknown_so_far", "message": "Invalid currency: xyz."}}',
            ),
        ],
    )
    async def test_an_amount_that_the_card_processor_refuses_is_refused_for_certain(
        self, billing: Billing, script: Script, words: tuple[str, ...]
    ) -> None:
        script.answers["Charge"] = charged(None, words[0], stripe_error=words[-1])

        with pytest.raises(AmountNotChargeable):
            await billing.charge(a_checkout())

    @pytest.mark.parametrize(
        "words",
        [
            (
                "Your account cannot currently make live charges. If you are a site owner, please activate your account at "
                "https://dashboard.stripe.com/account/onboarding to remove this limitation. Your transaction has not been processed."
            ),
            "Your account cannot currently make charges. To find out why, look at the requirements.disabled_reason hash.",
            "The provided key 'sk_live_***' does not have access to account 'acct_sample'.",
            "account_invalid",
            "testmode_charges_only",
            "country_unsupported",
        ],
    )
    async def test_an_account_that_cannot_charge_is_certain(
        self, billing: Billing, script: Script, words: str
    ) -> None:
        script.answers["Charge"] = charged(None, words, stripe_error=words)

        with pytest.raises(UpstreamRefused) as caught:
            await billing.charge(a_checkout())
        assert caught.value.reason == "account_cannot_charge"

    @pytest.mark.parametrize(
        "answer",
        [
            charged(None, "Amount must be at least $0.50 usd", stripe_error="lock_timeout"),
            charged(None, "Amount must be at least $0.50 usd", "Something unfamiliar"),
            charged(None, "We think that the amount must be at least $0.50 usd"),
            charged(None, "Coupon could not be applied", stripe_error="idempotency_key_in_use"),
            charged(None, "Coupon could not be applied: idempotency_key_in_use"),
            charged(None, "Coupon could not be applied", stripe_error='{"message": "Something unfamiliar"}'),
            charged(
                None,
                "Amount must be at least $0.50 usd",
                stripe_error='{"message": "Amount must be at least 50 cents", "type": "idempotency_error"}',
            ),
            charged(None, "Coupon could not be applied", stripe_error="[1]"),
            charged(None, "This promo code was saved.", "The processor timed out."),
            charged(None, "This promo code has expired.", "Something unfamiliar"),
            charged(None, "This promo code has expired. The payment goes on."),
            charged(None, "This promo code was saved."),
            charged(None, "Your bank account was charged."),
            charged(None, "Your card was declined.", "The processor timed out."),
        ],
    )
    async def test_a_familiar_word_beside_doubt_or_beside_the_unfamiliar_is_no_certain_refusal(
        self, billing: Billing, script: Script, answer: Any
    ) -> None:
        script.answers["Charge"] = answer

        with pytest.raises(OutcomeUnknown):
            await billing.charge(a_checkout())

    @pytest.mark.parametrize(
        "answer",
        [
            charged(None, "Something unfamiliar about Sample Patient"),
            charged(
                None, stripe_error="There is currently another in-progress request using this Idempotent Key"
            ),
            charged(a_payment(), "Your card was declined."),
            charged(None),
            {"createBillingItem": None},
            httpx2.Response(502),
            httpx2.ReadTimeout("sample"),
        ],
        ids=["unfamiliar", "key in use", "declined yet charged", "nothing", "null", "5xx", "timeout"],
    )
    async def test_anything_else_is_unknown_and_tells_nothing_of_the_patient(
        self, billing: Billing, script: Script, answer: Any
    ) -> None:
        script.answers["Charge"] = answer

        with pytest.raises(OutcomeUnknown) as caught:
            await billing.charge(a_checkout())
        assert "Sample" not in str(caught.value)
        assert len(script.of("Charge")) == 1


def found(*payments: Any, by_user: Sequence[Any] = ()) -> dict[str, Any]:
    return {"by_client": connection(list(payments)), "by_user": connection(list(by_user))}


SINCE = NOON - timedelta(days=1)


async def look(billing: Billing) -> Charge:
    charge = await billing.find_charge(a_checkout(), since=SINCE)
    assert charge is not None
    return charge


class TestFindCharge:
    async def test_the_reference_in_the_note_names_the_charge(self, billing: Billing, script: Script) -> None:
        script.answers["PaymentsSince"] = found(a_payment(id="800", note="something else"), a_payment())

        charge = await look(billing)

        assert charge.billing_item_id == "801"
        assert script.of("PaymentsSince")[0].variables["created_at_start"] < SINCE.isoformat()

    async def test_either_kind_of_filter_finds_it(self, billing: Billing, script: Script) -> None:
        script.answers["PaymentsSince"] = found(by_user=[a_payment()])

        assert (await look(billing)).billing_item_id == "801"

    async def test_without_its_note_amount_card_and_plan_name_it(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers["PaymentsSince"] = found(a_payment(note=None))

        assert (await look(billing)).billing_item_id == "801"

    @pytest.mark.parametrize(
        "difference",
        [
            {"note": "Booked online. Reference: checkout-b-1"},
            {"note": "Booked online. Reference: checkout-a-11"},
            {"note": None, "net_payment": "99.00"},
            {"note": None, "card_last4": "0002"},
            {"note": None, "offering_id": "41"},
            {"note": None, "is_outside_payment": True},
            {"sender_id": "502"},
            {"state": "FAILED"},
            {"deleted_at": "2026-11-21 12:00:00 -0500", "stripe_charge_id": None},
        ],
        ids=str,
    )
    async def test_what_is_not_this_attempts_charge_is_not_found(
        self, billing: Billing, script: Script, difference: dict[str, object]
    ) -> None:
        script.answers["PaymentsSince"] = found(a_payment(**difference))

        assert await billing.find_charge(a_checkout(), since=SINCE) is None

    async def test_a_charge_whose_record_staff_deleted_is_still_a_charge(
        self, billing: Billing, script: Script
    ) -> None:
        """Deleting a billing item gives no money back."""
        script.answers["PaymentsSince"] = found(a_payment(deleted_at="2026-11-21 12:00:00 -0500"))

        assert (await look(billing)).charge_id == "ch_sample"

    async def test_two_rows_for_one_charge_are_one_charge(self, billing: Billing, script: Script) -> None:
        script.answers["PaymentsSince"] = found(a_payment(), a_payment(id="802"))

        assert (await look(billing)).charge_id == "ch_sample"

    @pytest.mark.parametrize(
        "payments",
        [
            [a_payment(), a_payment(id="802", stripe_charge_id="ch_other")],
            [a_payment(state="SCHEDULED")],
            [a_payment(net_payment="120.00", currency="CAD")],
        ],
        ids=["two charges", "scheduled", "another currency"],
    )
    async def test_what_is_not_certain_is_neither_found_nor_missing(
        self, billing: Billing, script: Script, payments: Any
    ) -> None:
        script.answers["PaymentsSince"] = found(*payments)

        with pytest.raises(OutcomeUnknown):
            await billing.find_charge(a_checkout(), since=SINCE)

    async def test_a_charge_that_was_refunded_since_is_still_found(
        self, billing: Billing, script: Script
    ) -> None:
        for paid in ("100.00", "120.00"):  # with the coupon's discount, or without it
            answer = a_payment(amount_paid=paid, net_payment="0.00", refund_amount="100.00")
            script.answers["PaymentsSince"] = found(answer)

            charge = await look(billing)
            assert (charge.net, charge.differs) == (usd("100"), ())


class TestLateCharges:
    """What was given back stands no more, though nobody says whether `amount_paid` is before or after a coupon's discount."""

    @pytest.mark.parametrize(
        "said",
        [
            {"amount_paid": "100.00", "net_payment": "0.00"},
            {"amount_paid": "100.00", "net_payment": "100.00"},
            {"amount_paid": "120.00", "net_payment": "0.00"},
            {"amount_paid": "120.00", "net_payment": "100.00"},
        ],
        ids=str,
    )
    async def test_a_refunded_charge_that_is_on_the_row_is_none(
        self, billing: Billing, script: Script, said: dict[str, str]
    ) -> None:
        script.answers["PaymentsSince"] = found(a_payment(refund_amount="100.00", **said))
        row = a_checkout(attempts=(ATTEMPT,), charge=CHARGE)
        late = await billing.late_charges(row, known=frozenset())
        assert (late.certain, late.uncertain, late.series) == ((), (), ())

    async def test_one_that_is_not_on_the_row_is_none_when_nothing_of_it_is_left(
        self, billing: Billing, script: Script
    ) -> None:
        said = {"amount_paid": "120.00", "net_payment": "0.00"}
        script.answers["PaymentsSince"] = found(a_payment(refund_amount="100.00", **said))
        late = await billing.late_charges(a_checkout(attempts=(ATTEMPT,)), known=frozenset())
        assert late.certain == ()

    @pytest.mark.parametrize("left", ["41.55", "141.55", None, ""])
    async def test_of_one_on_other_terms_the_rest_stands(
        self, billing: Billing, script: Script, left: str | None
    ) -> None:
        said = {"amount_paid": "141.55", "net_payment": left}
        script.answers["PaymentsSince"] = found(a_payment(refund_amount="100.00", **said))
        late = await billing.late_charges(a_checkout(attempts=(ATTEMPT,)), known=frozenset())
        assert [charge.net for _, charge in late.certain] == [usd("141.55")]


def payment(**changes: object) -> Any:
    return {"billingItem": a_payment(**changes)}


REFUNDED = payment(net_payment="0.00", refund_amount="100.00")
HALF = payment(net_payment="60.00", refund_amount="40.00")


class TestRefund:
    async def test_what_is_left_is_refunded_and_read_back(self, billing: Billing, script: Script) -> None:
        script.answers |= {"PaymentById": [HALF, REFUNDED], "Refund": {"updateBillingItem": NO_MESSAGES}}

        assert await billing.refund(a_checkout(charge=CHARGE)) == usd("100")
        assert script.of("Refund")[0].variables == {
            "id": "801",
            "chosen_refund_amount": "60.00",
            "stripe_idempotency_key": "checkout-a-1-refund-801-40.00",
        }

    async def test_a_finished_refund_is_not_sent_again(self, billing: Billing, script: Script) -> None:
        script.answers["PaymentById"] = REFUNDED

        assert await billing.refund(a_checkout(charge=CHARGE)) == usd("100")
        assert script.of("Refund") == []

    async def test_a_success_that_did_nothing_is_not_believed(self, billing: Billing, script: Script) -> None:
        script.answers |= {"PaymentById": payment(), "Refund": {"updateBillingItem": NO_MESSAGES}}

        with pytest.raises(OutcomeUnknown):
            await billing.refund(a_checkout(charge=CHARGE))

    async def test_a_refusal_that_left_everything_as_it_was_is_certain(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers |= {
            "PaymentById": payment(),
            "Refund": {"updateBillingItem": {"messages": [{"field": None, "message": "no"}]}},
        }

        with pytest.raises(UpstreamRefused):
            await billing.refund(a_checkout(charge=CHARGE))

    async def test_a_refund_that_cannot_be_read_back_is_unknown_even_when_rate_limited(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers |= {
            "PaymentById": [payment(), errors("TOO_MANY_REQUESTS")],
            "Refund": {"updateBillingItem": NO_MESSAGES},
        }

        with pytest.raises(OutcomeUnknown):
            await billing.refund(a_checkout(charge=CHARGE))

    async def test_money_goes_back_even_when_the_clinicians_key_is_gone(
        self, billing: Billing, script: Script
    ) -> None:
        script.answers |= {
            "WhoAmI": {"currentUser": None},
            "PaymentById": [payment(), REFUNDED],
            "Refund": {"updateBillingItem": NO_MESSAGES},
        }

        await billing.refund(a_checkout(charge=CHARGE))
        assert script.of("Refund")[0].key == ORGANIZATION_KEY


class TestCancelRecurring:
    RUNNING = payment(recurring_payment={"id": "701", "is_canceled": False, "billing_frequency": "Monthly"})
    STOPPED = payment(recurring_payment={"id": "701", "is_canceled": True, "billing_frequency": "Monthly"})

    async def test_a_running_one_is_cancelled_and_read_back(self, billing: Billing, script: Script) -> None:
        script.answers |= {
            "PaymentById": [self.RUNNING, self.STOPPED],
            "CancelRecurring": {"cancelRecurringPayment": NO_MESSAGES},
        }

        await billing.cancel_recurring(a_checkout(charge=CHARGE))
        assert script.of("CancelRecurring")[0].variables == {"billing_item_id": "801"}

    @pytest.mark.parametrize("state", [STOPPED, payment()], ids=["stopped", "none"])
    async def test_nothing_is_sent_when_nothing_runs(
        self, billing: Billing, script: Script, state: Any
    ) -> None:
        script.answers["PaymentById"] = state

        await billing.cancel_recurring(a_checkout(charge=CHARGE))
        assert script.of("CancelRecurring") == []

    async def test_a_success_that_did_nothing_is_not_believed(self, billing: Billing, script: Script) -> None:
        script.answers |= {
            "PaymentById": self.RUNNING,
            "CancelRecurring": {"cancelRecurringPayment": NO_MESSAGES},
        }

        with pytest.raises(OutcomeUnknown):
            await billing.cancel_recurring(a_checkout(charge=CHARGE))
