"""The money of a requested change at the emulator: given back in part, charged as a fee, recurring payments ended."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from booking.changes.model import Action, ActionKind, RequestedChange
from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.refusals import CardDeclined, DeclineReason
from tests.integration.changes_on_emulator import a_booked_checkout, a_change, a_fee, a_refund, usd
from tests.integration.healthie_on_emulator import Practice, practice

NOT_EXECUTED = ("lost_request", "http_5xx", "not_json")
PAID = "399.00"


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


@pytest.fixture
async def row(here: Practice) -> Checkout:
    return await a_booked_checkout(here)


def refunds(here: Practice) -> list[int]:
    """Every refund that was made, in cents."""
    return [each.amount for each in here.world.refund_items]


def refund_by_practice(here: Practice, row: Checkout, cents: int) -> None:
    assert row.charge is not None
    made = here.world.stripe.refund(row.charge.charge_id, amount=cents, idempotency_key=None)
    here.world.refund_items.add(
        billing_item_id=row.charge.billing_item_id,
        amount=cents,
        currency="USD",
        refund_date=here.world.clock.now(),
        stripe_refund_id=made.id,
    )


async def refund(here: Practice, change: RequestedChange) -> Any:
    return await here.healthie.change_payments.refund(change, 0)


class TestRefund:
    async def test_a_part_is_given_back_once_however_often_it_is_asked(
        self, here: Practice, row: Checkout
    ) -> None:
        for _ in range(3):
            assert await refund(here, a_refund(row, "100.00")) == usd("100.00")
        assert refunds(here) == [100_00]
        assert row.charge is not None
        given = await here.healthie.change_payments.refunded(
            row.charge, clinician_id=row.visit_slot.clinician_id
        )
        assert given == usd("100.00")

    async def test_what_the_practice_gave_back_before_stays_besides(
        self, here: Practice, row: Checkout
    ) -> None:
        refund_by_practice(here, row, 20_00)
        change = a_refund(row, "100.00", refunded_before=usd("20.00"))
        assert await refund(here, change) == usd("120.00")
        assert refunds(here) == [20_00, 100_00]

    async def test_what_the_practice_gives_back_meanwhile_counts(self, here: Practice, row: Checkout) -> None:
        change = a_refund(row, "100.00", refunded_before=usd("0.00"))
        refund_by_practice(here, row, 30_00)
        assert await refund(here, change) == usd("100.00")
        assert refunds(here) == [30_00, 70_00]

    async def test_where_more_was_given_back_nothing_is_sent(self, here: Practice, row: Checkout) -> None:
        refund_by_practice(here, row, 150_00)
        assert await refund(here, a_refund(row, "100.00")) == usd("150.00")
        assert refunds(here) == [150_00]

    async def test_never_more_than_was_paid(self, here: Practice, row: Checkout) -> None:
        with pytest.raises(UpstreamRefused) as caught:
            await refund(here, a_refund(row, "399.01"))
        assert (caught.value.reason, refunds(here)) == ("more_than_paid", [])
        assert await refund(here, a_refund(row, PAID)) == usd(PAID)

    async def test_another_patients_payment_and_another_charge_are_left_alone(
        self, here: Practice, row: Checkout
    ) -> None:
        for changes in ({"patient_id": here.patient(2)}, {"charge_id": "ch_other"}):
            with pytest.raises(UpstreamRefused) as caught:
                await refund(here, a_refund(row, "100.00", **changes))
            assert caught.value.reason == "not_theirs"
        assert refunds(here) == []

    @pytest.mark.parametrize("kind", [*NOT_EXECUTED, "stripe_key_in_use", "stripe_lock_timeout"])
    async def test_in_doubt_it_is_unknown_and_made_once(
        self, here: Practice, row: Checkout, kind: str
    ) -> None:
        here.fault(kind, "updateBillingItem")
        with pytest.raises(OutcomeUnknown):
            await refund(here, a_refund(row, "100.00"))
        assert await refund(here, a_refund(row, "100.00")) == usd("100.00")
        assert refunds(here) == [100_00]

    async def test_a_lost_answer_is_read_back_the_next_time(self, here: Practice, row: Checkout) -> None:
        here.fault("lost_answer", "updateBillingItem")
        with pytest.raises(OutcomeUnknown):
            await refund(here, a_refund(row, "100.00"))
        assert await refund(here, a_refund(row, "100.00")) == usd("100.00")
        assert (refunds(here), here.wire.operations["Refund"]) == ([100_00], 1)

    async def test_a_repetition_with_another_amount_is_refused_by_the_processor_and_not_paid_in_addition(
        self, here: Practice, row: Checkout
    ) -> None:
        """The refund reached Stripe, Healthie's record of it did not: what is missing looks larger than it is."""
        change = a_refund(row, "100.00")
        assert row.charge is not None
        here.world.stripe.refund(row.charge.charge_id, amount=60_00, idempotency_key=change.upstream_key(0))
        with pytest.raises((OutcomeUnknown, UpstreamRefused)):
            await refund(here, change)
        assert sum(each.amount for each in here.world.stripe.refunds.values()) == 60_00

    async def test_the_key_of_the_clinician_who_charged_reads_and_refunds(
        self, here: Practice, row: Checkout
    ) -> None:
        """The visit was moved to another clinician, whose key does not see the payment."""
        other = replace(row.visit_slot, clinician_id=here.clinician(2))
        here.world.permissions.without[here.clinician(2)] = {"can_see_billing", "can_charge_clients"}
        change = a_refund(row, "100.00", slot=other)
        with pytest.raises(UpstreamUnavailable):
            await refund(here, change)
        assert await refund(here, replace(change, charged_by=here.clinician(1))) == usd("100.00")


