"""A plan is bought without a visit through the public API, and a visit is booked with its credit later; the practice's ledger proves it."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.acceptance.credited import left, patient_of
from tests.plugins.stack import Stack

PLAN, VISIT = "Monthly Care", "Follow-up Visit"
MINE = """query Mine { me { id packages { planId paymentId membershipId visits { visitTypeId quantity } }
  credits { visitTypeId left entries { change left appointmentId planId } }
  memberships { planId status } } }"""
LOOK = """query Look($id: ID!) { checkout(id: $id) { status endReason slot { id } holdExpiresAt appointment { id } } }"""


async def started(stack: Stack, app: App, plan: str = PLAN, **given: Any) -> Json:
    """The answer to a start of the purchase."""
    asked: dict[str, Any] = {
        "planId": stack.plan(plan),
        "timeZone": "America/New_York",
        "acceptRecurrence": True,
        **given,
    }
    return await app.do(documents.START_PURCHASE, **asked)


async def bought(stack: Stack, app: App, **given: Any) -> Json:
    """Start and confirm with a new card; answers the confirmed checkout."""
    checkout = (await started(stack, app, **given))["checkout"]
    confirmed = await app.confirm(checkout["id"], cardToken="tok_visa")
    assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed
    return dict(confirmed["checkout"])


async def test_a_plan_is_bought_and_a_visit_is_booked_with_its_credit_later(stack: Stack) -> None:
    patient_id, app = patient_of(stack)
    before = await left(stack, patient_id, VISIT)
    start = (await started(stack, app))["checkout"]
    assert (start["status"], start["slot"]) == ("OPEN", None)
    assert datetime.fromisoformat(start["holdExpiresAt"]) > datetime(2020, 1, 1, tzinfo=UTC)
    key = str(uuid4())
    confirmed = await app.confirm(start["id"], key=key, cardToken="tok_visa")
    assert confirmed["checkout"]["status"] == "CONFIRMED"
    assert await app.confirm(start["id"], key=key, cardToken="tok_visa") == confirmed
    made = await stack.made()
    assert len(made["charges"]) == 1
    assert made["appointments"] == []
    mine = (await app.ask(MINE))["me"]
    assert [each["planId"] for each in mine["packages"]] == [stack.plan(PLAN)]
    assert [(each["planId"], each["status"]) for each in mine["memberships"]] == [
        (stack.plan(PLAN), "ACTIVE")
    ]
    gained = await left(stack, patient_id, VISIT) - before
    assert gained > 0
    booked = await app.own_checkout((await stack.slot(VISIT))["id"], useCredit=True)
    visit = await app.confirm(booked)
    assert visit["checkout"]["status"] == "CONFIRMED"
    made = await stack.made()
    assert len(made["charges"]) == 1, "no card was asked"
    assert [each["credit_was_used"] for each in made["appointments"]] == [True]
    assert await left(stack, patient_id, VISIT) == before + gained - 1
    (credit,) = [
        each for each in (await app.ask(MINE))["me"]["credits"] if each["visitTypeId"] == stack.visit(VISIT)
    ]
    assert credit["entries"][0]["appointmentId"] == visit["checkout"]["appointment"]["id"]
    assert credit["entries"][0]["change"] == -1


async def test_a_guest_buys_a_plan_and_only_their_token_opens_it(stack: Stack) -> None:
    visitor = await stack.visitor()
    assert (await started(stack, visitor))["code"] == "GUEST_DETAILS_REQUIRED"
    start = await started(stack, visitor, guest=GUEST)
    guest = visitor.bearer(start["guestToken"])
    guest.seen.update(visitor.seen)
    confirmed = await guest.confirm(start["checkout"]["id"], cardToken="tok_visa")
    assert confirmed["checkout"]["status"] == "CONFIRMED"
    assert (await patient_of(stack)[1].ask(LOOK, {"id": start["checkout"]["id"]}))["checkout"] is None


async def test_two_tabs_buy_once(stack: Stack) -> None:
    _, app = patient_of(stack)
    one, other = await asyncio.gather(started(stack, app), started(stack, app))
    assert one["checkout"]["id"] == other["checkout"]["id"]
    answers = await asyncio.gather(
        *(app.confirm(one["checkout"]["id"], cardToken="tok_visa") for _ in range(2))
    )
    assert {each["__typename"] for each in answers} == {"ConfirmCheckoutSuccess"}
    assert len((await stack.made())["charges"]) == 1


async def test_a_declined_card_leaves_it_open_for_another(stack: Stack) -> None:
    _, app = patient_of(stack)
    checkout_id = (await started(stack, app))["checkout"]["id"]
    declined = await app.confirm(checkout_id, cardToken="tok_chargeDeclinedInsufficientFunds")
    assert declined["code"] == "CARD_DECLINED"
    assert (await app.ask(LOOK, {"id": checkout_id}))["checkout"]["status"] == "OPEN"
    assert (await app.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"


async def test_what_cannot_be_sold_is_refused_at_the_start(stack: Stack) -> None:
    _, app = patient_of(stack)
    assert (await started(stack, app, acceptRecurrence=False))["code"] == "RECURRENCE_NOT_ACCEPTED"
    assert (await started(stack, app, promoCode="NO-SUCH-CODE"))["code"] == "PROMO_INVALID"
    asked = {"planId": "no-such-plan", "timeZone": "UTC"}
    error = await app.error(documents.START_PURCHASE, {"input": asked}, key=str(uuid4()))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await stack.made())["charges"] == []


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
async def test_a_lost_charge_is_made_once(stack: Stack, fault: str) -> None:
    _patient_id, app = patient_of(stack)
    checkout_id = (await started(stack, app))["checkout"]["id"]
    await stack.fault(fault, "Charge")
    await app.confirm(checkout_id, cardToken="tok_visa")
    await stack.work()
    assert (await app.ask(LOOK, {"id": checkout_id}))["checkout"] == {
        "status": "CONFIRMED",
        "endReason": None,
        "slot": None,
        "holdExpiresAt": None,
        "appointment": None,
    }
    assert len((await stack.made())["charges"]) == 1
