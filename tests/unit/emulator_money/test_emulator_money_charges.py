"""`createBillingItem`: charges, declines, keys, outside payments, due dates."""

import json
from datetime import timedelta
from typing import Any

import pytest


def charges(practice: Any) -> list[Any]:
    return [charge for charge in practice.world.stripe.charges.values() if charge.decline is None]


class TestCharging:
    async def test_a_charge_names_the_stripe_charge_and_what_was_taken(self, practice: Any) -> None:
        card = await practice.attach()
        payload = await practice.charge("149.50", stripe_customer_detail_id=card, note="Sample note")
        item = payload["billingItem"]
        assert payload["messages"] is None
        assert payload["stripeError"] is None
        assert (item["state"], item["amount_paid"], item["note"]) == ("SUCCEEDED", "149.5", "Sample note")
        (charge,) = charges(practice)
        assert (charge.id, charge.amount, charge.customer) == (
            item["stripe_charge_id"],
            14_950,
            practice.patient.id,
        )

    async def test_without_a_card_named_the_default_card_is_charged(self, practice: Any) -> None:
        """`stripe_customer_detail_id` names another one."""
        await practice.attach("tok_visa")
        second = await practice.attach("tok_mastercard", is_default=True)
        await practice.charge()
        (charge,) = charges(practice)
        assert charge.card == practice.world.cards[second].stripe_id

    async def test_without_any_card_nothing_is_charged(self, practice: Any) -> None:
        payload = await practice.charge()
        assert payload["messages"][0]["message"] == "Client does not have a card on file"
        assert practice.world.stripe.charges == {}

    async def test_another_patients_card_does_not_exist(self, practice: Any) -> None:
        foreign = await practice.attach(to=practice.stranger)
        refusals = [
            await practice.charge(stripe_customer_detail_id=card_id) for card_id in (foreign, "999999999")
        ]
        assert refusals[0] == refusals[1]
        assert practice.world.stripe.charges == {}

    async def test_a_patients_key_pays_for_that_patient_only(self, practice: Any) -> None:
        await practice.attach(to=practice.stranger)
        payload = await practice.charge(by=practice.patient, sender_id=practice.stranger.id)
        assert payload["messages"][0]["field"] == "sender_id"
        assert practice.world.stripe.charges == {}

    @pytest.mark.parametrize("amount", ["", "abc", "-1", "1e2", "1.234"])
    async def test_what_is_no_amount_is_refused(self, practice: Any, amount: str) -> None:
        await practice.attach()
        payload = await practice.charge(amount)
        assert payload["billingItem"] is None
        assert payload["messages"][0]["field"] == "amount_paid"
        assert practice.world.stripe.charges == {}

    async def test_no_bank_account_means_no_charge(self, practice: Any) -> None:
        await practice.attach()
        practice.world.switches.bank_account_set_up = False
        payload = await practice.charge()
        assert "bank account" in payload["messages"][0]["message"]
        assert practice.world.stripe.charges == {}
        assert len(practice.world.billing_items) == 0

    async def test_without_should_charge_an_outside_payment_is_written_down(self, practice: Any) -> None:
        """Only `should_charge: true` takes money."""
        await practice.attach()
        payload = await practice.charge(should_charge=False)
        assert payload["billingItem"]["is_outside_payment"] is True
        assert payload["billingItem"]["stripe_charge_id"] is None
        assert practice.world.stripe.charges == {}

    async def test_an_outside_payment_keeps_the_day_it_was_made_on_and_a_charge_does_not(
        self, practice: Any
    ) -> None:
        """Healthie's guide on billing items: a date of its own is for money that came in elsewhere."""
        await practice.attach()
        for should_charge in (False, True):
            await practice.charge(should_charge=should_charge, created_at="2026-02-01T12:00:00Z")
        dates = [item.created_at for item in practice.world.billing_items]
        assert [each.month for each in dates] == [2, 3]

    async def test_metadata_is_kept_and_cannot_be_read_while_note_can(self, practice: Any) -> None:
        await practice.attach()
        payload = await practice.charge(metadata='{"checkout": "1"}', note="n")
        assert practice.world.billing_items[payload["billingItem"]["id"]].metadata == '{"checkout": "1"}'
        answer = await practice.raw(
            "query($id: ID) { billingItem(id: $id) { metadata } }", id=payload["billingItem"]["id"]
        )
        assert "Cannot query field 'metadata'" in answer.errors[0].message

    async def test_a_switch_drops_the_note(self, practice: Any) -> None:
        await practice.attach()
        practice.world.switches.drop_note = True
        payload = await practice.charge(note="Sample note")
        assert payload["billingItem"]["note"] is None

    async def test_a_disputed_card_is_charged_and_disputed(self, practice: Any) -> None:
        await practice.attach("tok_createDispute")
        payload = await practice.charge("80")
        answer = await practice.ask(
            "query($id: ID) { billingItem(id: $id) { charge_backs { disputed_amount status } } }",
            id=payload["billingItem"]["id"],
        )
        assert answer["billingItem"]["charge_backs"] == [
            {"disputed_amount": "80.0", "status": "needs_response"}
        ]

    async def test_disputes_are_listed_as_ones_own_or_those_of_the_practice(self, practice: Any) -> None:
        """`show_all_for_org` shows those of others to whom the permission is given."""
        await practice.attach("tok_createDispute")
        for amount in ("80", "90"):
            practice.world.clock.advance(3600)
            await practice.charge(amount)
        document = """query($all: Boolean) { chargeBacks(show_all_for_org: $all, order_by: UPDATED_AT_DESC) {
          nodes { disputed_amount } } }"""

        async def listed(**given: Any) -> list[str]:
            answer = await practice.ask(document, **given)
            return [each["disputed_amount"] for each in answer["chargeBacks"]["nodes"]]

        assert await listed() == ["90.0", "80.0"]
        assert await listed(by=practice.colleague) == []
        assert await listed(by=practice.colleague, all=True) == ["90.0", "80.0"]
        assert await listed(by=practice.stranger, all=True) == []


