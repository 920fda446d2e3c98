"""Live queries over real sockets: what one gateway or a worker does shows at another's subscribers, whatever word was lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest

from gateway.runtime import composition
from integrations.database.migrations import migrate
from integrations.redis.change_signals import RedisChangeSignals
from tests.acceptance import documents
from tests.acceptance.app import Json
from tests.acceptance.watching import VISITS, Subscription, subscribed
from tests.plugins.server_process import TemporaryServer
from tests.plugins.stack import Stack, Stacks, eventually

CHECKOUT = "subscription Watch($id: ID!) { checkoutChanged(id: $id) { status appointment { id } } }"
SLOTS = """subscription Watch($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slotsChanged(filter: $filter, from: $from, until: $until) { date stale slots { id } }
}"""

NEVER = timedelta(days=1)


@asynccontextmanager
async def subscribed_to_slots(stack: Stack) -> AsyncIterator[Subscription]:
    """Somebody who looks at a day of the first clinician's."""
    sought = {
        "visitTypeId": stack.visit("Initial Visit"),
        "clinicianIds": [stack.clinician(1)],
        "timeZone": "America/New_York",
    }
    variables = {"filter": sought, "from": stack.day(3), "until": stack.day(4)}
    async with subscribed(stack, None, SLOTS, variables) as subscription:
        yield subscription


async def until_it_shows(subscription: Subscription, slot: Json, *, free: bool) -> None:
    """Read on until the slot is free, or is not."""
    while True:
        for day in await subscription.next():
            shows = slot["id"] in [one["id"] for one in day["slots"]]
            if day["date"] == slot["start"][:10] and shows is free:
                return


@pytest.fixture
async def with_redis(stacks: Stacks, redis_url: str, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A gateway that hears of others by Redis alone."""
    monkeypatch.setattr(composition, "SELDOM", NEVER)
    return await stacks.start(redis_url=redis_url, tenant=tenant)


async def assert_holds_appear(stacks: Stacks, stack: Stack) -> None:
    """What is held at one gateway is taken at the other's subscribers, and free again when it is given back."""
    other = await stacks.another(stack)
    slot = await stack.slot()
    async with subscribed_to_slots(other) as subscription:
        first = await subscription.next()
        assert [day["date"] for day in first] == [stack.day(3), stack.day(4)]
        assert slot["id"] in [one["id"] for one in first[0]["slots"]]
        app = await stack.visitor()
        hold_id = await app.held(slot["id"])
        (changed,) = await subscription.next()
        assert changed["date"] == stack.day(3)
        assert slot["id"] not in [one["id"] for one in changed["slots"]]
        await app.do(documents.RELEASE, holdId=hold_id)
        (changed,) = await subscription.next()
        assert changed == first[0]


class TestFreeTime:
    async def test_a_hold_at_another_gateway_appears_without_redis(self, stacks: Stacks) -> None:
        await assert_holds_appear(stacks, await stacks.start())

    @pytest.mark.postgres
    async def test_the_same_on_postgresql(self, empty_postgres_url: str, stacks: Stacks) -> None:
        await migrate(empty_postgres_url)
        await assert_holds_appear(stacks, await stacks.start(database_url=empty_postgres_url))

    @pytest.mark.redis
    async def test_a_hold_at_another_gateway_is_told_by_redis(
        self, stacks: Stacks, with_redis: Stack
    ) -> None:
        await assert_holds_appear(stacks, with_redis)

    @pytest.mark.redis
    async def test_word_that_was_lost_is_made_good(
        self, stacks: Stacks, redis_url: str, tenant: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(composition, "SELDOM", timedelta(milliseconds=100))
        monkeypatch.setattr(RedisChangeSignals, "_receive", lambda *_: None)
        await assert_holds_appear(stacks, await stacks.start(redis_url=redis_url, tenant=tenant))

    async def test_a_hold_that_runs_out_is_free_again(self, stacks: Stacks, stack: Stack) -> None:
        """The watcher's gateway hears of no hold, so that when its second one shows, the look that compares has seen it.

        Else the clock could be put past a hold that no look has seen: it would end without a difference.
        """
        slot, app = await stack.slot(), await stack.visitor()
        async with subscribed_to_slots(await stacks.another(stack)) as subscription:
            await until_it_shows(subscription, slot, free=True)
            hold_id = await app.held(slot["id"])
            await until_it_shows(subscription, slot, free=False)
            await app.do(documents.RELEASE, holdId=hold_id)
            await until_it_shows(subscription, slot, free=True)
            await app.held(slot["id"])
            await until_it_shows(subscription, slot, free=False)
            stack.clock.advance(timedelta(minutes=stack.settings.hold_minutes))
            await until_it_shows(subscription, slot, free=True)

    async def test_holding_and_booking_ask_the_practice_nothing_for_those_who_watch(
        self, stack: Stack
    ) -> None:
        """And what was booked does not come back when its hold goes, though the offer was read before."""
        slot, other = await stack.slot(), await stack.slot(nth=-1)
        async with subscribed_to_slots(stack) as subscription:
            await subscription.next()
            app = await stack.visitor()
            guest, checkout_id = await app.guest_checkout(slot["id"], planId=stack.plan("First Visit"))
            await subscription.next()
            await stack.emulator.control.forget_requests()
            assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"][
                "status"
            ] == "CONFIRMED"
            assert "AvailableSlots" not in await stack.upstream()
            await (await stack.visitor()).held(other["id"])
            (changed,) = await subscription.next()
            assert not {slot["id"], other["id"]} & {one["id"] for one in changed["slots"]}
            assert (await stack.upstream()).count("AvailableSlots") == 1, "what the hold itself asks"

    async def test_a_question_that_cannot_be_asked_is_refused(self, stack: Stack) -> None:
        sought = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "America/New_York"}
        variables = {"filter": sought, "from": stack.day(1), "until": stack.day(20)}
        async with subscribed(stack, None, SLOTS, variables) as subscription:
            answer = await subscription.ended()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "BAD_USER_INPUT")


