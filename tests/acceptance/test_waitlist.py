"""The waitlist through the public API: a cancelled time is offered in order, passes on, and is booked on its hold."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.acceptance import documents
from tests.acceptance.app import App, Json
from tests.acceptance.booked import Booked, money, patients_visit
from tests.acceptance.watching import subscribed
from tests.plugins.stack import Stack, Stacks

# 15:00 in New York: nobody sleeps.
LOOK = timedelta(minutes=6)
OFFER = timedelta(minutes=15, seconds=5)

WATCH = """subscription Watch { waitlistChanged { id status offer { holdId expiresAt hold { slot { id start } } } } }"""


async def join(stack: Stack, app: App, slot: Json, **wish: Any) -> Json:
    """Wait for exactly this time of this clinician."""
    start = datetime.fromisoformat(slot["start"])
    hours = {"from": f"{start:%H:%M}", "until": f"{start + timedelta(minutes=1):%H:%M}"}
    sought = {
        "visitTypeId": slot["visitTypeId"],
        "timeZone": "America/New_York",
        "clinicianIds": [slot["clinicianId"]],
        "until": start.date().isoformat(),
        "days": [f"{start:%A}".upper()],
        "hours": [hours],
        **wish,
    }
    result = await app.do(documents.JOIN_WAITLIST, filter=sought)
    assert result["__typename"] == "JoinWaitlistSuccess", result
    return result["entry"]


async def waiting(app: App) -> Json:
    """The one place of this patient."""
    (place,) = (await app.ask(documents.MY_WAITLIST))["me"]["waitlist"]
    return place


class Practice:
    """Patient A has a time that B and C wait for."""

    def __init__(self, stack: Stack, booked: Booked) -> None:
        self.stack, self.booked = stack, booked
        self.b, self.c = (stack.patient(str(stack.practice["patients"][n]["id"])) for n in (1, 2))

    @classmethod
    async def open(cls, stack: Stack) -> "Practice":
        practice = cls(stack, await patients_visit(stack, ahead=3))
        await join(stack, practice.b, practice.booked.slot)
        await stack.pass_time(timedelta(seconds=1))
        await join(stack, practice.c, practice.booked.slot)
        return practice

    async def offer(self, app: App) -> Json:
        """The time on offer to this patient, if there is one."""
        return (await waiting(app))["offer"]


async def test_what_a_cancels_b_is_offered_and_c_books_when_it_expires(stack: Stack) -> None:
    practice = await Practice.open(stack)
    await stack.work(after=LOOK)
    assert await practice.offer(practice.b) is None
    assert (await practice.booked.cancel())["__typename"] == "CancelAppointmentSuccess"
    await stack.work(after=LOOK)
    offer = await practice.offer(practice.b)
    assert offer["hold"]["slot"]["start"] == practice.booked.slot["start"]
    assert await practice.offer(practice.c) is None
    assert not await practice.booked.offered()  # to the public
    stranger = await (await stack.visitor()).hold(practice.booked.slot["id"])
    assert stranger["__typename"] == "SlotTaken"

    await stack.work(after=OFFER)
    assert await practice.offer(practice.b) is None
    second = await practice.offer(practice.c)
    assert second["hold"]["slot"]["start"] == practice.booked.slot["start"]

    late = await practice.b.do(documents.START, holdId=offer["holdId"])
    assert late["__typename"] == "HoldExpired"
    started = await practice.c.do(documents.START, holdId=second["holdId"])
    confirmed = await practice.c.confirm(started["checkout"]["id"], cardToken="tok_visa")
    assert confirmed["__typename"] == "ConfirmCheckoutSuccess", confirmed
    await stack.work(after=OFFER)
    assert ((await waiting(practice.c))["status"], await practice.offer(practice.c)) == ("BOOKED", None)
    assert (await waiting(practice.b))["status"] == "WAITING"
    assert await money(stack) == [(120_00, 120_00), (120_00, 0)]


async def test_who_declines_or_leaves_hands_the_time_on(stack: Stack) -> None:
    practice = await Practice.open(stack)
    await practice.booked.cancel()
    await stack.work(after=LOOK)
    place = await waiting(practice.b)
    left = await practice.b.do(documents.LEAVE_WAITLIST, entryId=place["id"])
    assert (left["__typename"], left["entry"]["status"], left["entry"]["offer"]) == (
        "LeaveWaitlistSuccess",
        "LEFT",
        None,
    )
    await stack.work(after=timedelta(seconds=1))
    offer = await practice.offer(practice.c)
    released = await practice.c.do(documents.RELEASE, holdId=offer["holdId"])
    assert released["__typename"] == "ReleaseHoldSuccess"
    await stack.work(after=OFFER)
    assert ((await waiting(practice.c))["status"], await practice.offer(practice.c)) == ("WAITING", None)
    assert await practice.booked.offered()


async def test_a_visit_is_moved_to_an_offered_time(stack: Stack) -> None:
    practice = await Practice.open(stack)
    theirs = await patients_visit(stack, patient=1, ahead=5)
    await practice.booked.cancel()
    await stack.work(after=LOOK)
    offer = await practice.offer(practice.b)
    moved = await theirs.move(offer["holdId"])
    assert moved["__typename"] == "RescheduleAppointmentSuccess", moved
    await stack.work(after=OFFER)
    assert (await waiting(practice.b))["status"] == "BOOKED"


async def test_the_offer_is_told_to_who_watches(stack: Stack) -> None:
    practice = await Practice.open(stack)
    await practice.booked.cancel()
    async with subscribed(stack, practice.b, WATCH) as subscription:
        (first,) = await subscription.next()
        assert first["offer"] is None
        await stack.work(after=LOOK)
        while (place := (await subscription.next())[0])["offer"] is None:
            pass
        assert place["offer"]["hold"]["slot"]["start"] == practice.booked.slot["start"]


async def test_nobody_else_may_watch(stack: Stack) -> None:
    async with subscribed(stack, await stack.visitor(), WATCH) as subscription:
        assert await subscription.forbidden()


async def test_in_quiet_hours_nothing_is_offered(stacks: Stacks) -> None:
    stack = await stacks.start(waitlist_quiet_hours="00:00-23:59")
    practice = await Practice.open(stack)
    await practice.booked.cancel()
    await stack.work(after=LOOK)
    assert await practice.offer(practice.b) is None
    assert await practice.booked.offered()


async def test_joining_again_and_the_same_key_are_one_place(stack: Stack) -> None:
    slot = await stack.slot("Single Visit")
    app = stack.patient(str(stack.practice["patients"][0]["id"]))
    first = await join(stack, app, slot)
    assert await join(stack, app, slot) == first
    assert (await waiting(app))["id"] == first["id"]


async def test_no_more_places_than_the_practice_allows(stacks: Stacks) -> None:
    stack = await stacks.start(waitlist_per_patient=1, waitlist_places=1)
    slot = await stack.slot("Single Visit")
    a, b = (stack.patient(str(stack.practice["patients"][n]["id"])) for n in (0, 1))
    await join(stack, a, slot)
    sought = {"visitTypeId": slot["visitTypeId"], "timeZone": "UTC", "until": stack.day(9)}
    more = await a.do(documents.JOIN_WAITLIST, filter=sought)
    assert (more["__typename"], more["code"]) == ("WaitlistLimitReached", "WAITLIST_LIMIT_REACHED")
    other = await b.do(documents.JOIN_WAITLIST, filter=sought)
    assert (other["__typename"], other["retryable"]) == ("WaitlistFull", True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"until": "2020-01-01"}, "filter.until"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"hours": [{"from": "9", "until": "10:00"}]}, "filter.hours"),
        ({"hours": [{"from": "10:00", "until": "09:00"}]}, "filter.hours"),
        ({"noticeHours": -1}, "filter.noticeHours"),
        ({"clinicianIds": []}, "filter.clinicianIds"),
        ({"visitTypeId": "nothing"}, "filter.visitTypeId"),
        ({"state": "New York"}, "state"),
    ],
)
async def test_a_mistake_is_named_and_changes_nothing(stack: Stack, wrong: Json, field: str) -> None:
    app = stack.patient(str(stack.practice["patients"][0]["id"]))
    sought = {
        "visitTypeId": stack.visit("Single Visit"),
        "timeZone": "America/New_York",
        "until": stack.day(9),
    }
    error = await app.error(documents.JOIN_WAITLIST, {"input": {"filter": sought | wrong}}, key="one")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field), error
    assert (await app.ask(documents.MY_WAITLIST))["me"]["waitlist"] == []


async def test_looking_costs_the_practice_no_more_than_it_may(stack: Stack) -> None:
    """A look of two weeks: one request for two days, and none while it rests, whatever is signalled."""
    slot = await stack.slot("Single Visit")
    app = stack.patient(str(stack.practice["patients"][0]["id"]))
    await join(stack, app, slot, until=stack.day(13), days=None, hours=[{"from": "00:00", "until": "00:01"}])
    before = len(await stack.upstream())
    await stack.work(after=timedelta(seconds=1))
    asked = [one for one in (await stack.upstream())[before:] if "lot" in one or "vailab" in one]
    assert 0 < len(asked) <= 8, asked
    before = len(await stack.upstream())
    await stack.work(after=timedelta(seconds=5))
    assert [one for one in (await stack.upstream())[before:] if one in asked] == []