class TestBlankInputs:
    async def test_a_blank_amount_is_the_whole_first_payment_of_the_package(self, practice: Any) -> None:
        """Without an amount it is the whole price of the package, or the whole invoice."""
        await practice.attach()
        practice.world.offerings.change(practice.single, first_time_payment=12_000)
        payload = await practice.charge(None, offering_id=practice.single)
        assert payload["billingItem"]["amount_paid"] == "120.0"
        (charge,) = charges(practice)
        assert charge.amount == 12_000

    async def test_a_blank_amount_is_the_whole_of_the_invoice(self, practice: Any) -> None:
        await practice.attach()
        invoice = practice.world.requested_payments.add(
            sender_id=practice.clinician.id, recipient_id=practice.patient.id, price=7_500
        )
        payload = await practice.charge(None, requested_payment_id=invoice.id)
        assert payload["billingItem"]["amount_paid"] == "75.0"
        assert practice.world.requested_payments[invoice.id].status == "Paid"

    async def test_a_blank_amount_for_nothing_that_has_a_price_is_refused(self, practice: Any) -> None:
        await practice.attach()
        payload = await practice.charge(None)
        assert payload["messages"][0]["field"] == "amount_paid"
        assert practice.world.stripe.charges == {}

    async def test_a_blank_recipient_is_the_patients_primary_provider(self, practice: Any) -> None:
        """Who is paid is the patient's main clinician unless somebody is named, and not the key's owner."""
        await practice.attach()
        payload = await practice.charge(recipient_id=None, by=practice.colleague)
        (item,) = practice.world.billing_items
        assert (payload["messages"], item.recipient_id) == (None, practice.clinician.id)
        practice.world.users.change(practice.patient.id, dietitian_id=None)
        payload = await practice.charge(recipient_id=None, by=practice.colleague)
        assert payload["messages"][0]["field"] == "recipient_id"


