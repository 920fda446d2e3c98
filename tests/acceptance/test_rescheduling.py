"""Moving a booked visit through the public API: the new time is held first, and the old one kept until it is certain."""

import asyncio
import dataclasses
from datetime import datetime
from typing import Any

import pytest

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import Booked, book_directly, guests_visit, money, patients_visit, staff
from tests.plugins.stack import Stack, Stacks

PAID_ONCE = [(120_00, 0)]


async def booked_by(stack: Stack, who: str, **given: Any) -> Booked:
    return await (guests_visit if who == "guest" else patients_visit)(stack, **given)


async def another(stack: Stack, visit: str = "Single Visit", *, clinician: int = 1, ahead: int = 4) -> Json:
    return await stack.slot(visit, clinician=clinician, ahead=ahead)


def same_time(visit: Json, slot: Json) -> bool:
    return datetime.fromisoformat(visit["start"]) == datetime.fromisoformat(slot["start"])


async def stands_at(booked: Booked, slot: Json) -> bool:
    """Whether the practice has the visit at this time."""
    starts = datetime.fromisoformat((await booked.truth())["starts_at"])
    return starts == datetime.fromisoformat(slot["start"])


@pytest.mark.parametrize("who", ["guest", "patient"])
async def test_a_visit_is_moved_for_nothing_and_its_old_time_offered_again(stack: Stack, who: str) -> None:
    booked = await booked_by(stack, who)
    new = await another(stack)
    quote = await booked.moving()
    assert (quote["quote"]["clinicianId"], quote["quote"]["otherClinicians"]) == (stack.clinician(1), False)
    result = await booked.move(await booked.app.held(new["id"]), quote)
    assert result["__typename"] == "RescheduleAppointmentSuccess", result
    change = result["change"]
    assert (change["status"], change["appointmentId"], change["refunded"]) == ("DONE", booked.id, None)
    assert same_time(change["appointment"], new)
    assert (change["slot"]["start"], change["newSlot"]["start"]) == (booked.slot["start"], new["start"])
    assert await stands_at(booked, new)
    assert await booked.offered()
    assert not await booked.offered(new)
    assert await money(stack) == PAID_ONCE
    assert (await booked.cancel())["change"]["refunded"] == {"amount": "120.00"}


