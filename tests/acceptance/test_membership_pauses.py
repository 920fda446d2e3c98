"""Pausing and resuming a membership through the public API: what is not charged, from when it is again, and what comes in between."""

import asyncio

import pytest

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import staff
from tests.acceptance.members import a_member
from tests.plugins.stack import Stack, Stacks

PERIOD = 32 * 86_400  # seconds; a month and a bit

_BY_PRACTICE = """mutation Pause($id: ID!, $paused: Boolean!) {
  updateBillingItem(input: {id: $id, is_paused: $paused}) { messages { message } }
}"""


async def charged(stack: Stack) -> int:
    return len((await stack.made())["billing_items"])


async def by_practice(stack: Stack, *, paused: bool) -> None:
    """The practice pauses or resumes the membership in Healthie."""
    item = (await stack.made())["billing_items"][0]["id"]
    answer = await stack.emulator.ask(_BY_PRACTICE, id=item, paused=paused)
    assert answer["updateBillingItem"]["messages"] is None


async def refused(app: App, document: str, quote: Json, key: str) -> str:
    error = await app.error(document, {"input": {"quoteId": quote["quote"]["id"]}}, key=key)
    return str(error["extensions"]["code"])


async def test_nothing_is_charged_while_it_is_paused_and_again_from_the_day_that_was_quoted(
    stack: Stack,
) -> None:
    member = await a_member(stack)
    quote = await member.pause_quote()
    assert quote["quote"]["nextPaymentAt"] is not None
    assert quote["quote"]["creditsKept"] is True
    paused = await member.pause(quote)
    assert (paused["__typename"], paused["change"]["kind"]) == ("PauseMembershipSuccess", "PAUSE"), paused
    shown = await member.shown()
    assert (shown["status"], shown["nextPaymentAt"]) == ("PAUSED", None)
    assert shown["pausedAt"] is not None
    assert (shown["canCancel"], shown["canPause"], shown["canResume"]) == (True, False, True)
    await stack.emulator.control.clock(advance=2 * PERIOD)
    assert await charged(stack) == 1, "two periods later nothing more was charged"
    back = await member.resume_quote()
    resumed = await member.resume(back)
    assert (resumed["__typename"], resumed["change"]["status"]) == ("ResumeMembershipSuccess", "DONE"), (
        resumed
    )
    shown = await member.shown()
    assert shown["status"] == "ACTIVE"
    assert (shown["canCancel"], shown["canPause"], shown["canResume"]) == (True, True, False)
    assert shown["nextPaymentAt"][:7] == back["quote"]["nextPaymentOn"][:7]
    assert await charged(stack) == 1, "what was not charged meanwhile is not made up for"
    await stack.emulator.control.clock(advance=PERIOD)
    assert await charged(stack) == 2
    told = await member.app.ask(documents.MEMBERSHIP_CHANGE_OF, {"id": resumed["change"]["id"]})
    assert told["membershipChange"] == resumed["change"]


async def test_healthie_may_bill_a_full_period_later_and_the_quote_says_so(stack: Stack) -> None:
    member = await a_member(stack)
    await member.pause()
    as_planned = (await member.resume_quote())["quote"]
    await stack.emulator.control.clock(advance=5 * 86_400)
    assert (await member.resume_quote())["quote"]["nextPaymentOn"] == as_planned["nextPaymentOn"]
    await stack.emulator.control.switches(resumed_a_period_later=True)
    later = await member.resume_quote()
    assert later["quote"]["nextPaymentOn"] > as_planned["nextPaymentOn"]
    changed = await member.resume({"quote": as_planned}, key="stale")
    assert changed["__typename"] == "MembershipResumeQuoteChanged", changed
    assert changed["quote"] == later["quote"]
    assert (await member.resume(later))["__typename"] == "ResumeMembershipSuccess"


async def test_where_healthie_does_not_say_when_it_bills_it_is_not_resumed(stack: Stack) -> None:
    member = await a_member(stack)
    await member.pause()
    await stack.emulator.control.switches(restart_date_told=False)
    refusal = await member.resume_quote()
    assert (refusal["__typename"], refusal["reason"]) == (
        "MembershipChangeNotAllowed",
        "NEXT_PAYMENT_UNKNOWN",
    )
    assert (await member.shown())["canResume"] is False


async def test_where_unpausing_does_nothing_it_is_not_said_to_be_resumed(stack: Stack) -> None:
    member = await a_member(stack)
    await member.pause()
    await stack.emulator.control.switches(unpausing_resumes=False)
    result = await member.resume()
    assert (result["__typename"], result["change"]["status"]) == ("MembershipChangeProcessing", "PROCESSING")
    assert (await member.shown())["status"] == "PAUSED"


