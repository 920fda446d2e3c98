"""How little of the practice's system a search costs."""

import asyncio
from typing import Any

from tests.acceptance import documents
from tests.plugins.stack import Stack


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


async def test_browsing_again_within_a_minute_costs_nothing(stack: Stack) -> None:
    app = await stack.visitor()
    await app.ask(documents.PLANS)
    await stack.emulator.control.forget_requests()
    await app.ask(documents.PLANS)
    await app.ask(documents.CLINICIANS)
    assert await stack.upstream() == []