class TestStripeErrorOfAnAnswer:
    @pytest.mark.parametrize("as_json", [False, True])
    async def test_it_is_the_text_or_the_json_by_a_switch(
        self,
        practice: Any,
        as_json: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        practice.world.switches.stripe_error_as_json = as_json
        await practice.attach("tok_chargeCustomerFail")
        told = (await practice.charge())["stripeError"]
        assert (json.loads(told)["message"] if as_json else told) == "Your card was declined."


class TestDeclines:
    @pytest.mark.parametrize(
        ("token", "reason", "words"),
        [
            ("tok_chargeCustomerFail", "generic_decline", "Your card was declined."),
            ("tok_threeDSecure2Required", "authentication_required", "requires authentication"),
        ],
    )
    async def test_a_decline_comes_as_messages_and_stripe_error_and_leaves_a_failed_item(
        self, practice: Any, token: str, reason: str, words: str
    ) -> None:
        """A decline is no GraphQL error: `messages` and `stripeError` tell of it.

        Healthie's reference: `failure_reason` is the message, `stripe_error` is JSON about why Stripe refused.
        """
        card = await practice.attach(token)
        payload = await practice.charge(offering_id=practice.single)
        assert payload["billingItem"] is None
        assert words in payload["messages"][0]["message"]
        assert words in payload["stripeError"]
        (item,) = practice.world.billing_items
        answer = await practice.ask(
            "query($id: ID) { billingItem(id: $id) { state failure_reason stripe_error card_source card_last4 } }",
            id=item.id,
        )
        failed = answer["billingItem"]
        assert failed["state"] == "FAILED"
        assert words in failed["failure_reason"]
        told = json.loads(failed["stripe_error"])
        assert (told["decline_code"], told["type"]) == (reason, "card_error")
        assert words in told["message"]
        assert failed["card_source"].split()[-1] == practice.world.cards[card].last_four
        assert failed["card_last4"] is None, "only a succeeded payment tells the card by itself"
        assert len(practice.world.package_selections) == 0

    async def test_a_declined_token_answers_as_refused_when_attached(self, practice: Any) -> None:
        answer = await practice.ask(
            "mutation($input: createStripeCustomerDetailInput) { createStripeCustomerDetail(input: $input) "
            "{ stripe_customer_detail { id } messages { message } stripeError } }",
            input={"token": "tok_chargeDeclinedInsufficientFunds", "user_id": practice.patient.id},
        )
        assert answer["createStripeCustomerDetail"] == {
            "stripe_customer_detail": None,
            "messages": [{"message": "Your card has insufficient funds."}],
            "stripeError": "Your card has insufficient funds.",
        }


class TestIdempotencyKeys:
    async def test_the_same_key_and_parameters_are_one_charge_and_one_item(self, practice: Any) -> None:
        await practice.attach()
        first = await practice.charge(offering_id=practice.single, stripe_idempotency_key="k")
        again = await practice.charge(offering_id=practice.single, stripe_idempotency_key="k")
        assert again == first
        assert len(charges(practice)) == len(practice.world.billing_items) == 1
        assert len(practice.world.package_selections) == 1

    async def test_a_switch_adds_a_second_item_for_the_one_charge(self, practice: Any) -> None:
        await practice.attach()
        practice.world.switches.repeated_key_adds_item = True
        first = await practice.charge(stripe_idempotency_key="k")
        again = await practice.charge(stripe_idempotency_key="k")
        assert again["billingItem"]["id"] != first["billingItem"]["id"]
        assert again["billingItem"]["stripe_charge_id"] == first["billingItem"]["stripe_charge_id"]
        assert len(charges(practice)) == 1

    async def test_other_parameters_answer_a_stripe_error_that_is_no_decline(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge("100", stripe_idempotency_key="k")
        payload = await practice.charge("101", stripe_idempotency_key="k")
        assert payload["billingItem"] is None
        assert payload["messages"] is None
        assert "same parameters" in payload["stripeError"]
        assert len(charges(practice)) == len(practice.world.billing_items) == 1

    async def test_a_key_is_forgotten_after_24_hours(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge(stripe_idempotency_key="k")
        practice.pass_time(hours=24)
        await practice.charge(stripe_idempotency_key="k")
        assert len(charges(practice)) == len(practice.world.billing_items) == 2

    async def test_a_repeated_decline_is_one_failed_item(self, practice: Any) -> None:
        await practice.attach("tok_chargeCustomerFail")
        first = await practice.charge(stripe_idempotency_key="k")
        assert await practice.charge(stripe_idempotency_key="k") == first
        assert len(practice.world.billing_items) == 1

    async def test_the_last_of_a_capped_plan_can_be_paid_again_with_its_key(self, practice: Any) -> None:
        await practice.attach()
        first = await practice.charge(offering_id=practice.capped, stripe_idempotency_key="k")
        assert await practice.charge(offering_id=practice.capped, stripe_idempotency_key="k") == first
        practice.pass_time(hours=24)
        late = await practice.charge(offering_id=practice.capped, stripe_idempotency_key="k")
        assert "purchase cap" in late["messages"][0]["message"], "a forgotten key is a new purchase"

    @pytest.mark.parametrize("trouble", ["idempotency_key_in_use", "lock_timeout"])
    async def test_passing_trouble_is_a_stripe_error_alone(self, practice: Any, trouble: str) -> None:
        await practice.attach()
        practice.world.stripe.fail_next.append(trouble)
        payload = await practice.charge(stripe_idempotency_key="k")
        assert payload["stripeError"]
        assert payload["messages"] is None
        assert len(practice.world.billing_items) == 0
        assert (await practice.charge(stripe_idempotency_key="k"))["billingItem"]["state"] == "SUCCEEDED"


class TestDueDates:
    async def test_a_later_due_date_schedules_and_charges_when_it_comes(self, practice: Any) -> None:
        """What today is, the zone of the key's owner decides."""
        await practice.attach()
        payload = await practice.charge(payment_due_date="2026-03-05", offering_id=practice.single)
        item_id = payload["billingItem"]["id"]
        assert payload["billingItem"]["state"] == "SCHEDULED"
        assert charges(practice) == []
        practice.pass_time(days=4)
        answer = await practice.ask(
            "query($id: ID) { billingItem(id: $id) { state stripe_charge_id user_package_selection { id } } }",
            id=item_id,
        )
        assert answer["billingItem"]["state"] == "SUCCEEDED"
        assert answer["billingItem"]["user_package_selection"] is not None
        assert [charge.id for charge in charges(practice)] == [answer["billingItem"]["stripe_charge_id"]]

    async def test_a_planned_charge_can_fail(self, practice: Any) -> None:
        await practice.attach("tok_chargeCustomerFail")
        await practice.charge(payment_due_date="2026-03-05")
        practice.pass_time(days=4)
        await practice.ask("{ billingItems { total_count } }")
        (item,) = practice.world.billing_items
        assert (item.state, item.failure_reason) == ("FAILED", "Your card was declined.")

    async def test_a_scheduled_payment_cannot_be_attached_to_an_invoice(self, practice: Any) -> None:
        """The reference of `requested_payment_id`: scheduled billing items cannot be attached to an invoice."""
        await practice.attach()
        invoice = practice.world.requested_payments.add(
            sender_id=practice.clinician.id, recipient_id=practice.patient.id, price=7_500
        )
        later = await practice.charge(payment_due_date="2026-03-05", requested_payment_id=invoice.id)
        assert later["messages"][0]["field"] == "requested_payment_id"
        assert len(practice.world.billing_items) == 0
        now = await practice.charge(payment_due_date="2026-03-02", requested_payment_id=invoice.id)
        assert now["billingItem"]["state"] == "SUCCEEDED"

    async def test_a_scheduled_payment_says_what_it_will_take_and_can_be_called_off(
        self, practice: Any
    ) -> None:
        await practice.attach()
        item_id = (await practice.charge("40", payment_due_date="2026-03-05"))["billingItem"]["id"]
        coming = "query($id: ID) { billingItem(id: $id) { next_scheduled_payment_amount } }"
        assert (await practice.ask(coming, id=item_id))["billingItem"][
            "next_scheduled_payment_amount"
        ] == "40.0"
        await practice.ask(
            "mutation($id: ID) { updateBillingItem(input: {id: $id, is_canceled: true}) { messages { message } } }",
            id=item_id,
        )
        practice.pass_time(days=4)
        assert (await practice.ask(coming, id=item_id))["billingItem"][
            "next_scheduled_payment_amount"
        ] is None
        assert charges(practice) == []

    async def test_today_is_told_by_the_key_owners_zone(self, practice: Any) -> None:
        await practice.attach()
        # 2 March 21:00 there, 3 March in UTC.
        practice.world.clock.advance(timedelta(hours=9).total_seconds())
        today = await practice.charge(payment_due_date="2026-03-02")
        tomorrow = await practice.charge(payment_due_date="2026-03-03")
        assert today["billingItem"]["state"] == "SUCCEEDED"
        assert tomorrow["billingItem"]["state"] == "SCHEDULED"
