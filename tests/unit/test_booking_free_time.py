"""Free time that is watched: what is taken here shows without a request upstream, and what changed there with few."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from booking.change_signals import Listener
from booking.checkout.model import CheckoutState
from booking.errors import UpstreamUnavailable
from booking.live import free_time
from booking.live.free_time import RENEWED, FreeTime
from booking.live.shared_reads import NEWCOMER
from booking.scheduling.recent_slots import STALE
from booking.slot_query import SlotQuery
from booking.slots import Slot
from tests.doubles.booking_world import CATALOG, FREE, PRICED, VISITOR, World, a_slot

TUESDAY, WEDNESDAY = date(2026, 6, 2), date(2026, 6, 3)


class Watch:
    """Free time of the clinician c1's first visits, as it is read at each change signal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked = 0
        answer = world.offer.slots

        async def counted(query: SlotQuery) -> Sequence[Slot]:
            self.asked += 1
            return await answer(query)

        world.offer.slots = counted  # type: ignore[method-assign]  # counts, and answers as before

    async def begin(self) -> "Watch":
        query = SlotQuery.of(
            CATALOG, visit_type_id=PRICED.id, clinician_ids=["c1"], first=TUESDAY, last=WEDNESDAY
        )
        self.source = FreeTime(
            query,
            search=self.world.search,
            changes=self.world.changes,
            clock=self.world.clock,
        )
        return self

    async def shows(self, *changed_topics: str) -> set[Slot]:
        self.seen = await self.source.read(changed_topics)
        return {slot for day in self.seen.state for slot in day.slots}

    def is_stale(self) -> bool:
        return any(day.stale for day in self.seen.state)


@pytest.fixture
async def watch() -> Watch:
    return await Watch(World()).begin()


async def test_a_hold_comes_and_goes_without_a_request(watch: Watch) -> None:
    slot = a_slot()
    assert slot in await watch.shows()
    watch.world.holds._holds["h"] = replace(
        await watch.world.hold(VISITOR, a_slot(hours=48)), id="h", slot=slot
    )
    asked = watch.asked
    assert slot not in await watch.shows("clinician:c1")
    watch.world.clock.advance(minutes=4)
    assert slot not in await watch.shows("clinician:c1")
    watch.world.holds.emptied()
    assert slot in await watch.shows("clinician:c1")
    assert watch.asked == asked


async def test_a_visit_that_was_booked_since_does_not_come_back_when_its_claim_goes(watch: Watch) -> None:
    slot = a_slot()
    assert slot in await watch.shows()
    checkout = await watch.world.start(VISITOR, slot)
    now = watch.world.clock.now()
    watch.world.put(watch.world.row(checkout).changed(state=CheckoutState.CONFIRMED, ended_at=now))
    watch.world.holds.emptied()
    asked = watch.asked
    assert slot not in await watch.shows("clinician:c1")
    assert watch.asked == asked


async def test_a_calendar_that_changed_is_asked_for_at_most_every_fifteen_seconds(watch: Watch) -> None:
    await watch.shows()
    watch.world.clock.advance(seconds=1)
    watch.world.offer.free.remove(a_slot())
    assert a_slot() in await watch.shows("calendar:c1")
    assert watch.seen.again == STALE.total_seconds() - 1
    assert watch.asked == 1
    watch.world.clock.advance(seconds=14)
    assert a_slot() not in await watch.shows()
    assert watch.asked == 2
    assert watch.seen.again == RENEWED.total_seconds()
    watch.world.clock.advance(seconds=60)
    await watch.shows("calendar:c1")
    assert watch.asked == 3


async def test_it_is_asked_for_now_and_then_though_nobody_says_that_it_changed(watch: Watch) -> None:
    await watch.shows()
    watch.world.offer.free.remove(a_slot())
    watch.world.clock.advance(seconds=RENEWED.total_seconds() - 1)
    assert a_slot() in await watch.shows()
    assert watch.seen.again == 1
    watch.world.clock.advance(seconds=1)
    assert a_slot() not in await watch.shows()
    assert watch.asked == 2


async def test_a_newcomer_is_shown_what_is_at_most_fifteen_seconds_old(watch: Watch) -> None:
    await watch.shows(NEWCOMER)
    watch.world.clock.advance(seconds=14)
    await watch.shows(NEWCOMER)
    assert watch.asked == 1
    watch.world.clock.advance(seconds=1)
    await watch.shows(NEWCOMER)
    assert watch.asked == 2


async def test_while_the_calendar_cannot_be_read_holds_still_show_and_it_says_so(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.shows()
    assert not watch.is_stale()

    async def offered(_: object) -> None:
        watch.asked += 1
        raise UpstreamUnavailable("sample")

    hold = await watch.world.hold(VISITOR, a_slot(hours=24.5))
    monkeypatch.setattr(watch.world.search, "offered", offered)
    watch.world.clock.advance(seconds=16)
    asked = watch.asked
    assert hold.slot not in await watch.shows("calendar:c1", "clinician:c1")
    assert watch.is_stale()
    assert watch.seen.again == STALE.total_seconds()
    await watch.shows("clinician:c1")
    assert watch.asked == asked + 1, "not at every change signal"
    watch.world.clock.advance(minutes=6)
    with pytest.raises(UpstreamUnavailable):
        await watch.shows()


@pytest.mark.parametrize("begun", [False, True])
async def test_while_the_calendar_is_waited_for_holds_show_before_long(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    if begun:
        await watch.shows()
    hold = await watch.world.hold(VISITOR, a_slot(hours=24.5))
    watch.world.offer.during_slots = asyncio.get_running_loop().create_future  # its turn does not come
    monkeypatch.setattr(free_time, "PATIENCE", 0.05)
    watch.world.clock.advance(seconds=16)
    async with asyncio.timeout(5):
        if begun:
            assert hold.slot not in await watch.shows("calendar:c1", "clinician:c1")
            assert watch.is_stale()
        else:
            with pytest.raises(UpstreamUnavailable):
                await watch.shows()


async def test_nobody_to_ask_for_is_nothing_free(watch: Watch) -> None:
    query = SlotQuery.of(CATALOG, visit_type_id=FREE.id, clinician_ids=[], first=TUESDAY, last=TUESDAY)
    watch.source = FreeTime(
        query,
        search=watch.world.search,
        changes=watch.world.changes,
        clock=watch.world.clock,
    )
    assert await watch.shows() == set()
    assert watch.asked == 0


async def test_holds_are_told_of_when_the_store_has_them_and_not_when_it_refused() -> None:
    world = World()
    listener = Listener(["clinician:c1"])
    with world.change_signals.subscribe(listener):
        hold = await world.hold(VISITOR, a_slot())
        assert await listener.wait_for_changes(within=0) == {"clinician:c1"}
        assert await world.announced.release(hold.id, owners={"visitor:another"}) is None
        assert await listener.wait_for_changes(within=0) == frozenset()
        assert await world.announced.release(hold.id, owners={hold.owner}) == hold
        assert await listener.wait_for_changes(within=0) == {"clinician:c1"}
        await world.announced.release(hold.id, owners={hold.owner})
        assert await listener.wait_for_changes(within=0) == frozenset()
