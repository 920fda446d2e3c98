"""Refunds, payments sent again, cards on file, and reading payments back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.healthie_emulator.money import books

UPDATE = """mutation($input: updateBillingItemInput) { updateBillingItem(input: $input) {
  billingItem { id state refund_amount refund_date refund_items { refund_amount status } stripe_charge_id note }
  messages { field message } } }"""


async def update(practice: Any, **given: Any) -> dict[str, Any]:
    answer = await practice.ask(UPDATE, input=given)
    return dict(answer["updateBillingItem"])


async def paid(practice: Any, amount: str = "100", **more: Any) -> str:
    await practice.attach()
    payload = await practice.charge(amount, **more)
    return str(payload["billingItem"]["id"])


class TestRefunds:
    async def test_refunds_add_up_and_are_read_back(self, practice: Any) -> None:
        item_id = await paid(practice)
        await update(practice, id=item_id, chosen_refund_amount="30")
        payload = await update(practice, id=item_id, chosen_refund_amount="70.00")
        item = payload["billingItem"]
        assert payload["messages"] is None
        assert (item["state"], item["refund_amount"]) == ("SUCCEEDED", "100.0")
        assert [each["refund_amount"] for each in item["refund_items"]] == ["30.0", "70.0"]
        assert [refund.amount for refund in practice.world.stripe.refunds.values()] == [3_000, 7_000]

    @pytest.mark.parametrize("amount", ["100.01", "0", "-5", "much"])
    async def test_what_cannot_be_given_back_is_refused(self, practice: Any, amount: str) -> None:
        item_id = await paid(practice)
        payload = await update(practice, id=item_id, chosen_refund_amount=amount)
        assert payload["billingItem"] is None
        assert payload["messages"]
        assert practice.world.stripe.refunds == {}

    @pytest.mark.parametrize(("after_refunds", "left"), [(None, "70.0"), (False, "100.0")])
    async def test_the_net_payment_is_what_is_left_or_by_a_switch_what_was_paid(
        self,
        practice: Any,
        after_refunds: bool | None,  # noqa: FBT001 - a parameter of the test
        left: str,
    ) -> None:
        """Refunds count against `net_payment`, says Healthie's reference."""
        if after_refunds is not None:
            practice.world.switches.net_payment_after_refunds = after_refunds
        item_id = await paid(practice)
        await update(practice, id=item_id, chosen_refund_amount="30")
        found = await practice.ask("query ($id: ID) { billingItem(id: $id) { net_payment } }", id=item_id)
        assert found["billingItem"]["net_payment"] == left

    async def test_a_repeated_key_refunds_once(self, practice: Any) -> None:
        item_id = await paid(practice)
        for _ in range(2):
            payload = await update(
                practice, id=item_id, chosen_refund_amount="30", stripe_idempotency_key="r"
            )
        assert payload["billingItem"]["refund_amount"] == "30.0"
        assert len(practice.world.stripe.refunds) == len(practice.world.refund_items) == 1

    async def test_an_outside_payment_cannot_be_refunded(self, practice: Any) -> None:
        item_id = await paid(practice, should_charge=False)
        payload = await update(practice, id=item_id, chosen_refund_amount="10")
        assert "was not charged" in payload["messages"][0]["message"]

    async def test_a_patients_key_refunds_nothing(self, practice: Any) -> None:
        item_id = await paid(practice)
        answer = await practice.raw(
            UPDATE, by=practice.patient, input={"id": item_id, "chosen_refund_amount": "10"}
        )
        assert answer.errors[0].extensions["code"] == "UNAUTHORIZED"
        assert practice.world.stripe.refunds == {}

    async def test_trouble_at_stripe_refunds_nothing(self, practice: Any) -> None:
        item_id = await paid(practice)
        practice.world.stripe.fail_next.append("lock_timeout")
        payload = await update(practice, id=item_id, chosen_refund_amount="10")
        assert "cannot be accessed right now" in payload["messages"][0]["message"]
        assert practice.world.stripe.refunds == {}


