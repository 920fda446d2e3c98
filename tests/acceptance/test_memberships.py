"""Ending a membership through the public API: what ends, on which terms, and what comes in between."""

import asyncio

import pytest

from tests.acceptance import documents
from tests.acceptance.booked import staff
from tests.acceptance.members import a_member
from tests.plugins.stack import Stack


async def test_later_payments_end_and_nothing_is_given_back(stack: Stack) -> None:
    member = await a_member(stack)
    quote = (await member.quote())["quote"]
    assert quote["membershipId"] == member.id
    assert quote["nextPaymentAt"] is not None
    result = await member.end()
    assert (result["__typename"], result["change"]["status"]) == ("CancelMembershipSuccess", "DONE"), result
    assert (await member.series())["is_canceled"] is True
    shown = await member.shown()
    assert (shown["canCancel"], shown["canPause"], shown["canResume"]) == (False, False, False)
    assert (shown["status"], shown["nextPaymentAt"]) == ("CANCELLED", None), "at once, and not after a while"
    books = await stack.made()
    assert (books["refunds"], len(books["billing_items"])) == ([], 1)
    await stack.emulator.control.clock(advance=70 * 86_400)
    assert len((await stack.made())["billing_items"]) == 1, "two periods later nothing more was charged"
    told = await member.app.ask(documents.MEMBERSHIP_CHANGE_OF, {"id": result["change"]["id"]})
    assert told["membershipChange"] == result["change"]
    assert (await member.quote())["__typename"] == "MembershipOver"


async def test_the_same_key_is_answered_again_and_sends_nothing(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.quote()
    first = await member.end(quote, key="one")
    await stack.emulator.control.forget_requests()
    assert await member.end(quote, key="one") == first
    assert await stack.upstream() == []


async def test_a_double_tap_with_two_keys_ends_it_once(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.quote()
    await stack.emulator.control.forget_requests()
    both = await asyncio.gather(member.end(quote), member.end(quote))
    assert {one["__typename"] for one in both} == {"CancelMembershipSuccess"}, both
    assert len({one["change"]["id"] for one in both}) == 1
    assert (await stack.upstream()).count("CancelRecurring") == 1


async def test_an_answer_that_got_lost_is_processing_and_the_same_key_tells_the_end(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.quote()
    await stack.fault("lost_answer", "CancelRecurring")
    result = await member.end(quote, key="one")
    assert (result["__typename"], result["change"]["status"]) == ("MembershipChangeProcessing", "PROCESSING")
    await stack.work()
    again = await member.end(quote, key="one")
    assert (again["__typename"], again["change"]["id"]) == ("CancelMembershipSuccess", result["change"]["id"])
    assert (await stack.upstream()).count("CancelRecurring") == 1


async def test_another_patient_gets_null_for_it_as_for_a_missing_one(stack: Stack) -> None:
    member = await a_member(stack)
    other = stack.patient(str(stack.practice["patients"][1]["id"]))
    assert await member.quote(other) is None
    assert (await other.ask(documents.MEMBERSHIP_QUOTE, {"id": "987654"}))["membershipEndQuote"] is None
    quote = await member.quote()
    error = await other.error(
        documents.END_MEMBERSHIP, {"input": {"quoteId": quote["quote"]["id"]}}, key="foreign"
    )
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert (await member.series())["is_canceled"] is False


async def test_staff_end_one_with_a_note(stack: Stack) -> None:
    member = await a_member(stack)
    app = staff(stack)
    quote = (await member.quote(app))["quote"]["id"]
    error = await app.error(documents.END_MEMBERSHIP, {"input": {"quoteId": quote}}, key="bare")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    result = await app.do(documents.END_MEMBERSHIP, quoteId=quote, note="Sample: asked by phone")
    assert result["__typename"] == "CancelMembershipSuccess", result


@pytest.mark.parametrize("given", ["nonsense", "W10", ""])
async def test_what_is_no_id_of_a_quote_is_refused_and_asks_the_practice_nothing(
    stack: Stack, given: str
) -> None:
    app = stack.patient(str(stack.practice["patients"][0]["id"]))
    await stack.emulator.control.forget_requests()
    await app.error(documents.END_MEMBERSHIP, {"input": {"quoteId": given}}, key="bad")
    assert await stack.upstream() == []
