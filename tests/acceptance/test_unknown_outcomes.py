"""An answer that never came: wait, look, then perhaps send. One charge, one visit, whatever happens on the way."""

from datetime import timedelta

import pytest

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.plugins.stack import Stack, Stacks, eventually

TROUBLE = ["lost_request", "lost_answer", "http_5xx", "too_many_requests", "truncated", "not_json"]


async def checking_out(stack: Stack) -> tuple[App, str]:
    app = await stack.visitor()
    return await app.guest_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))


async def assert_one_of_each(stack: Stack, guest: App, checkout_id: str) -> None:
    """It ended in the one visit that was paid once, and both stand at the practice."""
    ended = await guest.checkout(checkout_id)
    made = await stack.made()
    assert ended["status"] == "CONFIRMED"
    assert [(charge["amount"], charge["refunded"]) for charge in made["charges"]] == [(14_900, 0)]
    assert [visit["id"] for visit in made["appointments"]] == [ended["appointment"]["id"]]
    assert [item["state"] for item in made["billing_items"]] == ["SUCCEEDED"]
    assert len(made["patients"]) == 1


@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("operation", ["Charge", "Book"])
async def test_what_became_of_it_is_found_out_later_and_it_is_done_once(
    stack: Stack, operation: str, kind: str
) -> None:
    await stack.emulator.control.switches(repeated_key_adds_item=True)
    guest, checkout_id = await checking_out(stack)
    await stack.fault(kind, operation)
    underway = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (underway["__typename"], underway["checkout"]["status"]) == ("CheckoutProcessing", "PROCESSING")
    await stack.work()
    await assert_one_of_each(stack, guest, checkout_id)


@pytest.mark.parametrize("kind", ["stripe_key_in_use", "stripe_lock_timeout"])
async def test_a_processor_that_is_busy_with_the_charge_has_declined_nothing(stack: Stack, kind: str) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault(kind, "createBillingItem")
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
    await stack.work()
    await assert_one_of_each(stack, guest, checkout_id)


@pytest.mark.parametrize("operation", ["Charge", "Book"])
async def test_nothing_is_sent_again_before_what_was_sent_must_have_landed(
    stack: Stack, operation: str
) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault("lost_request", operation)
    await guest.confirm(checkout_id, cardToken="tok_visa")
    await stack.emulator.control.forget_requests()
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
    await stack.work(after=timedelta(seconds=25))
    assert operation not in await stack.upstream()
    await stack.work(after=timedelta(seconds=6))
    assert (await stack.upstream()).count(operation) == 1
    await assert_one_of_each(stack, guest, checkout_id)


async def test_a_slow_practice_keeps_nobody_waiting_and_the_checkout_comes_to_its_end(stacks: Stacks) -> None:
    """No worker is needed: who began goes on after the patient has their answer."""
    stack = await stacks.start(answer_seconds=0.2)
    guest, checkout_id = await checking_out(stack)
    await stack.fault("slow_answer", "Charge", seconds=0.5)
    underway = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (underway["__typename"], underway["checkout"]["status"]) == ("CheckoutProcessing", "PROCESSING")
    await eventually(stack.landed)
    await eventually(lambda: confirmed(guest, checkout_id))
    await assert_one_of_each(stack, guest, checkout_id)


async def confirmed(guest: App, checkout_id: str) -> bool:
    """Whether the checkout has come to its visit."""
    return bool((await guest.checkout(checkout_id))["status"] == "CONFIRMED")


async def test_the_same_key_answers_the_outcome_once_it_is_known(stack: Stack) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault("lost_answer", "Charge")
    confirm = {"checkout_id": checkout_id, "key": "one-attempt", "cardToken": "tok_visa"}
    assert (await guest.confirm(**confirm))["__typename"] == "CheckoutProcessing"
    assert (await guest.confirm(**confirm))["__typename"] == "CheckoutProcessing"
    await stack.work()
    assert (await guest.confirm(**confirm))["__typename"] == "ConfirmCheckoutSuccess"
    await assert_one_of_each(stack, guest, checkout_id)


async def test_a_patient_whose_creation_went_unanswered_is_found_again(stack: Stack) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault("lost_answer", "CreatePatient")
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
    await stack.work()
    await assert_one_of_each(stack, guest, checkout_id)


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
async def test_a_card_whose_token_may_be_used_up_is_asked_for_anew(stack: Stack, kind: str) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault(kind, "AttachCard")
    again = await guest.confirm(checkout_id, cardToken="tok_visa_once")
    assert (again["code"], again["reason"]) == ("CARD_DECLINED", "TRY_AGAIN")
    await guest.confirm(checkout_id, cardToken="tok_visa_fresh")
    await assert_one_of_each(stack, guest, checkout_id)


async def test_a_card_that_was_certainly_not_taken_up_is_not_declined(stack: Stack) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault("too_many_requests", "AttachCard")
    confirm: Json = {**guest.accepting(checkout_id), "cardToken": "tok_visa_once"}
    error = await guest.error(documents.CONFIRM, {"input": confirm}, key="one-attempt")
    assert error["extensions"] == {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}
    assert (await guest.checkout(checkout_id))["status"] == "OPEN"