class TestResending:
    async def test_a_failed_payment_comes_to_life_later(self, practice: Any) -> None:
        """The failed payment then names the one that worked, as `successful_retried_payment`."""
        bad = await practice.attach("tok_chargeCustomerFail")
        await practice.charge(offering_id=practice.single)
        (failed,) = practice.world.billing_items
        practice.world.cards.change(bad, deleted_at=practice.world.clock.now())
        await practice.attach("tok_visa", is_default=True)
        payload = await update(practice, id=failed.id, resend_payment=True)
        assert payload["billingItem"]["state"] == "SUCCEEDED"
        assert payload["billingItem"]["id"] != failed.id
        answer = await practice.ask(
            "query($id: ID) { billingItem(id: $id) { state successful_retried_payment { id } } }",
            id=failed.id,
        )
        assert answer["billingItem"] == {
            "state": "FAILED",
            "successful_retried_payment": {"id": payload["billingItem"]["id"]},
        }
        assert len(practice.world.package_selections) == 1
        again = await update(practice, id=failed.id, resend_payment=True)
        assert "Only a failed payment" in again["messages"][0]["message"]

    async def test_a_payment_that_worked_is_not_sent_again(self, practice: Any) -> None:
        item_id = await paid(practice)
        payload = await update(practice, id=item_id, resend_payment=True)
        assert payload["messages"]
        assert len(practice.world.stripe.charges) == 1


class TestCards:
    CARDS = "query($user: ID) { stripeCustomerDetails(user_id: $user) { nodes { id card_type last_four } } }"

    async def test_cards_are_listed_newest_first_and_the_first_becomes_the_default(
        self, practice: Any
    ) -> None:
        visa, amex = await practice.attach("tok_visa"), await practice.attach("tok_amex")
        answer = await practice.ask(self.CARDS, user=practice.patient.id)
        assert answer["stripeCustomerDetails"]["nodes"] == [
            {"id": amex, "card_type": "American Express", "last_four": "0005"},
            {"id": visa, "card_type": "Visa", "last_four": "4242"},
        ]
        assert practice.world.users[practice.patient.id].default_stripe_customer_detail_id == visa

    async def test_a_card_says_what_it_is_and_whose(self, practice: Any) -> None:
        """Healthie's reference: without a label the card is personal, `stripe_id` is the client's at Stripe, a type is `Card`."""
        await practice.attach()
        practice.world.cards.change(
            next(iter(practice.world.cards)).id, expiration=datetime(2026, 4, 30, tzinfo=UTC)
        )
        answer = await practice.ask(
            "query($user: ID) { stripeCustomerDetails(user_id: $user) { nodes { "
            "card_type_label stripe_id source_type expiring_next_month user { id } } } }",
            user=practice.patient.id,
        )
        assert answer["stripeCustomerDetails"]["nodes"] == [
            {
                "card_type_label": "personal",
                "stripe_id": f"cus_{practice.patient.id}",
                "source_type": "Card",
                "expiring_next_month": True,
                "user": {"id": practice.patient.id},
            }
        ]

    async def test_another_patient_sees_no_card_and_changes_none(self, practice: Any) -> None:
        card = await practice.attach()
        answer = await practice.ask(self.CARDS, by=practice.stranger, user=practice.patient.id)
        assert answer["stripeCustomerDetails"]["nodes"] == []
        answer = await practice.ask(
            "mutation($card: ID) { deleteStripeCustomerDetail(input: {card_id: $card}) { messages { message } } }",
            by=practice.stranger,
            card=card,
        )
        assert answer["deleteStripeCustomerDetail"]["messages"] == [{"message": "Card not found"}]
        assert practice.world.cards[card].deleted_at is None

    async def test_the_default_moves_by_request_and_when_its_card_goes(self, practice: Any) -> None:
        first, second = await practice.attach(), await practice.attach()
        await practice.ask(
            'mutation($id: ID) { updateStripeCustomerDetail(input: {id: $id, is_default: true, card_type_label: "hsa"}) '
            "{ stripe_customer_detail { card_type_label } messages { message } } }",
            id=second,
        )
        assert practice.world.users[practice.patient.id].default_stripe_customer_detail_id == second
        await practice.ask(
            "mutation($id: ID) { deleteStripeCustomerDetail(input: {card_id: $id}) { messages { message } } }",
            id=second,
        )
        assert practice.world.users[practice.patient.id].default_stripe_customer_detail_id == first
        payload = await practice.charge(stripe_customer_detail_id=second)
        assert payload["messages"][0]["message"] == "Card not found"

    @pytest.mark.parametrize(
        ("token", "words"), [("tok_nonsense", "No such token"), ("tok_visa_once", "more than once")]
    )
    async def test_a_token_unknown_or_spent_is_refused(self, practice: Any, token: str, words: str) -> None:
        """As at Stripe, whose payment form makes such tokens."""
        await practice.attach("tok_visa_once")
        answer = await practice.ask(
            "mutation($input: createStripeCustomerDetailInput) { createStripeCustomerDetail(input: $input) "
            "{ stripe_customer_detail { id } messages { message } stripeError } }",
            input={"token": token, "user_id": practice.patient.id},
        )
        assert words in answer["createStripeCustomerDetail"]["stripeError"]
        assert words in answer["createStripeCustomerDetail"]["messages"][0]["message"]


