"""Lists of payments, series and superbills: the filters and orders of Healthie's guides."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

ITEMS = """query($state: String, $status: [String], $words: String, $sort: String, $end: ISO8601DateTime, $plans: Boolean) {
  billingItems(state: $state, status: $status, keywords: $words, sort_by: $sort, created_at_end: $end, offerings_only: $plans) {
    nodes { id } } }"""


async def items(practice: Any, **given: Any) -> list[str]:
    answer = await practice.ask(ITEMS, **given)
    return [each["id"] for each in answer["billingItems"]["nodes"]]


async def charged(practice: Any, amount: str, **more: Any) -> str:
    return str((await practice.charge(amount, **more))["billingItem"]["id"])


async def change(practice: Any, item_id: str, **given: Any) -> dict[str, Any]:
    answer = await practice.ask(
        "mutation($input: updateBillingItemInput) { updateBillingItem(input: $input) { "
        "billingItem { id receipt_last_sent_at amount_paid } messages { message } } }",
        input={"id": item_id, **given},
    )
    return dict(answer["updateBillingItem"])


class TestPayments:
    async def test_they_are_found_by_what_became_of_them(self, practice: Any) -> None:
        """The reference: `failed`, `paused`, `succeeded`, `scheduled` or `stopped`."""
        await practice.attach()
        paid = await charged(practice, "10")
        planned = await charged(practice, "20", payment_due_date="2026-03-09")
        stopped = await charged(practice, "30", payment_due_date="2026-03-09")
        await change(practice, stopped, is_canceled=True)
        paused = await charged(practice, "99", offering_id=practice.monthly)
        await change(practice, paused, is_paused=True)
        assert await items(practice, status=["scheduled"]) == [stopped, planned]
        assert await items(practice, status=["stopped"]) == [stopped]
        assert await items(practice, status=["paused"]) == [paused]
        assert await items(practice, state="succeeded") == [paused, paid]
        assert await items(practice, status=["failed"]) == []
        assert await items(practice, plans=True) == [paused]

    async def test_they_are_searched_by_amount_and_way_of_payment(self, practice: Any) -> None:
        await practice.attach()
        await charged(practice, "10", note="a note of 55")
        outside = await charged(practice, "55", should_charge=False, payment_medium="Cash")
        assert await items(practice, words="55") == [outside]
        assert await items(practice, words="cash") == [outside]

    async def test_the_older_words_of_an_order_work(self, practice: Any) -> None:
        await practice.attach()
        small, large = await charged(practice, "10"), await charged(practice, "20")
        assert await items(practice) == [large, small], "newest first"
        assert await items(practice, sort="oldest") == [small, large]
        assert await items(practice, sort="largestamount") == [large, small]
        assert await items(practice, sort="smallestamount") == [small, large]

    async def test_the_last_day_is_a_whole_day(self, practice: Any) -> None:
        await practice.attach()
        paid = await charged(practice, "10")
        assert await items(practice, end="2026-03-02") == [paid]
        assert await items(practice, end="2026-03-01") == []

    async def test_a_deleted_payment_is_off_the_list_and_the_money_stays_taken(self, practice: Any) -> None:
        await practice.attach()
        paid = await charged(practice, "10")
        delete = "mutation($id: ID) { deleteBillingItem(input: {id: $id}) { billingItem { id deleted_at } messages { message } } }"
        answer = await practice.ask(delete, id=paid)
        assert answer["deleteBillingItem"]["billingItem"]["deleted_at"] is not None
        assert await items(practice) == []
        assert [charge.refunded for charge in practice.world.stripe.charges.values()] == [0]
        again = await practice.ask(delete, id=paid)
        assert again["deleteBillingItem"]["messages"] == [{"message": "Billing item not found"}]
        refused = await practice.raw(delete, by=practice.patient, id=paid)
        assert refused.errors[0].extensions["code"] == "UNAUTHORIZED"

    async def test_a_receipt_is_sent_again(self, practice: Any) -> None:
        await practice.attach()
        paid = await charged(practice, "10")
        sent = await change(practice, paid, resend_receipt=True)
        assert sent["billingItem"]["receipt_last_sent_at"] is not None

    async def test_a_payment_sent_again_may_be_of_another_amount(self, practice: Any) -> None:
        await practice.attach("tok_chargeCustomerFail")
        await practice.charge("20")
        (failed,) = practice.world.billing_items
        await practice.attach("tok_visa", is_default=True)
        practice.world.cards.change(failed.stripe_customer_detail_id, deleted_at=practice.world.clock.now())
        paid = await change(practice, failed.id, resend_payment=True, amount_paid="15")
        assert paid["billingItem"]["amount_paid"] == "15.0"

    async def test_the_payments_of_an_invoice_are_numbered(self, practice: Any) -> None:
        await practice.attach()
        invoice = practice.world.requested_payments.add(
            sender_id=practice.clinician.id, recipient_id=practice.patient.id, price=7_500
        )
        for _ in range(2):
            await practice.charge("25", requested_payment_id=invoice.id)
        await practice.charge("5")
        answer = await practice.ask("{ billingItems { nodes { item_position_number invoice_id } } }")
        assert answer["billingItems"]["nodes"] == [
            {"item_position_number": None, "invoice_id": None},
            {"item_position_number": 2, "invoice_id": invoice.id},
            {"item_position_number": 1, "invoice_id": invoice.id},
        ]

    async def test_a_dispute_is_found_by_its_id_at_stripe(self, practice: Any) -> None:
        await practice.attach("tok_createDispute")
        await practice.charge("80")
        (dispute,) = practice.world.charge_backs
        query = "query($id: ID) { chargeBack(stripe_dispute_id: $id) { id } }"
        found = await practice.ask(query, id=dispute.stripe_dispute_id)
        assert found["chargeBack"] == {"id": dispute.id}
        assert (await practice.ask(query, id="dp_other"))["chargeBack"] is None


class TestSeries:
    SERIES = """query($user: ID!, $status: String) { recurringPayments(user_id: $user, active_status: $status) { nodes {
      id is_paused paused_at paused_by { id } next_payment_date next_restart_payment_date payments_remaining
      has_next_payment_date } } }"""

    async def series(self, practice: Any, **given: Any) -> list[dict[str, Any]]:
        answer = await practice.ask(self.SERIES, user=practice.patient.id, **given)
        return list(answer["recurringPayments"]["nodes"])

    async def test_a_paused_series_takes_nothing_and_goes_on_with_the_next_date(self, practice: Any) -> None:
        await practice.attach()
        item_id = await charged(practice, "99", offering_id=practice.monthly)
        await change(practice, item_id, is_paused=True)
        practice.pass_time(days=70)  # past the payments of April and May
        (paused,) = await self.series(practice, status="paused")
        assert (paused["is_paused"], paused["paused_by"]) == (True, {"id": practice.clinician.id})
        assert paused["next_restart_payment_date"].startswith("2026-06-02")
        assert len(practice.world.stripe.charges) == 1
        assert await self.series(practice, status="active") == []
        await change(practice, item_id, is_paused=False)
        (active,) = await self.series(practice, status="active")
        assert (active["paused_at"], active["next_restart_payment_date"]) == (None, None)
        assert active["next_payment_date"].startswith("2026-06-02")
        assert len(practice.world.stripe.charges) == 1, "what was missed is not taken later"

    async def test_what_remains_is_a_number_or_until_canceled(self, practice: Any) -> None:
        """A series without an end says `Until Canceled`."""
        await practice.attach()
        practice.world.offerings.change(practice.monthly, repeat_times=None)
        await charged(practice, "99", offering_id=practice.monthly)
        (series,) = await self.series(practice)
        assert (series["payments_remaining"], series["has_next_payment_date"]) == ("Until Canceled", True)

    @pytest.mark.parametrize(("is_repeating", "quantity"), [(True, 4), (False, 2)])
    async def test_a_period_gives_again_what_repeats(
        self,
        practice: Any,
        is_repeating: bool,  # noqa: FBT001 - a parameter of the test
        quantity: int,
    ) -> None:
        offering = practice.world.offerings[practice.monthly]
        includes = tuple(replace(each, is_repeating=is_repeating) for each in offering.includes)
        practice.world.offerings.change(offering.id, includes=includes)
        await practice.attach()
        await charged(practice, "99", offering_id=practice.monthly)
        practice.pass_time(days=31)
        await items(practice)
        (credit,) = practice.world.credits
        assert credit.quantity == quantity


class TestSuperbills:
    async def test_they_are_found_by_patient_status_and_name(self, practice: Any) -> None:
        for patient, status, paid in (
            (practice.patient, "Sent", 1_000),
            (practice.stranger, "Fully Paid", 9_000),
        ):
            practice.world.super_bills.add(
                patient_id=patient.id,
                dietitian_id=practice.clinician.id,
                service_date=datetime(2026, 2, 20, tzinfo=UTC),
                total=9_000,
                paid=paid,
                status=status,
            )
        query = """query($client: ID, $status: String, $words: String, $sort: String) {
          superBills(client_id: $client, status: $status, keywords: $words, sort_by: $sort) {
            nodes { amount_paid balance_due total_fee status patient { id } provider_name } } }"""

        async def found(**given: Any) -> list[dict[str, Any]]:
            return list((await practice.ask(query, **given))["superBills"]["nodes"])

        assert await found(client=practice.patient.id) == [
            {
                "amount_paid": "10.0",
                "balance_due": "80.0",
                "total_fee": "90.0",
                "status": "Sent",
                "patient": {"id": practice.patient.id},
                "provider_name": "Sample Clinician",
            }
        ]
        assert [each["status"] for each in await found(status="Fully Paid")] == ["Fully Paid"]
        assert [each["status"] for each in await found(words="stranger")] == ["Fully Paid"]
        assert [each["status"] for each in await found(sort="amount_paid_desc")] == ["Fully Paid", "Sent"]
        assert [each["status"] for each in await found(by=practice.patient)] == ["Sent"]
        (first, _) = practice.world.super_bills
        one = await practice.ask(
            "query($id: ID) { superBill(id: $id) { id } }", by=practice.stranger, id=first.id
        )
        assert one["superBill"] is None