class TestCheckouts:
    async def test_every_step_that_shows_is_told_once(self, stack: Stack) -> None:
        app = await stack.visitor()
        guest, checkout_id = await app.guest_checkout(
            (await stack.slot())["id"], planId=stack.plan("First Visit")
        )
        async with subscribed(stack, guest, CHECKOUT, {"id": checkout_id}) as subscription:
            shown = [await subscription.next()]
            confirming = asyncio.create_task(guest.confirm(checkout_id, cardToken="tok_visa"))
            while shown[-1]["status"] != "CONFIRMED":
                shown.append(await subscription.next())
            confirmed = await confirming
        assert shown[0] == {"status": "OPEN", "appointment": None}
        assert shown[-1]["appointment"] == {"id": confirmed["checkout"]["appointment"]["id"]}
        assert all(before != after for before, after in itertools.pairwise(shown))

    async def test_what_a_worker_did_is_told_without_redis(self, stack: Stack) -> None:
        app = await stack.visitor()
        guest, checkout_id = await app.guest_checkout(
            (await stack.slot())["id"], planId=stack.plan("First Visit")
        )
        await stack.fault("lost_answer", "Charge")
        await guest.confirm(checkout_id, cardToken="tok_visa")
        async with subscribed(stack, guest, CHECKOUT, {"id": checkout_id}) as subscription:
            assert (await subscription.next())["status"] == "PROCESSING"
            await stack.work()
            assert (await subscription.next())["status"] == "CONFIRMED"

    async def test_a_foreign_and_a_missing_one_are_told_alike(self, stack: Stack) -> None:
        app = await stack.visitor()
        _, theirs = await app.guest_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
        other, own = await (await stack.visitor()).guest_checkout(
            (await stack.slot(nth=3))["id"], planId=stack.plan("First Visit")
        )
        assert own != theirs
        answers = []
        for checkout_id in (theirs, "chk_missing"):
            async with subscribed(stack, other, CHECKOUT, {"id": checkout_id}) as subscription:
                answers.append([await subscription.next(), await subscription.ended()])
        assert answers[0] == answers[1] == [None, {"id": "op-0", "type": "complete"}]

    async def test_nobody_else_may_watch(self, stack: Stack) -> None:
        for app in (None, await stack.visitor()):
            async with subscribed(stack, app, CHECKOUT, {"id": "chk_missing"}) as subscription:
                assert await subscription.forbidden()


class TestVisits:
    async def test_a_visit_that_is_booked_appears(self, stack: Stack) -> None:
        patient = stack.patient(stack.practice["patients"][0]["id"])
        slot = await stack.slot()
        async with subscribed(stack, patient, VISITS) as subscription:
            before = (await subscription.next())["nodes"]
            checkout_id = await patient.own_checkout(slot["id"], planId=stack.plan("First Visit"))
            booked = await patient.confirm(checkout_id, cardToken="tok_visa")
            after = (await subscription.next())["nodes"]
        new = [one for one in after if one not in before]
        assert new == [{"id": booked["checkout"]["appointment"]["id"], "status": "BOOKED"}]

    async def test_nobody_else_may_watch(self, stack: Stack) -> None:
        async with subscribed(stack, await stack.visitor(), VISITS) as subscription:
            assert await subscription.forbidden()


@pytest.mark.redis
async def test_after_redis_was_gone_the_present_state_is_told(
    stacks: Stacks, temporary_redis: Callable[[], TemporaryServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holds went with it, without a change signal."""
    monkeypatch.setattr(composition, "SELDOM", NEVER)
    server = temporary_redis()
    stack = await stacks.start(redis_url=server.url)
    other = await stacks.another(stack)
    slot = await stack.slot()
    async with subscribed_to_slots(other) as subscription:
        await until_it_shows(subscription, slot, free=True)
        await (await stack.visitor()).held(slot["id"])
        await until_it_shows(subscription, slot, free=False)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await until_it_shows(subscription, slot, free=True)
        await eventually(lambda: held(stack, slot["id"]))
        await until_it_shows(subscription, slot, free=False)


async def held(stack: Stack, slot_id: str) -> bool:
    """Whether somebody could hold it: the connections of before are found to be broken first."""
    answer = await (await stack.visitor()).post(
        documents.HOLD, {"input": {"slotId": slot_id, "timeZone": "UTC"}}, key=uuid4().hex
    )
    data = answer.json()["data"]
    return bool(data) and data["holdSlot"]["__typename"] == "HoldSlotSuccess"
