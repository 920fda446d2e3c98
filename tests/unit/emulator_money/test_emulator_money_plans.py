"""Coupons, packages, recurring payments, invoices."""

from datetime import timedelta
from typing import Any

import pytest

from integrations.healthie_emulator.bookkeeping.visit_credits import quantity_of
from integrations.healthie_emulator.money import raise_invoice, under_purchase_cap
from integrations.healthie_emulator.state import Actor, Request

VALIDATE = """query($code: String, $offering: ID) { validateCoupon(coupon_code: $code, offering_id: $offering)
  { new_price new_first_price first_amount fail_reason } }"""


class TestCoupons:
    @pytest.mark.parametrize(
        ("values", "price"),
        [({"percent_off": 20}, "80.0"), ({"cents_off": 1_550}, "84.5"), ({"cents_off": 99_999}, "0.0")],
    )
    async def test_a_valid_code_gives_the_new_price(
        self, practice: Any, coupon: Any, values: dict[str, int], price: str
    ) -> None:
        coupon(**values)
        answer = await practice.ask(VALIDATE, code=" sample20 ", offering=practice.single)
        assert answer["validateCoupon"]["fail_reason"] is None
        assert answer["validateCoupon"]["new_price"] == price
        assert float(answer["validateCoupon"]["first_amount"]) == 100 - float(price)

    @pytest.mark.parametrize(("is_discount", "told"), [(False, "90.0"), (True, "30.0")])
    async def test_the_first_payments_discount_is_told_and_its_new_price_or_the_same_discount(
        self,
        practice: Any,
        coupon: Any,
        is_discount: bool,  # noqa: FBT001 - a parameter of the test
        told: str,
    ) -> None:
        """The reference calls `first_amount` the first payment's discount, and `new_first_price`, despite its name, too."""
        practice.world.switches.new_first_price_is_discount = is_discount
        practice.world.offerings.change(practice.single, first_time_payment=12_000)
        coupon(percent_off=25)
        answer = (await practice.ask(VALIDATE, code="SAMPLE20", offering=practice.single))["validateCoupon"]
        assert (answer["first_amount"], answer["new_price"]) == ("30.0", "75.0")
        assert answer["new_first_price"] == told

    async def test_a_code_that_does_not_apply_says_why(self, practice: Any, coupon: Any) -> None:
        coupon("EXPIRED", percent_off=20, expires_at=practice.world.clock.now())
        coupon("USEDUP", percent_off=20, usage_limit=2, number_of_times_used=2)
        coupon("OTHER", percent_off=20, offering_ids=(practice.monthly,))
        reasons = []
        for code in ("NONE", "EXPIRED", "USEDUP", "OTHER"):
            answer = await practice.ask(VALIDATE, code=code, offering=practice.single)
            assert answer["validateCoupon"]["new_price"] is None
            reasons.append(answer["validateCoupon"]["fail_reason"])
        assert len(set(reasons)) == 4
        assert None not in reasons

    async def test_the_discount_comes_on_top_of_the_amount_that_is_sent(
        self, practice: Any, coupon: Any
    ) -> None:
        """`offering_coupon_id` takes its discount off whatever `amount_paid` is sent."""
        await practice.attach()
        coupon_id = coupon(percent_off=20, usage_limit=1)
        payload = await practice.charge("100", offering_id=practice.single, offering_coupon_id=coupon_id)
        item = payload["billingItem"]
        assert (item["net_payment"], item["original_price"]) == ("80.0", "100.0")
        (charge,) = practice.world.stripe.charges.values()
        assert charge.amount == 8_000
        assert practice.world.coupons[coupon_id].number_of_times_used == 1
        refused = await practice.charge("100", offering_id=practice.single, offering_coupon_id=coupon_id)
        assert "usage limit" in refused["messages"][0]["message"]
        assert len(practice.world.stripe.charges) == 1

    async def test_a_declined_charge_uses_no_coupon(self, practice: Any, coupon: Any) -> None:
        await practice.attach("tok_chargeCustomerFail")
        coupon_id = coupon(percent_off=20)
        await practice.charge("100", offering_id=practice.single, offering_coupon_id=coupon_id)
        assert practice.world.coupons[coupon_id].number_of_times_used == 0

    async def test_staff_find_codes_by_keyword_and_patients_see_none(
        self, practice: Any, coupon: Any
    ) -> None:
        coupon("SAMPLE20", percent_off=20)
        coupon("FLAT15", cents_off=1_500)
        query = '{ offeringCoupons(keywords: "flat") { nodes { code is_valid flat_amount_off amount_off } } }'
        answer = await practice.ask(query)
        assert answer["offeringCoupons"]["nodes"] == [
            {"code": "FLAT15", "is_valid": True, "flat_amount_off": "15.0", "amount_off": None}
        ]
        answer = await practice.ask(query, by=practice.patient)
        assert answer["offeringCoupons"]["nodes"] == []


