"""Live queries of free time: what is taken here shows without a request upstream, and what changed there with few."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from booking.change_signals import Listener
from booking.checkout.model import CheckoutState
from booking.errors import UpstreamUnavailable
from booking.live import free_time
from booking.live.free_time import RENEWED, FreeTime
from booking.live.shared_reads import NEWCOMER
from booking.scheduling.offer_windows import STALE
from booking.slot_columns import SlotColumns
from booking.slot_query import SlotQuery
from booking.slots import Slot
from tests.doubles.booking_world import CATALOG, FREE, PRICED, VISITOR, World, a_slot

TUESDAY = date(2026, 6, 2)


class ReadFreeTime:
    """Free time of the clinician c1's first visits, as it is read at each change signal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked = 0
        answer = world.offer.slots

        async def counted(query: SlotQuery) -> SlotColumns:
            self.asked += 1
            return await answer(query)

        world.offer.slots = counted  # type: ignore[method-assign]  # counts, and answers as before

    async def begin(self) -> "ReadFreeTime":
        query = SlotQuery.of(
            CATALOG, visit_type_id=PRICED.id, clinician_ids=["c1"], first=TUESDAY, last=TUESDAY
        )
        self.source = FreeTime(
            query,
            search=self.world.search,
            clock=self.world.clock,
        )
        return self

    async def shows(self, *changed_topics: str) -> set[Slot]:
        self.seen = await self.source.read(changed_topics)
        return {slot for day in self.seen.state for slot in day.slots}

    def is_stale(self) -> bool:
        return any(day.stale for day in self.seen.state)


@pytest.fixture
async def reading() -> ReadFreeTime:
    return await ReadFreeTime(World()).begin()


async def test_a_hold_comes_and_goes_without_a_request(reading: ReadFreeTime) -> None:
    slot = a_slot()
    assert slot in await reading.shows()
    reading.world.holds._holds["h"] = replace(
        await reading.world.hold(VISITOR, a_slot(hours=48)), id="h", slot=slot
    )
    asked = reading.asked
    assert slot not in await reading.shows("clinician:c1")
    reading.world.clock.advance(minutes=4)
    assert slot not in await reading.shows("clinician:c1")
    reading.world.holds.emptied()
    assert slot in await reading.shows("clinician:c1")
    assert reading.asked == asked


async def test_a_visit_that_was_booked_since_does_not_come_back_when_its_claim_goes(
    reading: ReadFreeTime,
) -> None:
    slot = a_slot()
    assert slot in await reading.shows()
    checkout = await reading.world.start(VISITOR, slot)
    now = reading.world.clock.now()
    reading.world.put(reading.world.row(checkout).changed(state=CheckoutState.CONFIRMED, ended_at=now))
    reading.world.holds.emptied()
    asked = reading.asked
    assert slot not in await reading.shows("clinician:c1")
    assert reading.asked == asked


async def test_a_calendar_that_changed_is_asked_for_at_most_every_fifteen_seconds(
    reading: ReadFreeTime,
) -> None:
    await reading.shows()
    reading.world.clock.advance(seconds=1)
    reading.world.offer.free.remove(a_slot())
    assert a_slot() in await reading.shows("calendar:c1")
    assert reading.seen.again == STALE.total_seconds() - 1
    assert reading.asked == 1
    reading.world.clock.advance(seconds=14)
    assert a_slot() not in await reading.shows()
    assert reading.asked == 2
    assert reading.seen.again == RENEWED.total_seconds()
    reading.world.clock.advance(seconds=60)
    await reading.shows("calendar:c1")
    assert reading.asked == 3


async def test_it_is_asked_for_now_and_then_though_nobody_says_that_it_changed(reading: ReadFreeTime) -> None:
    await reading.shows()
    reading.world.offer.free.remove(a_slot())
    reading.world.clock.advance(seconds=RENEWED.total_seconds() - 1)
    assert a_slot() in await reading.shows()
    assert reading.seen.again == 1
    reading.world.clock.advance(seconds=1)
    assert a_slot() not in await reading.shows()
    assert reading.asked == 2


async def test_a_newcomer_is_shown_what_is_at_most_fifteen_seconds_old(reading: ReadFreeTime) -> None:
    await reading.shows(NEWCOMER)
    reading.world.clock.advance(seconds=14)
    await reading.shows(NEWCOMER)
    assert reading.asked == 1
    reading.world.clock.advance(seconds=1)
    await reading.shows(NEWCOMER)
    assert reading.asked == 2


async def test_while_the_calendar_cannot_be_read_holds_still_show_and_it_says_so(
    reading: ReadFreeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reading.shows()
    assert not reading.is_stale()

    async def offered(_: object, *, after: object) -> None:
        del after
        reading.asked += 1
        raise UpstreamUnavailable("sample")

    hold = await reading.world.hold(VISITOR, a_slot(hours=24.5))
    monkeypatch.setattr(reading.world.search, "offered", offered)
    reading.world.clock.advance(seconds=16)
    asked = reading.asked
    assert hold.slot not in await reading.shows("calendar:c1", "clinician:c1")
    assert reading.is_stale()
    assert reading.seen.again == STALE.total_seconds()
    await reading.shows("clinician:c1")
    assert reading.asked == asked + 1, "not at every change signal"
    reading.world.clock.advance(minutes=6)
    with pytest.raises(UpstreamUnavailable):
        await reading.shows()


@pytest.mark.parametrize("begun", [False, True])
async def test_while_the_calendar_is_waited_for_holds_show_before_long(
    reading: ReadFreeTime, monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    if begun:
        await reading.shows()
    hold = await reading.world.hold(VISITOR, a_slot(hours=24.5))
    reading.world.offer.during_slots = asyncio.get_running_loop().create_future  # its turn does not come
    monkeypatch.setattr(free_time, "PATIENCE", 0.05)
    reading.world.clock.advance(seconds=16)
    async with asyncio.timeout(5):
        if begun:
            assert hold.slot not in await reading.shows("calendar:c1", "clinician:c1")
            assert reading.is_stale()
        else:
            with pytest.raises(UpstreamUnavailable):
                await reading.shows()


async def test_nobody_to_ask_for_is_nothing_free(reading: ReadFreeTime) -> None:
    query = SlotQuery.of(CATALOG, visit_type_id=FREE.id, clinician_ids=[], first=TUESDAY, last=TUESDAY)
    reading.source = FreeTime(
        query,
        search=reading.world.search,
        clock=reading.world.clock,
    )
    assert await reading.shows() == set()
    assert reading.asked == 0


async def test_holds_are_announced_when_the_store_has_them_and_not_when_it_refused() -> None:
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
