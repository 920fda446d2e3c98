"""Money over HTTP, with the seeded practice: a decline, another card, a refund, and trouble on the way."""

from typing import Any

import pytest

from integrations.healthie_emulator.wire import ConnectionDropped
from tests.plugins.emulator import CLINICIAN_1, PATIENT_2, EmulatorClient

ATTACH = """mutation Attach($patient: ID, $token: String) {
  createStripeCustomerDetail(input: {user_id: $patient, token: $token, is_default: true}) {
    stripe_customer_detail { id last_four } messages { message } stripeError } }"""
PAY = """mutation Pay($patient: ID, $plan: ID, $amount: String, $once: ID) {
  createBillingItem(input: {sender_id: $patient, amount_paid: $amount, should_charge: true, offering_id: $plan,
    stripe_idempotency_key: $once}) {
    billingItem { id state stripe_charge_id created_at recurring_payment { id next_payment_date } }
    messages { message } stripeError } }"""


async def attach(emulator: EmulatorClient, patient: str, token: str) -> Any:
    answer = await emulator.ask(ATTACH, key=CLINICIAN_1, patient=patient, token=token)
    return answer["createStripeCustomerDetail"]


async def pay(emulator: EmulatorClient, patient: str, **given: Any) -> Any:
    answer = await emulator.ask(PAY, key=CLINICIAN_1, patient=patient, amount="149.00", **given)
    return answer["createBillingItem"]


@pytest.fixture
async def patient(emulator: EmulatorClient) -> str:
    return str((await emulator.control.seed())["patients"][1]["id"])


async def test_a_decline_another_card_and_a_refund(emulator: EmulatorClient, patient: str) -> None:
    assert (await attach(emulator, patient, "tok_chargeDeclined"))["stripeError"] == "Your card was declined."
    await attach(emulator, patient, "tok_chargeCustomerFail")
    declined = await pay(emulator, patient, once="first")
    assert declined["messages"][0]["message"] == "Your card was declined."
    await attach(emulator, patient, "tok_visa")
    paid = await pay(emulator, patient, once="second")
    refund = await emulator.ask(
        """mutation Refund($id: ID) { updateBillingItem(input: {id: $id, chosen_refund_amount: "149"}) {
          billingItem { refund_amount refund_date } messages { message } } }""",
        key=CLINICIAN_1,
        id=paid["billingItem"]["id"],
    )
    books = await emulator.control.books()
    assert refund["updateBillingItem"]["billingItem"]["refund_amount"] == "149.0"
    assert [(charge["amount"], charge["refunded"]) for charge in books["charges"]] == [(14_900, 14_900)]
    assert [decline["amount"] for decline in books["declines"]] == [14_900]
    assert [refund["amount"] for refund in books["refunds"]] == [14_900]


async def test_a_lost_answer_and_the_same_key_are_one_charge(emulator: EmulatorClient, patient: str) -> None:
    await attach(emulator, patient, "tok_visa")
    await emulator.control.faults({"kind": "lost_answer", "operation": "Pay", "count": 1})
    with pytest.raises(ConnectionDropped):
        await pay(emulator, patient, once="k")
    assert (await pay(emulator, patient, once="k"))["billingItem"]["state"] == "SUCCEEDED"
    books = await emulator.control.books()
    assert len(books["charges"]) == len(books["billing_items"]) == 1


@pytest.mark.parametrize("kind", ["stripe_key_in_use", "stripe_lock_timeout"])
async def test_trouble_at_stripe_can_be_ordered(emulator: EmulatorClient, patient: str, kind: str) -> None:
    await attach(emulator, patient, "tok_visa")
    await emulator.control.faults({"kind": kind, "operation": "createBillingItem", "count": 1})
    troubled = await pay(emulator, patient, once="k")
    assert troubled["stripeError"]
    assert troubled["billingItem"] is troubled["messages"] is None
    assert (await pay(emulator, patient, once="k"))["stripeError"] is None


async def test_a_silent_no_op_charges_nothing_and_says_nothing(
    emulator: EmulatorClient, patient: str
) -> None:
    await attach(emulator, patient, "tok_visa")
    await emulator.control.switches(silent_noop=["createBillingItem"])
    answer = await pay(emulator, patient)
    assert not answer["messages"]
    assert not answer["stripeError"]
    assert (await emulator.control.books())["charges"] == []


async def test_a_month_later_the_plan_bills_again(emulator: EmulatorClient, patient: str) -> None:
    plans = (await emulator.control.seed())["plans"]
    await attach(emulator, patient, "tok_visa")
    paid = await pay(emulator, patient, plan=plans["Monthly Care"])
    assert paid["billingItem"]["recurring_payment"]["next_payment_date"].startswith("2027-02-04 10:00:00 EST")
    await emulator.control.clock(advance=31 * 86_400)
    assert len((await emulator.control.books())["charges"]) == 2


async def test_a_patients_key_sees_that_patients_money_only(emulator: EmulatorClient, patient: str) -> None:
    first = str((await emulator.control.seed())["patients"][0]["id"])
    await attach(emulator, first, "tok_visa")
    await pay(emulator, first)
    answer = await emulator.ask(
        """query Mine($id: ID) { billingItems { total_count } stripeCustomerDetails(user_id: $id) { total_count } }""",
        key=PATIENT_2,
        id=first,
    )
    assert answer == {"billingItems": {"total_count": 0}, "stripeCustomerDetails": {"total_count": 0}}


async def test_two_emulators_with_the_same_seed_give_the_same_answers(emulator: EmulatorClient) -> None:
    told = []
    for _ in range(2):
        seed = await emulator.control.reset(seed=5, clock="2027-01-04T15:00:00+00:00", stopped=True)
        patient = seed["patients"][1]["id"]
        told.append(
            [
                await attach(emulator, patient, "tok_mastercard"),
                await pay(emulator, patient, plan=seed["plans"]["First Visit"]),
                await emulator.control.books(),
            ]
        )
    assert told[0] == told[1]