class TestPackages:
    async def test_a_purchase_gives_the_package_and_its_credits(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge(offering_id=practice.single)
        answer = await practice.ask(
            "query($user: ID) { userPackageSelections(user_id: $user) { nodes { offering { name } billing_item { state } } } }",
            user=practice.patient.id,
        )
        assert answer["userPackageSelections"]["nodes"] == [
            {"offering": {"name": "Single"}, "billing_item": {"state": "SUCCEEDED"}}
        ]

    async def test_a_capped_plan_sells_out(self, practice: Any) -> None:
        await practice.attach()
        plan = practice.world.offerings[practice.capped]
        assert under_purchase_cap(practice.world, plan)
        await practice.charge("50", offering_id=practice.capped)
        assert not under_purchase_cap(practice.world, plan)
        payload = await practice.charge("50", offering_id=practice.capped)
        assert "purchase cap" in payload["messages"][0]["message"]
        assert len(practice.world.stripe.charges) == 1

    async def test_a_refund_takes_no_package_back(self, practice: Any) -> None:
        """Nothing in the schema takes a bought package back."""
        await practice.attach()
        item_id = (await practice.charge(offering_id=practice.single))["billingItem"]["id"]
        await practice.ask(
            "mutation($input: updateBillingItemInput) { updateBillingItem(input: $input) { messages { message } } }",
            input={"id": item_id, "chosen_refund_amount": "100"},
        )
        assert len(practice.world.package_selections) == 1
        assert quantity_of(practice.world, practice.patient.id, practice.visit_type) == 2


class TestRecurringPayments:
    async def test_a_recurring_plan_starts_a_series_and_bills_again(self, practice: Any) -> None:
        await practice.attach()
        payload = await practice.charge("99", offering_id=practice.monthly)
        assert payload["billingItem"]["recurring_payment"]["next_payment_date"].startswith("2026-04-02")
        practice.pass_time(days=31)
        answer = await practice.ask(
            "query($user: ID!) { recurringPayments(user_id: $user) { nodes { billing_items_count amount_to_pay "
            "payments_remaining amount_paid next_payment_date last_billing_item { state } } } }",
            user=practice.patient.id,
        )
        (series,) = answer["recurringPayments"]["nodes"]
        assert series["billing_items_count"] == 2
        assert series["amount_paid"] == "198.0"
        assert series["payments_remaining"] == "1"
        assert series["next_payment_date"].startswith("2026-05-02")
        assert [charge.amount for charge in practice.world.stripe.charges.values()] == [9_900, 9_900]

    async def test_a_series_ends_after_its_payments(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge("99", offering_id=practice.monthly)
        practice.pass_time(days=2_000)
        await practice.ask("{ billingItems { total_count } }")
        assert len(practice.world.stripe.charges) == 3

    async def test_a_due_date_of_today_starts_no_series(self, practice: Any) -> None:
        """The first payment begins the series, unless it is sent with a due date."""
        await practice.attach()
        payload = await practice.charge("99", offering_id=practice.monthly, payment_due_date="2026-03-02")
        assert payload["billingItem"]["state"] == "SUCCEEDED"
        assert payload["billingItem"]["recurring_payment"] is None
        assert payload["billingItem"]["user_package_selection"] is not None

    @pytest.mark.parametrize(
        "mutation",
        [
            "mutation($id: ID!) { done: cancelRecurringPayment(input: {billing_item_id: $id}) { messages { message } } }",
            "mutation($id: ID!) { done: updateBillingItem(input: {id: $id, is_canceled: true}) { messages { message } } }",
        ],
    )
    async def test_a_cancelled_series_bills_no_more(self, practice: Any, mutation: str) -> None:
        await practice.attach()
        item_id = (await practice.charge("99", offering_id=practice.monthly))["billingItem"]["id"]
        assert (await practice.ask(mutation, id=item_id))["done"]["messages"] is None
        practice.pass_time(days=100)
        answer = await practice.ask(
            "query($id: ID) { billingItem(id: $id) { is_canceled recurring_payment { is_canceled canceled_by { id } } } }",
            id=item_id,
        )
        assert answer["billingItem"]["is_canceled"] is True
        assert answer["billingItem"]["recurring_payment"] == {
            "is_canceled": True,
            "canceled_by": {"id": practice.clinician.id},
        }
        assert len(practice.world.stripe.charges) == 1

    async def test_a_coupon_for_the_first_payment_leaves_the_others_whole(
        self, practice: Any, coupon: Any
    ) -> None:
        await practice.attach()
        coupon_id = coupon(percent_off=50, repeat_times=1)
        await practice.charge("99", offering_id=practice.monthly, offering_coupon_id=coupon_id)
        practice.pass_time(days=31)
        await practice.ask("{ billingItems { total_count } }")
        assert [charge.amount for charge in practice.world.stripe.charges.values()] == [4_950, 9_900]

    async def test_a_declined_period_leaves_a_failed_item_and_goes_on(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge("99", offering_id=practice.monthly)
        (card,) = practice.world.cards
        practice.world.cards.change(card.id, deleted_at=practice.world.clock.now())
        practice.pass_time(days=31)
        await practice.ask("{ billingItems { total_count } }")
        assert [item.state for item in practice.world.billing_items] == ["SUCCEEDED", "FAILED"]
        (series,) = practice.world.recurring_payments
        assert series.next_payment_date is not None


class TestInvoices:
    async def invoice(self, practice: Any) -> str:
        answer = await practice.ask(
            "mutation($input: createRequestedPaymentInput) { createRequestedPayment(input: $input) "
            "{ requestedPayment { id status balance_due metadata } messages { message } } }",
            input={
                "recipient_id": practice.patient.id,
                "price": "75",
                "metadata": {"checkout": "c1"},
                "invoice_type": "other",
                "services_provided": "A sample visit",
            },
        )
        invoice = answer["createRequestedPayment"]["requestedPayment"]
        assert (invoice["status"], invoice["balance_due"]) == ("Not Yet Paid", 75.0)
        assert invoice["metadata"] == '{"checkout": "c1"}'
        return str(invoice["id"])

    async def test_payments_settle_an_invoice_and_nothing_stops_one_too_many(self, practice: Any) -> None:
        """An invoice gathers payments; it refuses none."""
        await practice.attach()
        invoice_id = await self.invoice(practice)
        seen = []
        for _ in range(3):
            await practice.charge("50", requested_payment_id=invoice_id)
            answer = await practice.ask(
                "query($id: ID) { requestedPayment(id: $id) { status balance_due billing_items { id } } }",
                id=invoice_id,
            )
            invoice = answer["requestedPayment"]
            seen.append((invoice["status"], invoice["balance_due"], len(invoice["billing_items"])))
        assert seen == [("Partial", 25.0, 1), ("Paid", 0.0, 2), ("Paid", 0.0, 3)]

    async def test_another_patients_invoice_cannot_be_seen_or_paid(self, practice: Any) -> None:
        invoice_id = await self.invoice(practice)
        await practice.attach(to=practice.stranger)
        answer = await practice.ask(
            "query($id: ID) { requestedPayment(id: $id) { id } requestedPayments { total_count } }",
            by=practice.stranger,
            id=invoice_id,
        )
        assert answer == {"requestedPayment": None, "requestedPayments": {"total_count": 0}}
        payload = await practice.charge(sender_id=practice.stranger.id, requested_payment_id=invoice_id)
        assert payload["messages"][0]["field"] == "requested_payment_id"

    async def test_an_invoice_can_be_marked_as_paid(self, practice: Any) -> None:
        invoice_id = await self.invoice(practice)
        answer = await practice.ask(
            'mutation($id: ID!) { updateRequestedPayment(input: {id: $id, status: "Paid"}) '
            "{ requested_payment { status is_manually_paid balance_due } messages { message } } }",
            id=invoice_id,
        )
        assert answer["updateRequestedPayment"]["requested_payment"] == {
            "status": "Paid",
            "is_manually_paid": True,
            "balance_due": 0.0,
        }

    async def test_a_priced_visit_raises_an_invoice(self, practice: Any) -> None:

        appointment = practice.world.appointments.add(
            provider_id=practice.clinician.id,
            user_id=practice.patient.id,
            appointment_type_id=practice.visit_type,
            starts_at=practice.world.clock.now() + timedelta(days=1),
            length=30,
        )
        request = Request(world=practice.world, actor=Actor(user=practice.clinician))
        invoice = raise_invoice(request, appointment)
        assert (invoice.price, invoice.recipient_id, invoice.appointment_id) == (
            7_500,
            practice.patient.id,
            appointment.id,
        )