async def test_the_same_key_again_moves_nothing_twice(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.moving()
    hold = await booked.app.held((await another(stack))["id"])
    first = await booked.move(hold, quote, key="one")
    assert await booked.move(hold, quote, key="one") == first
    assert (await stack.upstream()).count("MoveVisit") == 1


async def test_a_double_tap_with_two_keys_is_one_move(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.moving()
    hold = await booked.app.held((await another(stack))["id"])
    both = await asyncio.gather(booked.move(hold, quote), booked.move(hold, quote))
    assert {one["__typename"] for one in both} == {"RescheduleAppointmentSuccess"}, both
    assert len({one["change"]["id"] for one in both}) == 1
    assert (await stack.upstream()).count("MoveVisit") == 1


async def test_an_answer_that_got_lost_is_processing_and_moves_once(stack: Stack) -> None:
    booked = await guests_visit(stack)
    new = await another(stack)
    quote = await booked.moving()
    hold = await booked.app.held(new["id"])
    await stack.fault("lost_answer", "MoveVisit")
    result = await booked.move(hold, quote, key="one")
    assert result["__typename"] == "AppointmentChangeProcessing", result
    assert not await booked.offered(new), "the new time is claimed meanwhile"
    await stack.work()
    again = await booked.move(hold, quote, key="one")
    assert again["__typename"] == "RescheduleAppointmentSuccess"
    assert (await stack.upstream()).count("MoveVisit") == 1
    assert await stands_at(booked, new)


async def test_a_time_that_the_practice_gave_away_meanwhile_is_taken_and_the_visit_stands(
    stack: Stack,
) -> None:
    booked = await guests_visit(stack)
    new = await another(stack)
    hold = await booked.app.held(new["id"])
    await book_directly(stack, new)
    result = await booked.move(hold)
    assert (result["__typename"], result["code"]) == ("SlotTaken", "SLOT_TAKEN")
    assert await stands_at(booked, booked.slot)
    later = await booked.move(await booked.app.held((await another(stack, ahead=5))["id"]))
    assert later["__typename"] == "RescheduleAppointmentSuccess"


async def test_the_hold_must_be_the_callers_live_and_fit(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.moving()
    theirs = await (await stack.visitor()).held((await another(stack))["id"])
    assert (await booked.move(theirs, quote))["__typename"] == "HoldExpired"
    assert (await booked.move("hold-of-nobody", quote))["__typename"] == "HoldExpired"
    released = await booked.app.held((await another(stack, ahead=5))["id"])
    await booked.app.do(documents.RELEASE, holdId=released)
    assert (await booked.move(released, quote))["__typename"] == "HoldExpired"
    other_kind = await booked.app.held((await another(stack, "Free Consultation", ahead=6))["id"])
    assert (await booked.move(other_kind, quote))["__typename"] == "SlotDoesNotFit"
    other_clinician = await booked.app.held((await another(stack, clinician=2))["id"])
    assert (await booked.move(other_clinician, quote))["__typename"] == "SlotDoesNotFit"
    assert await stands_at(booked, booked.slot)
    assert (await stack.upstream()).count("MoveVisit") == 0


async def test_a_hold_in_a_checkout_moves_no_visit_and_one_in_a_move_buys_none(stack: Stack) -> None:
    booked = await patients_visit(stack)
    in_checkout = await booked.app.held((await another(stack))["id"])
    started = await booked.app.do(documents.START, holdId=in_checkout)
    assert started["__typename"] == "StartCheckoutSuccess"
    refused = await booked.move(in_checkout)
    assert refused["__typename"] in {"HoldInCheckout", "HoldExpired"}
    moving = await booked.app.held((await another(stack, ahead=5))["id"])
    assert (await booked.move(moving))["__typename"] == "RescheduleAppointmentSuccess"
    assert (await booked.app.do(documents.START, holdId=moving))["__typename"] == "HoldExpired"


async def test_a_visit_that_the_practice_moved_in_between_is_quoted_anew(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.moving()
    theirs, ours = await another(stack, ahead=5), await another(stack)
    hold = await booked.app.held(ours["id"])
    await booked.by_practice(datetime=theirs["start"], timezone="America/New_York")
    result = await booked.move(hold, quote)
    assert result["__typename"] == "RescheduleQuoteChanged", result
    assert same_time(result["quote"], theirs)
    assert await stands_at(booked, theirs)
    assert (await booked.move(hold, {"quote": result["quote"]}))[
        "__typename"
    ] == "RescheduleAppointmentSuccess"


async def test_a_visit_that_the_practice_cancelled_in_between_is_over(stack: Stack) -> None:
    booked = await guests_visit(stack)
    quote = await booked.moving()
    hold = await booked.app.held((await another(stack))["id"])
    await booked.by_practice(pm_status="Cancelled")
    result = await booked.move(hold, quote)
    assert (result["__typename"], result["reason"]) == ("RescheduleNotAllowed", "OVER")
    assert await stands_at(booked, booked.slot)


async def test_cancelling_and_moving_at_once_is_one_of_the_two(stack: Stack) -> None:
    booked = await guests_visit(stack)
    move_quote, cancel_quote = await booked.moving(), await booked.cancellation()
    new = await another(stack)
    hold = await booked.app.held(new["id"])
    moved, cancelled = await asyncio.gather(booked.move(hold, move_quote), booked.cancel(cancel_quote))
    names = {moved["__typename"], cancelled["__typename"]}
    assert len({name for name in names if name.endswith("Success")}) == 1, (moved, cancelled)
    is_cancelled = (await booked.truth())["pm_status"] == "Cancelled"
    assert is_cancelled == cancelled["__typename"].endswith("Success")
    assert await stands_at(booked, booked.slot if is_cancelled else new)
    assert await money(stack) == ([(120_00, 120_00)] if is_cancelled else PAID_ONCE)


async def test_a_visit_is_moved_as_often_as_the_practice_lets_it(stacks: Stacks) -> None:
    stack = await stacks.start(most_reschedules=1)
    booked = await guests_visit(stack)
    assert (await booked.moving())["quote"]["movesLeft"] == 1
    assert (await booked.move(await booked.app.held((await another(stack))["id"])))["change"][
        "status"
    ] == "DONE"
    refused = await booked.moving()
    assert (refused["__typename"], refused["reason"]) == ("RescheduleNotAllowed", "MOVED_TOO_OFTEN")


async def test_strangers_move_nothing_and_staff_do_with_a_note_and_a_hold_of_their_browser(
    stack: Stack,
) -> None:
    booked = await patients_visit(stack)
    quote = (await booked.moving())["quote"]["id"]
    browser = await stack.visitor()
    hold = await browser.held((await another(stack))["id"])
    for stranger in (browser, stack.patient(str(stack.practice["patients"][1]["id"]))):
        error = await stranger.error(
            documents.MOVE_VISIT, {"input": {"quoteId": quote, "holdId": hold}}, key="stolen"
        )
        assert error["extensions"]["code"] in {"NOT_FOUND", "FORBIDDEN"}
    assert await stands_at(booked, booked.slot)
    member = App(http=stack.http, headers={**browser.headers, **staff(stack).headers})
    result = await booked.move(hold, app=member, note="The clinician asked for it.")
    assert result["__typename"] == "RescheduleAppointmentSuccess", result


async def test_another_clinician_is_a_new_visit_and_the_old_one_cancelled_where_the_practice_allows_it(
    stacks: Stacks,
) -> None:
    stack = await stacks.start(reschedule_to_other_clinicians=True)
    booked = await guests_visit(stack)
    quote = await booked.moving()
    assert quote["quote"]["otherClinicians"] is True
    new = await another(stack, clinician=2)
    result = await booked.move(await booked.app.held(new["id"]), quote)
    assert result["__typename"] == "RescheduleAppointmentSuccess", result
    change = result["change"]
    assert change["appointmentId"] == change["appointment"]["id"] != booked.id
    assert (change["appointment"]["clinicianId"], change["appointment"]["status"]) == (
        stack.clinician(2),
        "BOOKED",
    )
    assert same_time(change["appointment"], new)
    assert (await booked.truth())["pm_status"] == "Cancelled"
    assert await booked.offered()
    assert not await booked.offered(new)
    assert await money(stack) == PAID_ONCE
    shown = (await booked.app.checkout(booked.checkout_id))["appointment"]
    assert shown == change["appointment"], "a guest finds the visit by their checkout"
    moved = dataclasses.replace(booked, id=change["appointmentId"], slot=new)
    assert (await moved.cancel())["change"]["refunded"] == {"amount": "120.00"}, (
        "what paid the first pays this one"
    )
    assert await money(stack) == [(120_00, 120_00)]
