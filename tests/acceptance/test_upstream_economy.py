"""How little of the practice's system a search costs."""

import asyncio
from typing import Any

from tests.acceptance import documents
from tests.plugins.stack import Stack, Stacks


def week(stack: Stack) -> dict[str, Any]:
    """Everybody who offers the visit, seven days."""
    sought = {"visitTypeId": stack.visit("Follow-up Visit"), "timeZone": "America/New_York"}
    return {"filter": sought, "from": stack.day(1), "until": stack.day(7)}


async def test_a_week_of_everybody_costs_at_most_seven_requests_cold(stack: Stack) -> None:
    app = await stack.visitor()
    await stack.emulator.control.forget_requests()
    days = (await app.ask(documents.SLOTS, week(stack)))["slots"]
    assert {slot["clinicianId"] for day in days for slot in day["slots"]} == {
        stack.clinician(number) for number in (1, 2, 3)
    }
    assert len(days) == 7
    assert 1 <= len(await stack.upstream()) <= 7


async def test_ten_who_ask_the_same_at_once_share_the_requests_of_one(stack: Stack) -> None:
    apps = [await stack.visitor() for _ in range(10)]
    await stack.emulator.control.forget_requests()
    # On a slow machine the last would else come when the first have their answer, and ask anew as they should.
    await stack.fault("slow_answer", "AvailableSlots", count=4, seconds=2)
    answers = await asyncio.gather(*(app.ask(documents.SLOTS, week(stack)) for app in apps))
    assert all(answer == answers[0] for answer in answers)
    asked = await stack.upstream()
    assert len(asked) <= 7
    assert asked.count("AvailableSlots") == 4


async def test_different_questions_about_the_same_days_share_the_requests_of_one(stack: Stack) -> None:
    """Other clinicians, other zones, other days of the week: in a row and at once."""
    apps = [await stack.visitor() for _ in range(6)]
    await stack.emulator.control.forget_requests()
    everybody = week(stack)
    await apps[0].ask(documents.SLOTS, everybody)
    cold = await stack.upstream()
    visit = everybody["filter"]["visitTypeId"]
    questions = [
        {
            "filter": {"visitTypeId": visit, "timeZone": zone, **who},
            "from": stack.day(2),
            "until": stack.day(6),
        }
        for zone in ("America/New_York", "America/Los_Angeles", "UTC")
        for who in ({}, {"clinicianIds": [stack.clinician(2)]})
    ]
    answers = await asyncio.gather(
        *(app.ask(documents.SLOTS, one) for app, one in zip(apps, questions, strict=True))
    )
    assert all(any(day["slots"] for day in answer["slots"]) for answer in answers)
    assert {slot["clinicianId"] for day in answers[1]["slots"] for slot in day["slots"]} == {
        stack.clinician(2)
    }
    assert await stack.upstream() == cold


async def test_a_hold_shows_in_the_next_answer_though_the_calendar_is_not_asked_again(stack: Stack) -> None:
    app, other = await stack.visitor(), await stack.visitor()
    found = (await app.ask(documents.SLOTS, week(stack)))["slots"]
    slot = found[-1]["slots"][-1]
    hold_id = await other.held(slot["id"])
    await stack.emulator.control.forget_requests()
    taken = (await app.ask(documents.SLOTS, week(stack)))["slots"]
    assert slot in found[-1]["slots"]
    assert slot not in taken[-1]["slots"]
    await other.do(documents.RELEASE, holdId=hold_id)
    assert (await app.ask(documents.SLOTS, week(stack)))["slots"] == found
    assert await stack.upstream() == []


async def test_browsing_again_within_a_minute_costs_nothing(stack: Stack) -> None:
    app = await stack.visitor()
    await app.ask(documents.PLANS)
    await stack.emulator.control.forget_requests()
    await app.ask(documents.PLANS)
    await app.ask(documents.CLINICIANS)
    assert await stack.upstream() == []


async def test_a_flood_costs_no_more_than_its_share_and_nothing_once_it_has_hung_up(stacks: Stacks) -> None:
    """A pace that gives nothing back while the test runs: whatever is sent is taken from the bucket of forty."""
    stack = await stacks.start(
        healthie_requests_per_second=0.001, healthie_burst=40, client_address_header="X-Forwarded-For"
    )
    flood, other = await stack.visitor(), await stack.visitor()
    flood.headers["X-Forwarded-For"], other.headers["X-Forwarded-For"] = "203.0.113.9", "198.51.100.7"
    await other.ask(documents.CLINICIANS)
    await stack.emulator.control.forget_requests()
    asking = [
        asyncio.create_task(
            flood.ask(documents.SLOTS, {**week(stack), "from": stack.day(n), "until": stack.day(n + 30)})
        )
        for n in range(40, 160, 40)  # months that share no day with one another, nor with the week
    ]
    async with asyncio.timeout(30):
        while len(await stack.upstream()) < 20:  # noqa: ASYNC110  # the emulator tells nobody
            await asyncio.sleep(0.05)
    # Another visit type, of which nothing was read, nor learned how many days one request may ask for.
    elsewhere = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "America/New_York"}
    found = await other.ask(documents.SLOTS, {**week(stack), "filter": elsewhere})
    assert (await other.hold(found["slots"][-1]["slots"][-1]["id"]))["__typename"] == "HoldSlotSuccess"
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert await stack.upstream() == ["AvailableSlots"] * (20 + 4 + 1)
