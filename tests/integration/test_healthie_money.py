"""Cards, charges, refunds and bookings against the emulator, in fair weather and foul."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import Recurrence
from booking.money import Money
from booking.refusals import AmountNotChargeable, CardDeclined, ClinicianNotBookable, DeclineReason, SlotTaken
from tests.integration.healthie_on_emulator import Practice, a_quote, practice

# What the network and Healthie's edge may do to a request that is never executed, and to the answer of one that is.
NOT_EXECUTED = ("lost_request", "http_5xx", "not_json")
EXECUTED = ("lost_answer", "truncated")


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


async def discounted(here: Practice) -> Checkout:
    """A checkout of the monthly plan with a code: 149.00 less 20 %."""
    plan = await here.plan("Monthly Care")
    promo = await here.healthie.promotions.apply(code="WELCOME20", plan=plan)
    checkout = await here.checkout("Monthly Care")
    quote = a_quote(
        plan,
        checkout.visit_slot,
        discount=plan.due_today - promo.discounted,
        due_today=promo.discounted,
        promo_code=promo.code,
        coupon_id=promo.coupon_id,
        recurrence=Recurrence(frequency=plan.frequency, amount=plan.price, payments=None),
    )
    return replace(checkout, quote=quote)


class TestCards:
    async def test_a_token_becomes_a_card_on_file(self, here: Practice) -> None:
        before = await here.healthie.cards.on_file(here.patient(2))
        card = await here.healthie.cards.attach(
            patient_id=here.patient(2),
            token="tok_mastercard",
            make_default=True,
            clinician_id=here.clinician(1),
        )

        assert (card.brand, card.last4) == ("MasterCard", "4444")
        assert [*before, card] == list(await here.healthie.cards.on_file(here.patient(2)))

    @pytest.mark.parametrize(
        ("token", "reason"),
        [
            ("tok_chargeDeclined", DeclineReason.TRY_ANOTHER_CARD),
            ("tok_chargeDeclinedInsufficientFunds", DeclineReason.INSUFFICIENT_FUNDS),
            ("tok_chargeDeclinedExpiredCard", DeclineReason.CARD_EXPIRED),
            ("tok_chargeDeclinedIncorrectCvc", DeclineReason.CHECK_CARD_DETAILS),
            ("tok_chargeDeclinedLostCard", DeclineReason.TRY_ANOTHER_CARD),
            ("tok_chargeDeclinedStolenCard", DeclineReason.TRY_ANOTHER_CARD),
        ],
    )
    async def test_a_card_refused_when_attached_is_declined(
        self, here: Practice, token: str, reason: DeclineReason
    ) -> None:
        with pytest.raises(CardDeclined) as caught:
            await here.checkout(token=token)
        assert caught.value.reason is reason

    async def test_a_token_works_once_and_the_second_time_a_new_one_is_asked_for(
        self, here: Practice
    ) -> None:
        await here.checkout(token="tok_visa_sample1")

        with pytest.raises(CardDeclined) as caught:
            await here.checkout(token="tok_visa_sample1")
        assert caught.value.reason is DeclineReason.TRY_AGAIN

    @pytest.mark.parametrize("kind", [*NOT_EXECUTED, *EXECUTED])
    async def test_trouble_leaves_it_unknown(self, here: Practice, kind: str) -> None:
        here.fault(kind, "createStripeCustomerDetail")

        with pytest.raises(OutcomeUnknown):
            await here.checkout()


def sell(here: Practice, price: int, currency: str) -> None:
    """The plan of these tests costs so many minor units of this currency."""
    plan = next(each for each in here.world.offerings if each.name == "Starter Plan")
    here.world.offerings.change(plan.id, price=price, currency=currency)


class TestCharge:
    async def test_the_net_of_the_quote_is_charged_once_and_proved(self, here: Practice) -> None:
        checkout = await discounted(here)

        charge = await here.healthie.billing.charge(checkout)

        (charged,) = here.world.stripe.charges.values()
        assert (charged.amount, charged.id) == (119_20, charge.charge_id)
        assert (charge.net, charge.card_id) == (Money.of("119.20", "USD"), checkout.card_id)
        assert charge.recurring_payment_id is not None
        assert charge.package_id is not None

    @pytest.mark.parametrize("new_first_price_is_discount", [False, True])
    async def test_what_a_code_leaves_of_a_first_payment_is_quoted_and_charged(
        self,
        here: Practice,
        new_first_price_is_discount: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.new_first_price_is_discount = new_first_price_is_discount
        checkout = await discounted(here)

        charge = await here.healthie.billing.charge(checkout)

        assert checkout.quote.due_today == Money.of("119.20", "USD")
        assert (charge.net, charge.differs) == (checkout.quote.due_today, ())

    async def test_a_charge_whose_record_staff_deleted_is_not_charged_again(self, here: Practice) -> None:
        checkout = await here.checkout()
        charge = await here.healthie.billing.charge(checkout)
        here.world.billing_items.change(charge.billing_item_id, deleted_at=here.world.clock.now())

        assert await here.healthie.billing.charge(checkout) == charge
        assert len(here.world.stripe.charges) == 1

    async def test_a_recurring_payment_that_was_not_accepted_is_told_with_its_charge(
        self, here: Practice
    ) -> None:
        charge = await here.healthie.billing.charge(await here.checkout("Monthly Care"))
        (series,) = here.world.recurring_payments
        assert (charge.differs, charge.recurring_payment_id) == (("recurrence",), series.id)

    async def test_without_our_reference_it_is_no_success(self, here: Practice) -> None:
        here.world.switches.drop_note = True
        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.charge(await here.checkout("Monthly Care"))

    async def test_a_coupon_that_gives_less_than_was_quoted_is_told_with_what_was_taken(
        self, here: Practice
    ) -> None:
        checkout = await discounted(here)
        (coupon,) = (one for one in here.world.coupons if one.code == "WELCOME20")
        here.world.coupons.change(coupon.id, percent_off=5)

        charge = await here.healthie.billing.charge(checkout)

        assert (charge.differs, charge.net) == (("amount",), Money.of("141.55", "USD"))
        checkout = checkout.changed(charge=charge)
        await here.healthie.billing.cancel_recurring(checkout)
        assert await here.healthie.billing.refund(checkout) == Money.of("141.55", "USD")

    async def test_a_single_visit_starts_neither_a_plan_nor_a_recurring_payment(self, here: Practice) -> None:
        checkout = await here.checkout()
        checkout = replace(checkout, quote=replace(checkout.quote, plan_id=None))

        charge = await here.healthie.billing.charge(checkout)

        assert (charge.package_id, charge.recurring_payment_id) == (None, None)
        assert list(here.world.recurring_payments) == []

    @pytest.mark.parametrize(
        ("token", "reason"),
        [
            ("tok_chargeCustomerFail", DeclineReason.TRY_ANOTHER_CARD),
            ("tok_authenticationRequired", DeclineReason.AUTHENTICATION_REQUIRED),
        ],
    )
    @pytest.mark.parametrize("stripe_error_as_json", [False, True])
    async def test_a_card_refused_when_charged_is_declined_and_the_next_attempt_works(
        self,
        here: Practice,
        token: str,
        reason: DeclineReason,
        stripe_error_as_json: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.stripe_error_as_json = stripe_error_as_json
        declined = await here.checkout(token=token)
        with pytest.raises(CardDeclined) as caught:
            await here.healthie.billing.charge(declined)
        assert caught.value.reason is reason

        charge = await here.healthie.billing.charge(await here.checkout(attempt=2))
        assert charge.net == declined.quote.due_today

    @pytest.mark.parametrize("stripe_error_as_json", [False, True])
    async def test_without_a_bank_account_nothing_is_charged_for_certain(
        self,
        here: Practice,
        stripe_error_as_json: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.stripe_error_as_json = stripe_error_as_json
        here.world.switches.bank_account_set_up = False

        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.billing.charge(await here.checkout())
        assert caught.value.reason == "no_bank_account"

    @pytest.mark.parametrize("stripe_error_as_json", [False, True])
    async def test_an_account_that_may_not_charge_is_refused_for_certain(
        self,
        here: Practice,
        stripe_error_as_json: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.stripe_error_as_json = stripe_error_as_json
        here.world.switches.charges_enabled = False

        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.billing.charge(await here.checkout())
        assert caught.value.reason == "account_cannot_charge"

    @pytest.mark.parametrize(
        ("price", "currency"), [(1, "USD"), (49, "USD"), (100_000_000, "USD"), (49, "JPY"), (500, "XYZ")]
    )
    async def test_an_amount_that_stripe_does_not_take_is_refused_for_certain_and_sent_once(
        self, here: Practice, price: int, currency: str
    ) -> None:
        sell(here, price, currency)
        checkout = await here.checkout()

        with pytest.raises(AmountNotChargeable):
            await here.healthie.billing.charge(checkout)
        assert here.world.stripe.charges == {}
        assert list(here.world.billing_items) == []

    @pytest.mark.parametrize(
        ("price", "currency", "net", "stripes"),
        [
            (12_340, "KWD", "12.340", 12_340),
            (1_500, "JPY", "1500", 1_500),
            (1_500, "ISK", "1500", 150_000),
            (150_000, "MGA", "1500.00", 1_500),
        ],
    )
    async def test_each_currency_is_charged_and_given_back_with_its_own_decimals(
        self, here: Practice, price: int, currency: str, net: str, stripes: int
    ) -> None:
        sell(here, price, currency)
        checkout = await here.checkout()

        charge = await here.healthie.billing.charge(checkout)

        assert str(charge.net) == f"{net} {currency}"
        (charged,) = here.world.stripe.charges.values()
        assert (charged.amount, charged.currency) == (stripes, currency.lower())
        assert await here.healthie.billing.refund(replace(checkout, charge=charge)) == charge.net
        (refund,) = here.world.stripe.refunds.values()
        assert refund.amount == stripes

    @pytest.mark.parametrize("trouble", ["idempotency_key_in_use", "lock_timeout"])
    async def test_a_key_in_use_and_a_lock_timeout_are_no_declines(
        self, here: Practice, trouble: str
    ) -> None:
        checkout = await here.checkout()
        here.world.stripe.fail_next.append(trouble)

        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.charge(checkout)

    @pytest.mark.parametrize("kind", NOT_EXECUTED)
    async def test_a_request_that_never_arrived_is_unknown_then_not_found_and_may_be_sent_again(
        self, here: Practice, kind: str
    ) -> None:
        checkout = await here.checkout()
        here.fault(kind, "createBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.charge(checkout)

        assert await here.healthie.billing.find_charge(checkout, since=checkout.created_at) is None
        await here.healthie.billing.charge(checkout)
        assert len(here.world.stripe.charges) == 1

    @pytest.mark.parametrize("kind", EXECUTED)
    @pytest.mark.parametrize("drop_note", [False, True], ids=["noted", "note lost"])
    async def test_a_charge_whose_answer_was_lost_is_found_with_or_without_its_note(
        self,
        here: Practice,
        kind: str,
        drop_note: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.drop_note = drop_note
        checkout = await discounted(here)
        here.fault(kind, "createBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.charge(checkout)

        found = await here.healthie.billing.find_charge(checkout, since=checkout.created_at)

        assert found is not None
        assert found.charge_id in here.world.stripe.charges
        assert found == await here.healthie.billing.charge(checkout)
        assert len(here.world.stripe.charges) == 1

    async def test_a_second_row_for_the_one_charge_is_the_same_charge(self, here: Practice) -> None:
        here.world.switches.repeated_key_adds_item = True
        checkout = await here.checkout()
        first = await here.healthie.billing.charge(checkout)
        await here.healthie.billing.charge(checkout)

        found = await here.healthie.billing.find_charge(checkout, since=checkout.created_at)

        assert found is not None
        assert found.charge_id == first.charge_id

    async def test_too_many_requests_is_certain_and_may_be_tried_later(self, here: Practice) -> None:
        checkout = await here.checkout()
        here.fault("too_many_requests", "createBillingItem")

        with pytest.raises(UpstreamUnavailable):
            await here.healthie.billing.charge(checkout)

    async def test_a_success_that_did_nothing_is_unknown(self, here: Practice) -> None:
        checkout = await here.checkout()
        here.world.switches.silent_noop.add("createBillingItem")

        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.charge(checkout)


class TestGivingBack:
    @pytest.mark.parametrize("net_payment_after_refunds", [False, True])
    async def test_a_refund_is_complete_and_safe_to_repeat(
        self,
        here: Practice,
        net_payment_after_refunds: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.net_payment_after_refunds = net_payment_after_refunds
        checkout = await discounted(here)
        checkout = replace(checkout, charge=await here.healthie.billing.charge(checkout))

        assert await here.healthie.billing.refund(checkout) == Money.of("119.20", "USD")
        assert await here.healthie.billing.refund(checkout) == Money.of("119.20", "USD")
        assert [refund.amount for refund in here.world.stripe.refunds.values()] == [119_20]

    @pytest.mark.parametrize("kind", [*NOT_EXECUTED, *EXECUTED])
    async def test_a_refund_in_foul_weather_is_made_exactly_once(self, here: Practice, kind: str) -> None:
        checkout = await here.checkout()
        checkout = replace(checkout, charge=await here.healthie.billing.charge(checkout))
        here.fault(kind, "updateBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.refund(checkout)

        assert await here.healthie.billing.refund(checkout) == checkout.quote.due_today
        assert len(here.world.stripe.refunds) == 1

    async def test_a_refund_that_did_nothing_is_not_believed(self, here: Practice) -> None:
        checkout = await here.checkout()
        checkout = replace(checkout, charge=await here.healthie.billing.charge(checkout))
        here.world.switches.silent_noop.add("updateBillingItem")

        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.refund(checkout)

    async def test_a_refunded_charge_is_still_found(self, here: Practice) -> None:
        checkout = await here.checkout()
        charge = await here.healthie.billing.charge(checkout)
        await here.healthie.billing.refund(replace(checkout, charge=charge))

        assert await here.healthie.billing.find_charge(checkout, since=checkout.created_at) == charge

    async def test_a_recurring_payment_is_stopped_and_safe_to_stop_again(self, here: Practice) -> None:
        checkout = await discounted(here)
        checkout = replace(checkout, charge=await here.healthie.billing.charge(checkout))

        await here.healthie.billing.cancel_recurring(checkout)
        await here.healthie.billing.cancel_recurring(checkout)

        assert [series.is_canceled for series in here.world.recurring_payments] == [True]

    async def test_a_stop_that_did_nothing_is_not_believed(self, here: Practice) -> None:
        checkout = await discounted(here)
        checkout = replace(checkout, charge=await here.healthie.billing.charge(checkout))
        here.world.switches.silent_noop.add("cancelRecurringPayment")

        with pytest.raises(OutcomeUnknown):
            await here.healthie.billing.cancel_recurring(checkout)


class TestBooking:
    @pytest.mark.parametrize("key_owner_becomes_second_provider", [False, True])
    @pytest.mark.parametrize("other_party_id_overrides", [True, False])
    async def test_the_clinician_is_the_primary_provider_and_the_reference_survives(
        self,
        here: Practice,
        other_party_id_overrides: bool,  # noqa: FBT001 - a parameter of the test
        key_owner_becomes_second_provider: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.other_party_id_overrides = other_party_id_overrides
        here.world.switches.key_owner_becomes_second_provider = key_owner_becomes_second_provider
        checkout = await here.checkout()

        appointment = await here.healthie.scheduling.book(checkout)

        assert appointment.clinician_id == checkout.visit_slot.clinician_id
        assert (appointment.start, appointment.checkout_id) == (checkout.visit_slot.start, checkout.id)
        assert appointment == await here.healthie.scheduling.find(checkout)

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kolkata", "UTC"])
    async def test_the_time_is_right_in_whatever_zone_the_patient_lives(
        self, here: Practice, zone: str
    ) -> None:
        checkout = await here.checkout(time_zone=zone)

        assert (await here.healthie.scheduling.book(checkout)).start == checkout.visit_slot.start

    async def test_a_time_that_is_gone_is_taken(self, here: Practice) -> None:
        checkout = await here.checkout()
        await here.healthie.scheduling.book(checkout)

        with pytest.raises(SlotTaken):
            await here.healthie.scheduling.book(replace(checkout, id="chk_other"))

    async def test_a_clinician_without_a_key_is_not_bookable(self, here: Practice) -> None:
        checkout = await here.checkout()
        slot = replace(checkout.visit_slot, clinician_id=here.clinician(4))

        with pytest.raises(ClinicianNotBookable):
            await here.healthie.scheduling.book(replace(checkout, slot=slot))

    @pytest.mark.parametrize("kind", [*NOT_EXECUTED, *EXECUTED])
    async def test_a_booking_in_foul_weather_is_looked_for_and_made_once(
        self, here: Practice, kind: str
    ) -> None:
        checkout = await here.checkout()
        before = len(list(here.world.appointments))
        here.fault(kind, "createAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.scheduling.book(checkout)

        if await here.healthie.scheduling.find(checkout) is None:
            await here.healthie.scheduling.book(checkout)
        assert len(list(here.world.appointments)) == before + 1

    async def test_a_success_that_did_nothing_is_unknown(self, here: Practice) -> None:
        checkout = await here.checkout()
        here.world.switches.silent_noop.add("createAppointment")

        with pytest.raises(OutcomeUnknown):
            await here.healthie.scheduling.book(checkout)

    async def test_deleting_is_safe_to_repeat_and_frees_the_time(self, here: Practice) -> None:
        checkout = await here.checkout()
        appointment = await here.healthie.scheduling.book(checkout)
        booked = replace(checkout, appointment_id=appointment.id)

        await here.healthie.scheduling.delete(booked)
        await here.healthie.scheduling.delete(booked)

        assert await here.healthie.scheduling.find(checkout) is None
        assert checkout.slot in await here.free()

    async def test_a_deletion_that_did_nothing_is_not_believed(self, here: Practice) -> None:
        checkout = await here.checkout()
        appointment = await here.healthie.scheduling.book(checkout)
        here.world.switches.silent_noop.add("deleteAppointment")

        with pytest.raises(OutcomeUnknown):
            await here.healthie.scheduling.delete(replace(checkout, appointment_id=appointment.id))

    async def test_an_invoice_that_the_booking_raised_is_told(self, here: Practice) -> None:
        checkout = await here.checkout()
        single = here.seed["visit_types"]["Single Visit"]
        slot = replace(checkout.visit_slot, visit_type_id=single, minutes=30)

        invoice = (await here.healthie.scheduling.book(replace(checkout, slot=slot))).open_invoice
        assert invoice is not None
        assert invoice.amount == Money.of(120, "USD")


async def test_what_was_looked_for_long_after_the_intent_is_found(here: Practice) -> None:
    checkout = await here.checkout()
    charge = await here.healthie.billing.charge(checkout)
    later = checkout.created_at - timedelta(hours=71)

    assert await here.healthie.billing.find_charge(checkout, since=later) == charge