class TestReadingBack:
    LIST = """query($client: ID, $user: ID, $since: ISO8601DateTime, $state: String) {
      billingItems(client_id: $client, user_id: $user, created_at_start: $since, state: $state,
        order_by: CREATED_AT_DESC) { total_count nodes { id } } }"""

    async def test_a_filter_of_the_wrong_kind_answers_an_empty_list(self, practice: Any) -> None:
        item_id = await paid(practice)
        right = await practice.ask(self.LIST, client=practice.patient.id)
        wrong = await practice.ask(self.LIST, user=practice.patient.id)
        assert right["billingItems"]["nodes"] == [{"id": item_id}]
        assert wrong["billingItems"]["nodes"] == []

    async def test_items_are_found_by_time_and_state_newest_first(self, practice: Any) -> None:
        await paid(practice)
        practice.pass_time(minutes=10)
        later = [await paid(practice, "20"), await paid(practice, "30")]
        answer = await practice.ask(
            self.LIST, client=practice.patient.id, since="2026-03-02 12:05:00", state="SUCCEEDED"
        )
        assert [node["id"] for node in answer["billingItems"]["nodes"]] == later[::-1]
        answer = await practice.ask(self.LIST, state="FAILED")
        assert answer["billingItems"]["total_count"] == 0

    async def test_a_foreign_item_and_a_missing_one_answer_alike(self, practice: Any) -> None:
        item_id = await paid(practice)
        for asked in (item_id, "999999999"):
            answer = await practice.ask(
                "query($id: ID) { billingItem(id: $id) { id } billingItems { total_count } }",
                by=practice.stranger,
                id=asked,
            )
            assert answer == {"billingItem": None, "billingItems": {"total_count": 0}}

    async def test_the_books_tell_what_the_bank_knows(self, practice: Any) -> None:

        item_id = await paid(practice, stripe_idempotency_key="k")
        await update(practice, id=item_id, chosen_refund_amount="30")
        await practice.attach("tok_chargeCustomerFail", is_default=True)
        await practice.charge("40")
        told = books(practice.world)
        assert [(c["amount"], c["refunded"], c["idempotency_key"]) for c in told["charges"]] == [
            (10_000, 3_000, "k")
        ]
        assert [(d["amount"], d["decline"]) for d in told["declines"]] == [(4_000, "generic_decline")]
        assert [refund["amount"] for refund in told["refunds"]] == [3_000]
