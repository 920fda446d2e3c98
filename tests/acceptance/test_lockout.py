"""The practice's system refuses us for too many requests: what patients see, and what is sent."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from booking.operations.model import AttentionReason
from booking.scheduling.offer_windows import FRESH
from integrations.database.alerts import SqlAlerts
from integrations.database.engine import connect_database
from integrations.upstream.audit import fingerprint
from tests.acceptance import documents
from tests.acceptance.app import App
from tests.plugins.stack import Stack, Stacks

SLOTS = """query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { asOf stale slots { id } }
}"""

# After this time what was read is read again; it may still be answered for some seconds while that is refused.
DUE = FRESH + timedelta(milliseconds=500)


def sought(stack: Stack) -> dict[str, object]:
    """One day of one visit."""
    wanted = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "America/New_York"}
    return {"filter": wanted, "from": stack.day(3), "until": stack.day(3)}


async def locked_out(stack: Stack) -> App:
    """A visitor who has looked at plans and slots just before every key was locked out."""
    app = await stack.visitor()
    await app.ask(documents.PLANS)
    (day,) = (await app.ask(SLOTS, sought(stack)))["slots"]
    assert not day["stale"]
    await stack.emulator.control.throttle(requests=0)
    await stack.emulator.control.forget_requests()
    return app


async def alerts(stack: Stack) -> list[str]:
    """What waits to be told. Read from the database alone: another process would ask Healthie at its start, and be refused too."""
    engine = connect_database(stack.settings.database_url)
    try:
        async with engine.connect() as connection:
            waiting = await SqlAlerts(connection).due(stack.clock.now() + timedelta(minutes=1), limit=50)
    finally:
        await engine.dispose()
    return [one.subject for one in waiting if one.reason == AttentionReason.LOCKED_OUT]


async def test_slots_of_a_moment_ago_are_answered_and_marked_and_then_no_more(stack: Stack) -> None:
    fresh = (await (await stack.visitor()).ask(SLOTS, sought(stack)))["slots"]
    app = await locked_out(stack)
    (day,) = (await app.ask(SLOTS, sought(stack)))["slots"]
    assert not day["stale"]
    assert await stack.upstream() == [], "it is not due yet"
    await stack.pass_time(DUE)
    (day,) = (await app.ask(SLOTS, sought(stack)))["slots"]
    assert (day["stale"], day["slots"]) == (True, fresh[0]["slots"])
    assert day["asOf"] < stack.clock.now().isoformat()
    await stack.pass_time(timedelta(seconds=16))
    assert (await app.error(SLOTS, sought(stack)))["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"


async def test_after_the_first_refusal_nothing_is_sent(stack: Stack) -> None:
    app = await locked_out(stack)
    for number in range(5):
        (day,) = (await app.ask(SLOTS, sought(stack)))["slots"]
        hold = {"slotId": day["slots"][number]["id"], "timeZone": "UTC"}
        error = await app.error(documents.HOLD, {"input": hold}, key=f"sample-{number}")
        assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert await stack.upstream() == ["AvailableSlots"]


async def test_looking_around_goes_on_and_prices_are_not_quoted_from_memory(stack: Stack) -> None:
    app = await locked_out(stack)
    await stack.pass_time(timedelta(minutes=30))
    assert (await app.ask(documents.PLANS))["plans"]["nodes"]
    assert await app.ask(documents.CLINICIANS)
    price = {"planId": stack.plan("First Visit")}
    assert (await app.error(documents.QUOTE, price))["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    await stack.pass_time(timedelta(minutes=31))
    assert (await app.error(documents.PLANS, {}))["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"


async def test_a_checkout_waits_and_is_charged_and_booked_once_when_it_is_over(stack: Stack) -> None:
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot())["id"], planId=stack.plan("First Visit")
    )
    await stack.emulator.control.throttle(requests=0)
    result = await guest.confirm(checkout_id, cardToken="tok_visa")
    assert result["__typename"] == "CheckoutProcessing"
    assert not (await stack.made())["charges"]
    await stack.emulator.control.end_throttle()
    await stack.work()
    assert (await guest.checkout(checkout_id))["status"] == "CONFIRMED"
    made = await stack.made()
    assert (len(made["charges"]), len(made["appointments"])) == (1, 1)


async def test_people_are_told_once_for_one_lockout(stack: Stack) -> None:
    app = await locked_out(stack)
    await stack.pass_time(DUE)
    await app.ask(SLOTS, sought(stack))
    await stack.pass_time(timedelta(minutes=2))
    await app.error(SLOTS, sought(stack))  # asks whether it is over, and it is not
    assert len(await stack.upstream()) == 2
    told = await alerts(stack)
    ours = fingerprint(stack.practice["owner"]["key"])
    assert len([one for one in told if one.startswith(f"{ours}@")]) == 1


async def test_when_it_is_over_one_question_finds_out_and_all_goes_on(stack: Stack) -> None:
    app = await locked_out(stack)
    await stack.pass_time(DUE)
    await app.ask(SLOTS, sought(stack))
    await stack.emulator.control.end_throttle()
    await app.ask(SLOTS, sought(stack))
    assert await stack.upstream() == ["AvailableSlots"]
    await stack.pass_time(timedelta(seconds=76))
    (day,) = (await app.ask(SLOTS, sought(stack)))["slots"]
    assert not day["stale"]


@pytest.mark.redis
class TestSharedByProcesses:
    @pytest.fixture
    async def stack(self, stacks: Stacks, redis_url: str, redis_prefix: str) -> AsyncIterator[Stack]:
        tenant = redis_prefix.strip(":")
        yield await stacks.start(redis_url=redis_url, tenant=tenant)
        async with Redis.from_url(redis_url) as client:
            async for key in client.scan_iter(f"frontdoor:{tenant}:*"):
                await client.delete(key)

    async def test_what_one_gateway_is_told_holds_the_other_back(self, stack: Stack, stacks: Stacks) -> None:
        other = await stacks.another(stack)
        first, second = await stack.visitor(), await other.visitor()
        await first.ask(SLOTS, sought(stack))
        await second.ask(SLOTS, sought(stack))
        await stack.emulator.control.throttle(requests=0)
        await stack.emulator.control.forget_requests()
        await stack.pass_time(DUE)
        (day,) = (await first.ask(SLOTS, sought(stack)))["slots"]
        (also,) = (await second.ask(SLOTS, sought(stack)))["slots"]
        assert day["stale"]
        assert also["stale"]
        assert await stack.upstream() == ["AvailableSlots"]

    async def test_the_catalogue_of_one_gateway_serves_the_other(self, stack: Stack, stacks: Stacks) -> None:
        await (await stack.visitor()).ask(documents.PLANS)
        other = await stacks.another(stack)
        await stack.emulator.control.forget_requests()
        assert (await (await other.visitor()).ask(documents.PLANS))["plans"]["nodes"]
        # Which version is answered is asked beside the start, and may come after it.
        assert set(await stack.upstream()) <= {"ApiVersion"}
