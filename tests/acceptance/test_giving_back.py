"""When there is no visit there is no payment: everything that was taken is given back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import book_directly
from tests.plugins.emulator import API_VERSIONS, CLINICIAN_1, OWNER
from tests.plugins.stack import Stack, Stacks, eventually

REASSIGN = """mutation Reassign($input: updateAppointmentInput!) {
  updateAppointment(input: $input) { appointment { id } messages { field message } }
}"""
REMOVE = """mutation Remove($id: ID!) {
  deleteAppointment(input: {id: $id}) { appointment { id } messages { field message } }
}"""


async def checking_out(stack: Stack, plan: str = "First Visit", **given: Any) -> tuple[Json, App, str]:
    """A guest who is about to confirm: the slot, their app and the checkout."""
    slot = await stack.slot()
    app = await stack.visitor()
    guest, checkout_id = await app.guest_checkout(slot["id"], planId=stack.plan(plan), **given)
    return slot, guest, checkout_id


async def reached(stack: Stack, operation: str) -> bool:
    """Whether a request of the operation has come upstream."""
    return operation in await stack.upstream()


async def assert_nothing_is_kept(stack: Stack) -> None:
    """No net money, no visit, nothing that bills again."""
    made = await stack.made()
    assert [charge["amount"] - charge["refunded"] for charge in made["charges"]] == [0] * len(made["charges"])
    assert all(series["is_canceled"] for series in made["recurring_payments"])
    assert [visit["id"] for visit in made["appointments"] if not visit["deleted_at"]] == []


async def assert_the_slot_is_free(stack: Stack, slot: Json) -> None:
    """Somebody else is offered it, and can have it."""
    assert slot["id"] in [one["id"] for one in await offered(stack)]
    await (await stack.visitor()).held(slot["id"])


async def offered(stack: Stack) -> list[Json]:
    return await (await stack.visitor()).slots(
        stack.day(3),
        stack.day(3),
        visitTypeId=stack.visit("Initial Visit"),
        clinicianIds=[stack.clinician(1)],
    )


@pytest.mark.parametrize("plan", ["First Visit", "Monthly Care"])
async def test_a_time_booked_directly_in_between_is_refunded_in_full(stack: Stack, plan: str) -> None:
    await refunded_in_full(stack, plan)


@pytest.mark.parametrize(("version", "gone_remain"), API_VERSIONS)
async def test_the_same_on_each_version_of_healthies_api(
    stacks: Stacks, version: str, *, gone_remain: bool
) -> None:
    """With a plan that recurs: plan, package, series and refund are read back."""
    stack = await stacks.start(healthie_api_version=version)
    await stack.emulator.control.switches(gone_fields_remain=gone_remain)
    await refunded_in_full(stack, "Monthly Care")
    charges = [one for one in await stack.emulator.control.requests() if one["operation"] == "Charge"]
    assert [one["version"] for one in charges] == [version]


async def refunded_in_full(stack: Stack, plan: str) -> None:
    """A paid visit whose time somebody else has: everything is given back, and the time is free again in the end."""
    slot, guest, checkout_id = await checking_out(stack, plan, acceptRecurrence=True)
    intruder = await book_directly(stack, slot)
    failed = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (failed["__typename"], failed["code"]) == ("BookingFailed", "BOOKING_FAILED")
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("REFUNDED", "SLOT_TAKEN")
    assert (ended["refunded"], ended["appointment"]) == ({"amount": "149.00"}, None)
    made = await stack.made()
    assert [(charge["amount"], charge["refunded"]) for charge in made["charges"]] == [(14_900, 14_900)]
    assert [series["is_canceled"] for series in made["recurring_payments"]] == [True] * (
        plan != "First Visit"
    )
    await stack.emulator.ask(REMOVE, key=CLINICIAN_1, id=intruder)
    await assert_nothing_is_kept(stack)
    await assert_the_slot_is_free(stack, slot)


async def test_a_free_visit_that_is_gone_costs_nothing_and_says_taken(stack: Stack) -> None:
    slot = await stack.slot("Free Consultation")
    guest, checkout_id = await (await stack.visitor()).guest_checkout(slot["id"])
    await book_directly(stack, slot)
    assert (await guest.confirm(checkout_id))["code"] == "SLOT_TAKEN"
    assert (await guest.checkout(checkout_id))["status"] == "CANCELLED"


async def test_a_visit_that_ends_up_with_another_clinician_is_undone(stack: Stack) -> None:
    """The practice hands the visit on before it can be read back."""
    slot, guest, checkout_id = await checking_out(stack)
    await stack.fault("slow_answer", "Book", seconds=0.5)
    confirming = asyncio.create_task(guest.confirm(checkout_id, cardToken="tok_visa"))
    (visit,) = await eventually(stack.landed)
    given = {"id": visit["id"], "other_party_id": stack.clinician(2)}
    await stack.emulator.ask(REASSIGN, key=OWNER, input=given)
    assert (await confirming)["code"] == "BOOKING_FAILED"
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("REFUNDED", "PROVIDER_MISMATCH")
    await assert_nothing_is_kept(stack)
    visitor = await stack.visitor()
    people = (await visitor.ask(documents.CLINICIANS))["clinicians"]
    assert slot["clinicianId"] not in [one["id"] for one in people], (
        "not bookable until somebody looked into it"
    )


@pytest.mark.parametrize("missing", ["bank_account_set_up", "charges_enabled"])
async def test_a_payment_that_the_practice_cannot_take_ends_it_without_a_charge(
    stack: Stack, missing: str
) -> None:
    slot, guest, checkout_id = await checking_out(stack)
    await stack.emulator.control.switches(**{missing: False})
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["code"] == "PAYMENT_UNAVAILABLE"
    assert (await stack.made())["charges"] == []
    await assert_the_slot_is_free(stack, slot)


class TestCancelling:
    async def test_an_open_checkout_gives_its_slot_back(self, stack: Stack) -> None:
        slot, guest, checkout_id = await checking_out(stack)
        cancelled = (await guest.do(documents.CANCEL, checkoutId=checkout_id))["checkout"]
        assert (cancelled["status"], cancelled["endReason"]) == ("CANCELLED", "CANCELLED_BY_PATIENT")
        await assert_the_slot_is_free(stack, slot)
        closed = await guest.confirm(checkout_id, cardToken="tok_visa")
        assert (closed["code"], closed["status"]) == ("CHECKOUT_CLOSED", "CANCELLED")
        await assert_nothing_is_kept(stack)

    @pytest.mark.parametrize("operation", ["AttachCard", "Charge", "Book"])
    async def test_while_a_call_is_out_undoes_what_it_did(self, stack: Stack, operation: str) -> None:
        slot, guest, checkout_id = await checking_out(stack, "Monthly Care", acceptRecurrence=True)
        await stack.fault("slow_answer", operation, seconds=0.5)
        confirming = asyncio.create_task(guest.confirm(checkout_id, cardToken="tok_visa"))
        await eventually(lambda: reached(stack, operation))
        cancelled = (await guest.do(documents.CANCEL, checkoutId=checkout_id))["checkout"]
        assert cancelled["status"] == "CANCELLING"
        assert (await confirming)["code"] == "CHECKOUT_CLOSED"
        ended = await guest.checkout(checkout_id)
        assert ended["status"] in {"CANCELLED", "REFUNDED"}
        await assert_nothing_is_kept(stack)
        await assert_the_slot_is_free(stack, slot)

    async def test_a_confirmed_visit_is_refused(self, stack: Stack) -> None:
        _, guest, checkout_id = await checking_out(stack)
        await guest.confirm(checkout_id, cardToken="tok_visa")
        closed = await guest.do(documents.CANCEL, checkoutId=checkout_id)
        assert (closed["code"], closed["status"]) == ("CHECKOUT_CLOSED", "CONFIRMED")


async def test_what_a_patient_left_behind_is_cleared_away(stack: Stack) -> None:
    slot, guest, checkout_id = await checking_out(stack)
    await stack.work(after=timedelta(minutes=6))
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["endReason"]) == ("EXPIRED", "HOLD_EXPIRED")
    await assert_the_slot_is_free(stack, slot)


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "http_5xx"])
@pytest.mark.parametrize("operation", ["Refund", "CancelRecurring"])
async def test_giving_back_goes_on_until_it_is_done_and_is_done_once(
    stack: Stack, operation: str, kind: str
) -> None:
    slot, guest, checkout_id = await checking_out(stack, "Monthly Care", acceptRecurrence=True)
    await book_directly(stack, slot)
    await stack.fault(kind, operation)
    underway = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert underway["checkout"]["status"] == "CANCELLING"
    await stack.work()
    assert (await guest.checkout(checkout_id))["status"] == "REFUNDED"
    made = await stack.made()
    assert [refund["amount"] for refund in made["refunds"]] == [14_900]
    assert [series["is_canceled"] for series in made["recurring_payments"]] == [True]


async def test_a_refund_that_answers_success_and_does_nothing_is_not_believed(stack: Stack) -> None:
    slot, guest, checkout_id = await checking_out(stack)
    await book_directly(stack, slot)
    await stack.emulator.control.switches(silent_noop=["updateBillingItem"])
    underway = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert (underway["__typename"], underway["checkout"]["status"]) == ("CheckoutProcessing", "CANCELLING")
    await stack.emulator.control.switches(silent_noop=[])
    await stack.work()
    ended = await guest.checkout(checkout_id)
    assert (ended["status"], ended["refunded"]) == ("REFUNDED", {"amount": "149.00"})