class TestFee:
    async def test_it_is_charged_once_with_its_own_reference(self, here: Practice, row: Checkout) -> None:
        change = a_fee(row, "25.00")
        fee = await here.healthie.change_payments.charge_fee(change, 0)

        item = here.world.billing_items[fee]
        assert (item.amount, item.state, item.offering_id) == (25_00, "SUCCEEDED", None)
        assert item.note == "Late cancellation fee. Reference: chg_sample-0"
        assert await here.healthie.change_payments.find_fee(change, 0) == fee
        assert await here.healthie.change_payments.charge_fee(change, 0) == fee
        assert len(here.world.stripe.charges) == 2

    async def test_before_it_there_is_none_and_the_visits_own_charge_is_none(
        self, here: Practice, row: Checkout
    ) -> None:
        assert await here.healthie.change_payments.find_fee(a_fee(row, PAID), 0) is None

    async def test_it_is_no_late_charge_of_the_checkouts(self, here: Practice, row: Checkout) -> None:
        assert row.charge is not None
        await here.healthie.change_payments.charge_fee(a_fee(row, PAID), 0)
        late = await here.healthie.billing.late_charges(
            row, known=frozenset({row.charge.billing_item_id, row.charge.charge_id})
        )
        assert (late.certain, late.uncertain) == ((), ())

    async def test_a_declined_card_is_a_decline(self, here: Practice, row: Checkout) -> None:
        card = await here.healthie.cards.attach(
            patient_id=here.patient(1),
            token="tok_chargeCustomerFail",
            make_default=False,
            clinician_id=row.visit_slot.clinician_id,
        )
        with pytest.raises(CardDeclined) as caught:
            await here.healthie.change_payments.charge_fee(a_fee(row, "25.00", card_id=card.id), 0)
        assert caught.value.reason is DeclineReason.TRY_ANOTHER_CARD
        assert await here.healthie.change_payments.find_fee(a_fee(row, "25.00"), 0) is None

    async def test_a_lost_answer_is_found_by_the_reference(self, here: Practice, row: Checkout) -> None:
        change = a_fee(row, "25.00")
        here.fault("lost_answer", "createBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.change_payments.charge_fee(change, 0)
        found = await here.healthie.change_payments.find_fee(change, 0)
        assert found is not None
        assert here.world.billing_items[found].amount == 25_00

    async def test_without_its_reference_it_is_found_by_amount_card_and_time(
        self, here: Practice, row: Checkout
    ) -> None:
        here.world.switches.drop_note = True
        change = a_fee(row, "25.00")
        here.fault("lost_answer", "createBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.change_payments.charge_fee(change, 0)
        assert await here.healthie.change_payments.find_fee(change, 0) is not None

    @pytest.mark.parametrize("kind", NOT_EXECUTED)
    async def test_a_lost_request_charges_nothing(self, here: Practice, row: Checkout, kind: str) -> None:
        here.fault(kind, "createBillingItem")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.change_payments.charge_fee(a_fee(row, "25.00"), 0)
        assert await here.healthie.change_payments.find_fee(a_fee(row, "25.00"), 0) is None


class TestStopRecurring:
    @pytest.fixture
    async def monthly(self, here: Practice) -> Checkout:
        return await a_booked_checkout(here, "Monthly Care")

    def stop(self, row: Checkout, **changes: Any) -> RequestedChange:
        return a_change(row, Action(kind=ActionKind.STOP_RECURRING), **changes)

    async def test_later_payments_end_and_what_was_paid_stays_paid(
        self, here: Practice, monthly: Checkout
    ) -> None:
        for _ in range(2):
            await here.healthie.change_payments.stop_recurring(self.stop(monthly))
        (series,) = here.world.recurring_payments
        assert (series.is_canceled, here.wire.operations["CancelRecurring"]) == (True, 1)
        assert refunds(here) == []

    async def test_a_lost_answer_is_read_back_the_next_time(self, here: Practice, monthly: Checkout) -> None:
        here.fault("lost_answer", "cancelRecurringPayment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.change_payments.stop_recurring(self.stop(monthly))
        await here.healthie.change_payments.stop_recurring(self.stop(monthly))
        assert here.wire.operations["CancelRecurring"] == 1

    async def test_another_series_is_left_alone(self, here: Practice, monthly: Checkout) -> None:
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.change_payments.stop_recurring(self.stop(monthly, recurring_payment_id="999"))
        assert (caught.value.reason, here.wire.operations["CancelRecurring"]) == ("another_series", 0)

    async def test_where_nothing_recurs_nothing_is_sent(self, here: Practice, row: Checkout) -> None:
        await here.healthie.change_payments.stop_recurring(self.stop(row))
        assert here.wire.operations["CancelRecurring"] == 0