async def test_a_paused_one_is_ended_and_then_neither_paused_nor_resumed(stack: Stack) -> None:
    member = await a_member(stack)
    await member.pause()
    assert (await member.end())["__typename"] == "CancelMembershipSuccess"
    for quote in (await member.pause_quote(), await member.resume_quote()):
        assert quote["__typename"] == "MembershipOver"


async def test_the_same_key_is_answered_again_and_sends_nothing(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.pause_quote()
    first = await member.pause(quote, key="one")
    await stack.emulator.control.forget_requests()
    assert await member.pause(quote, key="one") == first
    assert await stack.upstream() == []


async def test_a_double_tap_with_two_keys_pauses_it_once(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.pause_quote()
    await stack.emulator.control.forget_requests()
    both = await asyncio.gather(member.pause(quote), member.pause(quote))
    assert {one["__typename"] for one in both} == {"PauseMembershipSuccess"}, both
    assert len({one["change"]["id"] for one in both}) == 1
    assert (await stack.upstream()).count("SetRecurringPaused") == 1


@pytest.mark.parametrize("resumes", [False, True])
async def test_an_answer_that_got_lost_is_processing_and_the_same_key_tells_the_end(
    stack: Stack, *, resumes: bool
) -> None:
    member = await a_member(stack)
    if resumes:
        await member.pause()
    quote = await (member.resume_quote() if resumes else member.pause_quote())
    accept = member.resume if resumes else member.pause
    await stack.emulator.control.forget_requests()
    await stack.fault("lost_answer", "SetRecurringPaused")
    result = await accept(quote, key="one")
    assert (result["__typename"], result["change"]["status"]) == ("MembershipChangeProcessing", "PROCESSING")
    await stack.work()
    again = await accept(quote, key="one")
    assert again["__typename"].endswith("Success"), again
    assert again["change"]["id"] == result["change"]["id"]
    assert (await stack.upstream()).count("SetRecurringPaused") == 1


async def test_a_pause_of_the_practice_is_the_practices_to_end(stack: Stack) -> None:
    member = await a_member(stack)
    await by_practice(stack, paused=True)
    refusal = await member.resume_quote()
    assert refusal["reason"] == "PAUSED_BY_PRACTICE"
    assert (await member.shown())["canResume"] is False
    assert (await member.pause_quote())["reason"] == "PAUSED_ALREADY"
    app = staff(stack)
    quote = await member.resume_quote(app)
    assert await refused(app, documents.RESUME_MEMBERSHIP, quote, "bare") == "BAD_USER_INPUT"
    result = await app.do(
        documents.RESUME_MEMBERSHIP, quoteId=quote["quote"]["id"], note="Sample: asked by phone"
    )
    assert result["__typename"] == "ResumeMembershipSuccess", result


async def test_the_practices_pause_after_the_patients_own_is_not_the_patients_to_end(stack: Stack) -> None:
    member = await a_member(stack)
    await member.pause()
    quote = await member.resume_quote()
    await by_practice(stack, paused=False)
    await stack.emulator.control.clock(advance=60)
    await by_practice(stack, paused=True)
    result = await member.resume(quote)
    assert (result["__typename"], result["reason"]) == ("MembershipChangeNotAllowed", "PAUSED_BY_PRACTICE")


async def test_where_the_practice_does_not_let_them_patients_do_not_pause(stacks: Stacks) -> None:
    stack = await stacks.start(patients_pause_memberships=False)
    member = await a_member(stack)
    assert (await member.pause_quote())["reason"] == "NOT_ONLINE"
    quote = await member.pause_quote(staff(stack))
    result = await member.pause(quote)
    assert (result["__typename"], result["reason"]) == ("MembershipChangeNotAllowed", "NOT_ONLINE")
    assert (await member.series())["is_paused"] is False
    assert (await member.shown())["canPause"] is False


async def test_they_pause_as_often_as_the_practice_lets_them(stacks: Stacks) -> None:
    stack = await stacks.start(most_membership_pauses=1)
    member = await a_member(stack)
    assert (await member.pause_quote())["quote"]["pausesLeft"] == 1
    await member.pause()
    await member.resume()
    assert (await member.pause_quote())["reason"] == "PAUSED_TOO_OFTEN"


async def test_another_patient_gets_null_for_it_as_for_a_missing_one(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.pause_quote()
    other = stack.patient(str(stack.practice["patients"][1]["id"]))
    for ask in (member.pause_quote, member.resume_quote):
        assert await ask(other) is None
    assert await refused(other, documents.PAUSE_MEMBERSHIP, quote, "foreign") == "NOT_FOUND"
    assert (await member.series())["is_paused"] is False


async def test_a_quote_of_an_end_pauses_nothing(stack: Stack) -> None:
    member = await a_member(stack)
    quote = await member.quote()
    assert await refused(member.app, documents.PAUSE_MEMBERSHIP, quote, "other") == "BAD_USER_INPUT"
    assert (await member.series())["is_paused"] is False
