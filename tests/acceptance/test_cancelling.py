"""Cancelling a booked visit through the public API: what it gives back, on which terms, and what comes in between."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.principals import PrincipalKind
from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import PAID, Booked, guests_visit, money, patients_visit, set_rules, staff
from tests.acceptance.watching import VISITS, subscribed
from tests.plugins.stack import Stack, Stacks

WHOLE = [(120_00, 120_00)]
KEPT = [(120_00, 0)]


def amount(money: Json) -> str | None:
    """The amount, without its currency."""
    return money["amount"] if money else None


async def booked_by(stack: Stack, who: str, **given: Any) -> Booked:
    return await (guests_visit if who == "guest" else patients_visit)(stack, **given)


@pytest.mark.parametrize("who", ["guest", "patient"])
async def test_a_visit_is_cancelled_its_payment_given_back_and_its_time_offered_again(
    stack: Stack, who: str
) -> None:
    booked = await booked_by(stack, who)
    assert not await booked.offered()
    quote = await booked.cancellation()
    assert (amount(quote["quote"]["refund"]), quote["quote"]["kept"]) == (PAID, None)
    result = await booked.cancel(quote)
    assert result["__typename"] == "CancelAppointmentSuccess", result
    change = result["change"]
    assert (change["status"], change["refunded"], change["fee"]) == ("DONE", {"amount": PAID}, None)
    assert (change["appointmentId"], change["appointment"]["status"]) == (booked.id, "CANCELLED")
    assert (await booked.truth())["pm_status"] == "Cancelled"
    assert (await booked.truth())["deleted_at"] is None, "the visit stays in the practice's books"
    assert await money(stack) == WHOLE
    assert await booked.offered()
    await (await stack.visitor()).held(booked.slot["id"])
    told = await booked.app.ask(documents.CHANGE_OF, {"id": change["id"]})
    assert told["appointmentChange"] == change


async def test_a_checkout_and_its_change_tell_the_same_visit(stack: Stack) -> None:
    booked = await guests_visit(stack)
    change = (await booked.cancel())["change"]
    assert (await booked.app.checkout(booked.checkout_id))["appointment"] == change["appointment"]


async def test_the_same_key_is_answered_again_without_another_call_that_changes_anything(
    stack: Stack,
) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    first = await booked.cancel(quote, key="one")
    await stack.emulator.control.forget_requests()
    assert await booked.cancel(quote, key="one") == first
    assert set(await stack.upstream()) <= {"BookedVisit", "VisitRules", "PublicCatalog"}
    assert await money(stack) == WHOLE


async def test_a_double_tap_with_two_keys_is_one_cancellation(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    both = await asyncio.gather(booked.cancel(quote), booked.cancel(quote))
    assert {one["__typename"] for one in both} == {"CancelAppointmentSuccess"}, both
    assert len({one["change"]["id"] for one in both}) == 1
    assert await money(stack) == WHOLE
    assert len((await stack.made())["refunds"]) == 1


async def test_an_answer_that_got_lost_is_processing_and_the_same_key_tells_the_end(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    await stack.fault("lost_answer", "CancelVisit")
    result = await booked.cancel(quote, key="one")
    assert result["__typename"] == "AppointmentChangeProcessing", result
    assert result["change"]["status"] == "PROCESSING"
    await stack.work()
    again = await booked.cancel(quote, key="one")
    assert again["__typename"] == "CancelAppointmentSuccess"
    assert again["change"]["id"] == result["change"]["id"]
    assert (await stack.upstream()).count("CancelVisit") == 1
    assert await money(stack) == WHOLE


async def test_a_refund_that_never_arrived_is_made_once_and_not_told_before(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    await stack.fault("lost_request", "Refund")
    result = await booked.cancel(quote, key="one")
    assert (result["__typename"], result["change"]["status"]) == ("AppointmentChangeProcessing", "PROCESSING")
    assert (result["change"]["refunded"], result["change"]["appointment"]["status"]) == (None, "CANCELLED")
    assert await money(stack) == KEPT
    await stack.work()
    told = (await booked.app.ask(documents.CHANGE_OF, {"id": result["change"]["id"]}))["appointmentChange"]
    assert (told["status"], told["refunded"]) == ("DONE", {"amount": PAID})
    assert await money(stack) == WHOLE
    assert (await booked.cancel(quote, key="one"))["change"] == told


# Whole days of notice give all back, one day half; the practice lets patients cancel until the start.
TIERS = [{"hours": 48, "percent": 100}, {"hours": 24, "percent": 50}]


@pytest.mark.parametrize(
    ("hours", "refund", "kept", "back"),
    [(49, PAID, None, 120_00), (47, "60.00", "60.00", 60_00), (23, None, PAID, 0)],
    ids=["in-full", "in-part", "not-at-all"],
)
async def test_what_is_given_back_goes_by_the_hours_of_notice(
    stacks: Stacks, hours: int, refund: str | None, kept: str | None, back: int
) -> None:
    stack = await stacks.start(cancellation_refunds=TIERS)
    await set_rules(stack, minimum_advance_cancel_time=0)
    booked = await guests_visit(stack)
    await stack.pass_time(booked.begins - timedelta(hours=hours) - stack.clock.now())
    quote = (await booked.cancellation())["quote"]
    assert (amount(quote["refund"]), amount(quote["kept"])) == (refund, kept)
    change = (await booked.cancel({"quote": quote}))["change"]
    assert (change["status"], amount(change["refunded"])) == ("DONE", refund)
    assert await money(stack) == [(120_00, back)]
    assert await booked.offered()


async def test_terms_that_changed_while_the_patient_thought_are_shown_and_nothing_is_done(
    stacks: Stacks,
) -> None:
    stack = await stacks.start(cancellation_refunds=TIERS)
    booked = await guests_visit(stack)
    await stack.pass_time(booked.begins - timedelta(hours=48, minutes=1) - stack.clock.now())
    quote = await booked.cancellation()
    await stack.pass_time(timedelta(minutes=2))
    result = await booked.cancel(quote, key="one")
    assert result["__typename"] == "CancellationQuoteChanged", result
    assert (amount(result["quote"]["refund"]), amount(result["quote"]["kept"])) == ("60.00", "60.00")
    assert await booked.cancel(quote, key="one") == result
    assert (await booked.truth())["pm_status"] is None
    assert await money(stack) == KEPT
    accepted = await booked.cancel({"quote": result["quote"]})
    assert amount(accepted["change"]["refunded"]) == "60.00"


async def test_a_late_cancellation_costs_the_fee_that_the_quote_said_and_no_status_charges_it_again(
    stacks: Stacks,
) -> None:
    stack = await stacks.start(late_cancellation_hours=24, charge_late_cancellation_fee=True)
    await set_rules(stack, minimum_advance_cancel_time=0)
    booked = await guests_visit(stack)
    assert (await booked.cancellation())["quote"]["fee"] is None
    await stack.pass_time(booked.begins - timedelta(hours=5) - stack.clock.now())
    quote = (await booked.cancellation())["quote"]
    assert (quote["late"], quote["fee"]) == (True, {"amount": {"amount": "50.00"}, "method": "CHARGED"})
    change = (await booked.cancel({"quote": quote}))["change"]
    assert (change["status"], amount(change["refunded"]), amount(change["fee"])) == ("DONE", PAID, "50.00")
    assert sorted(await money(stack)) == [(50_00, 0), (120_00, 120_00)]
    assert (await booked.truth())["pm_status"] == "Cancelled"


async def test_the_practice_wants_a_reason_and_gets_it(stack: Stack) -> None:
    await set_rules(stack, client_cancel_reason_required=True)
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    assert quote["quote"]["reasonRequired"] is True
    refused = await booked.cancel(quote, reason=None)
    assert refused["__typename"] == "CancellationReasonRequired"
    reasons = (await booked.app.ask(documents.REASONS))["cancellationReasons"]
    assert len({one["id"] for one in reasons}) == len(reasons) > 1
    given = {"quoteId": quote["quote"]["id"], "reasonId": "999999"}
    error = await booked.app.error(documents.CANCEL_VISIT, {"input": given}, key="unknown-reason")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "reasonId")
    assert await money(stack) == KEPT
    result = await booked.cancel(quote, reason=None, reasonId=reasons[0]["id"])
    assert result["__typename"] == "CancelAppointmentSuccess", result
    assert (await booked.truth())["cancellation_reason_id"] == reasons[0]["id"]


async def test_the_practices_notice_is_kept_and_staff_may_set_it_aside_with_a_note(stack: Stack) -> None:
    booked = await guests_visit(stack)
    begins = booked.begins
    quote = await booked.cancellation()
    await stack.pass_time(begins - timedelta(hours=23) - stack.clock.now())
    refused = await booked.cancellation()
    assert (refused["__typename"], refused["reason"]) == ("CancellationNotAllowed", "TOO_LATE")
    assert datetime.fromisoformat(refused["until"]) == begins - timedelta(hours=24)
    late = await booked.cancel(quote)
    assert (late["__typename"], late["reason"]) == ("CancellationNotAllowed", "TOO_LATE")
    assert await money(stack) == KEPT
    member = staff(stack)
    by_staff = await booked.cancellation(member)
    given = {"quoteId": by_staff["quote"]["id"]}
    error = await member.error(documents.CANCEL_VISIT, {"input": given}, key="no-note")
    assert error["extensions"]["field"] == "note"
    result = await booked.cancel(by_staff, app=member, note="The clinician is ill.")
    assert result["__typename"] == "CancelAppointmentSuccess", result
    assert (await booked.truth())["pm_status"] == "Cancelled"


async def test_a_visit_that_the_practice_moved_in_between_is_quoted_anew(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    other = await stack.slot("Single Visit", ahead=4)
    await booked.by_practice(datetime=other["start"], timezone="America/New_York")
    result = await booked.cancel(quote)
    assert result["__typename"] == "CancellationQuoteChanged", result
    assert datetime.fromisoformat(result["quote"]["start"]) == datetime.fromisoformat(other["start"])
    assert await money(stack) == KEPT
    assert (await booked.cancel({"quote": result["quote"]}))["__typename"] == "CancelAppointmentSuccess"


async def test_a_visit_that_the_practice_cancelled_in_between_is_over(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.cancellation()
    await booked.by_practice(pm_status="Cancelled")
    result = await booked.cancel(quote)
    assert (result["__typename"], result["reason"]) == ("CancellationNotAllowed", "OVER")
    assert await money(stack) == KEPT, "what the practice gives back is the practice's to say"


async def test_strangers_learn_and_change_nothing(stack: Stack) -> None:
    booked = await patients_visit(stack)
    guest, _ = await (await stack.visitor()).guest_checkout(
        (await stack.slot(ahead=5))["id"], planId=stack.plan("First Visit")
    )
    other = stack.patient(str(stack.practice["patients"][1]["id"]))
    operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)
    quote = (await booked.cancellation())["quote"]["id"]
    for stranger in (guest, other, operator, await stack.visitor(), App(http=stack.http)):
        assert await booked.cancellation(stranger) is None
        assert await booked.moving(stranger) is None
        error = await stranger.error(documents.CANCEL_VISIT, {"input": {"quoteId": quote}}, key="stolen")
        assert error["extensions"]["code"] in {"NOT_FOUND", "FORBIDDEN", "VISITOR_TOKEN_REQUIRED"}
    assert (await booked.truth())["pm_status"] is None
    assert await money(stack) == KEPT
    change = (await booked.cancel())["change"]["id"]
    for stranger in (guest, other, await stack.visitor()):
        assert (await stranger.ask(documents.CHANGE_OF, {"id": change}))["appointmentChange"] is None


async def test_bad_input_makes_no_call_upstream(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = (await booked.cancellation())["quote"]["id"]
    await stack.emulator.control.forget_requests()
    for given, named in (
        ({"quoteId": "quo_made_up"}, "quoteId"),
        ({"quoteId": ""}, "quoteId"),
        ({"quoteId": quote, "reason": "x" * 501}, "reason"),
        ({"quoteId": quote, "note": "Sample note"}, "note"),
    ):
        error = await booked.app.error(
            documents.CANCEL_VISIT, {"input": given}, key=f"bad-{named}-{len(given)}{given['quoteId'][:1]}"
        )
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", named)
    assert await stack.upstream() == []
    assert (await booked.truth())["pm_status"] is None


async def test_the_patients_other_devices_are_told_at_once(stack: Stack) -> None:
    booked = await patients_visit(stack)
    async with subscribed(stack, booked.app, VISITS) as subscription:
        shown = await subscription.next()
        assert {"id": booked.id, "status": "BOOKED"} in shown["nodes"]
        await booked.cancel()
        async with asyncio.timeout(5):
            while {"id": booked.id, "status": "CANCELLED"} not in shown["nodes"]:
                shown = await subscription.next()