async def test_the_slot_stays_the_patients_while_their_payment_is_in_doubt(stack: Stack) -> None:
    """Longer than the hold lasts: it is claimed."""
    slot = await stack.slot()
    guest, checkout_id = await checking_out(stack)
    await stack.fault("lost_answer", "Charge")
    await guest.confirm(checkout_id, cardToken="tok_visa")
    await stack.pass_time(timedelta(minutes=6))
    assert (await (await stack.visitor()).hold(slot["id"]))["code"] == "SLOT_TAKEN"
    assert (await stack.slot())["id"] != slot["id"]
    await stack.work()
    await assert_one_of_each(stack, guest, checkout_id)


class TestAfterTheDeadline:
    async def test_a_charge_that_never_landed_is_not_sent_again(self, stack: Stack) -> None:
        guest, checkout_id = await checking_out(stack)
        await stack.fault("lost_request", "Charge")
        await guest.confirm(checkout_id, cardToken="tok_visa")
        await stack.work(after=timedelta(minutes=16))
        assert (await guest.checkout(checkout_id))["status"] == "EXPIRED"
        assert (await stack.made())["charges"] == []

    async def test_a_booking_that_never_landed_is_refunded(self, stack: Stack) -> None:
        guest, checkout_id = await checking_out(stack)
        await stack.fault("lost_request", "Book")
        await guest.confirm(checkout_id, cardToken="tok_visa")
        await stack.work(after=timedelta(minutes=16))
        ended = await guest.checkout(checkout_id)
        assert (ended["status"], ended["endReason"]) == ("REFUNDED", "BOOKING_TIMED_OUT")
        made = await stack.made()
        assert [(charge["amount"], charge["refunded"]) for charge in made["charges"]] == [(14_900, 14_900)]
        assert made["appointments"] == []

    async def test_a_booking_that_did_land_counts(self, stack: Stack) -> None:
        guest, checkout_id = await checking_out(stack)
        await stack.fault("lost_answer", "Book")
        await guest.confirm(checkout_id, cardToken="tok_visa")
        await stack.work(after=timedelta(minutes=16))
        await assert_one_of_each(stack, guest, checkout_id)


class TestASuccessThatDidNothing:
    @pytest.mark.parametrize("mutation", ["createBillingItem", "createAppointment"])
    async def test_is_not_believed_and_done_in_truth_later(self, stack: Stack, mutation: str) -> None:
        guest, checkout_id = await checking_out(stack)
        await stack.emulator.control.switches(silent_noop=[mutation])
        underway = await guest.confirm(checkout_id, cardToken="tok_visa")
        assert underway["__typename"] == "CheckoutProcessing"
        await stack.emulator.control.switches(silent_noop=[])
        await stack.work()
        await assert_one_of_each(stack, guest, checkout_id)

    async def test_of_a_charge_without_its_note_is_known_by_amount_and_card(self, stack: Stack) -> None:
        guest, checkout_id = await checking_out(stack)
        await stack.emulator.control.switches(drop_note=True)
        await stack.fault("lost_answer", "Charge")
        await guest.confirm(checkout_id, cardToken="tok_visa")
        await stack.work()
        await assert_one_of_each(stack, guest, checkout_id)


@pytest.mark.parametrize("operation", ["Charge", "Book"])
async def test_a_patient_who_leaves_while_the_outcome_is_unknown_gets_it_all_back(
    stack: Stack, operation: str
) -> None:
    guest, checkout_id = await checking_out(stack)
    await stack.fault("lost_answer", operation)
    await guest.confirm(checkout_id, cardToken="tok_visa")
    leaving = await guest.do(documents.CANCEL, checkoutId=checkout_id)
    assert leaving["checkout"]["status"] == "CANCELLING"
    await stack.work()
    ended: Json = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("REFUNDED", "CANCELLED_BY_PATIENT")
    made = await stack.made()
    assert [charge["refunded"] for charge in made["charges"]] == [14_900]
    assert [visit["id"] for visit in made["appointments"] if not visit["deleted_at"]] == []


async def test_an_outage_of_reading_is_said_and_changes_nothing(stack: Stack) -> None:
    slot = await stack.slot()
    await stack.fault("http_5xx", "AvailableSlots", count=20)
    error = await (await stack.visitor()).error(
        documents.HOLD, {"input": {"slotId": slot["id"], "timeZone": "UTC"}}, key="1"
    )
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UPSTREAM_UNAVAILABLE", True)
    await stack.emulator.client.request("DELETE", "/_control/faults")
    assert (await (await stack.visitor()).hold(slot["id"]))["__typename"] == "HoldSlotSuccess"


async def test_a_confirm_is_answered_in_its_time_without_the_names_that_cannot_be_read_by_then(
    stacks: Stacks,
) -> None:
    """The gateway that answers has not read the catalogue yet."""
    stack = await stacks.start(answer_seconds=2)
    guest, checkout_id = await checking_out(stack)
    other = await stacks.another(stack)
    await stack.fault("slow_answer", "PublicCatalog", seconds=6)
    confirmed = await App(http=other.http, headers=guest.headers, seen=guest.seen).confirm(
        checkout_id, cardToken="tok_visa"
    )
    assert confirmed["checkout"]["slot"]["clinician"] is None

    async def is_confirmed() -> bool:
        return bool((await guest.checkout(checkout_id))["status"] == "CONFIRMED")

    await eventually(is_confirmed)
    await assert_one_of_each(stack, guest, checkout_id)
