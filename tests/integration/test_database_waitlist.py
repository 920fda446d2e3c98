"""The rows of the waitlist on SQLite and PostgreSQL: unique rules, optimistic locking, leases, and races of two processes."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import ContactType
from booking.change_signals import Listener, LocalChangeSignals
from booking.errors import StaleOffer
from booking.refusals import WaitlistFull, WaitlistLimitReached
from booking.unit_of_work import UnitOfWorkFactory
from booking.waitlist.model import EntryState, Hours, Look, OfferState, WaitlistEntry, WaitlistOffer, Wish
from integrations.database.holds import SqlHoldStore
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.database.waitlist import reap_waitlist
from tests.doubles.booking_ports import FakeClock
from tests.doubles.booking_world import World
from tests.doubles.waitlist_samples import a_wish_for
from tests.integration.database_samples import NOON, SEALER, a_slot

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SLOT = a_slot(start=NOON + DAY)


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


def an_entry(name: str = "wait_1", *, patient: str = "patient-1", wish: Wish | None = None) -> WaitlistEntry:
    return WaitlistEntry(
        id=name,
        patient_id=patient,
        wish=wish or a_wish_for(SLOT),
        state=EntryState.WAITING,
        joined_at=NOON,
        ends_at=NOON + 20 * DAY,
    )


def an_offer(name: str = "off_1", *, entry: str = "wait_1", **changes: object) -> WaitlistOffer:
    offer = WaitlistOffer(
        id=name,
        version=1,
        entry_id=entry,
        patient_id="patient-1",
        slot=SLOT,
        hold_id=f"hold_of_{name}",
        state=OfferState.INTENDED,
        created_at=NOON,
        expires_at=NOON + 15 * MINUTE,
        due_at=NOON,
    )
    return offer.changed(**changes)


async def join(units: UnitOfWorkFactory, *entries: WaitlistEntry) -> None:
    async with units() as unit:
        for entry in entries:
            assert await unit.waitlist.join(entry, per_patient=9, in_all=99) == entry
        await unit.commit()


async def add(units: UnitOfWorkFactory, offer: WaitlistOffer) -> bool:
    async with units() as unit:
        added = await unit.waitlist.add_offer(offer)
        await unit.commit()
    return added


async def stored(units: UnitOfWorkFactory, offer_id: str) -> WaitlistOffer | None:
    async with units() as unit:
        return await unit.waitlist.offer(offer_id)


async def test_what_was_written_is_read_as_it_was(units: UnitOfWorkFactory) -> None:
    wish = Wish(
        visit_type_id="visit-type-1",
        contact_type=ContactType.IN_PERSON,
        location_id="location-1",
        clinician_ids=("clinician-1", "clinician-2"),
        state="NY",
        weekdays=(1, 5),
        hours=(Hours(start=540, end=720), Hours(start=1020, end=1440)),
        time_zone="America/New_York",
        notice=timedelta(hours=5),
        until=date(2026, 7, 1),
    )
    entry = an_entry(wish=wish)
    await join(units, entry)
    assert await add(units, an_offer())
    async with units() as unit:
        assert await unit.waitlist.entry("wait_1") == entry
        assert await unit.waitlist.offer("off_1") == an_offer()
        assert await unit.waitlist.waiting(wish.group, limit=5) == [entry]
        assert await unit.waitlist.offers_of(["wait_1"], now=NOON) == [an_offer()]
        assert await unit.waitlist.offers_of([], now=NOON) == ()


async def test_the_same_wish_keeps_its_place_and_the_limits_hold(units: UnitOfWorkFactory) -> None:
    await join(units, an_entry())
    other = a_wish_for(SLOT, weekdays=(1,))
    async with units() as unit:
        again = await unit.waitlist.join(an_entry("wait_2"), per_patient=1, in_all=1)
        assert again.id == "wait_1"
        with pytest.raises(WaitlistLimitReached):
            await unit.waitlist.join(an_entry("wait_2", wish=other), per_patient=1, in_all=9)
        with pytest.raises(WaitlistFull):
            await unit.waitlist.join(an_entry("wait_2", patient="patient-2"), per_patient=1, in_all=1)


async def test_the_limits_hold_when_many_join_at_once(units: UnitOfWorkFactory) -> None:
    async def one(number: int) -> bool:
        async with units() as unit:
            try:
                entry = an_entry(f"wait_{number}", patient=f"patient-{number}")
                await unit.waitlist.join(entry, per_patient=1, in_all=3)
            except WaitlistFull:
                return False
            await unit.commit()
        return True

    assert sum(await asyncio.gather(*map(one, range(8)))) == 3


async def test_one_offer_to_an_entry_and_one_entry_to_a_time(units: UnitOfWorkFactory) -> None:
    await join(units, an_entry(), an_entry("wait_2", patient="patient-2"))
    assert await add(units, an_offer())
    later = replace(SLOT, start=SLOT.start + 3 * DAY)
    assert not await add(units, an_offer("off_2", slot=later))
    assert not await add(units, an_offer("off_3", entry="wait_2"))
    async with units() as unit:
        await unit.waitlist.save_offer(an_offer().ended(OfferState.PASSED_ON, now=NOON))
        await unit.commit()
    assert await add(units, an_offer("off_3", entry="wait_2"))
    assert await add(units, an_offer("off_2", slot=later))


async def test_a_stale_write_of_an_offer_is_refused(units: UnitOfWorkFactory) -> None:
    await join(units, an_entry())
    await add(units, an_offer())
    async with units() as unit:
        saved = await unit.waitlist.save_offer(an_offer(state=OfferState.OFFERED))
        await unit.commit()
    assert saved.version == 2
    async with units() as unit:
        with pytest.raises(StaleOffer):
            await unit.waitlist.save_offer(an_offer())
    assert (await stored(units, "off_1")) == saved


async def test_only_live_offers_are_due_and_signals_hasten_the_announced(units: UnitOfWorkFactory) -> None:
    await join(units, an_entry(), an_entry("wait_2", patient="patient-2"))
    later = replace(SLOT, start=SLOT.start + DAY)
    await add(units, an_offer(due_at=NOON + MINUTE))
    await add(
        units,
        an_offer("off_2", entry="wait_2", slot=later, state=OfferState.OFFERED, due_at=NOON + 15 * MINUTE),
    )
    async with units() as unit:
        assert await unit.waitlist.due_offers(NOON, limit=9) == []
        await unit.waitlist.hasten([SLOT.clinician_id, "clinician-9"], now=NOON)
        assert await unit.waitlist.due_offers(NOON, limit=9) == ["off_2"]
        await unit.waitlist.defer("off_1", now=NOON)  # it is not due
        await unit.waitlist.defer("off_2", now=NOON)
        assert await unit.waitlist.due_offers(NOON + MINUTE, limit=9) == ["off_2", "off_1"]
        await unit.waitlist.save_offer(an_offer().ended(OfferState.LOST, now=NOON))
        assert await unit.waitlist.due_offers(NOON + MINUTE, limit=9) == ["off_2"]


async def test_who_has_ended_is_written_by_nobody_any_more(units: UnitOfWorkFactory) -> None:
    await join(units, an_entry())
    async with units() as unit:
        assert await unit.waitlist.note_answers("wait_1", 2)
        assert await unit.waitlist.still_waits("wait_1")
        assert await unit.waitlist.end_entry("wait_1", EntryState.LEFT, now=NOON)
        assert not await unit.waitlist.end_entry("wait_1", EntryState.BOOKED, now=NOON)
        assert not await unit.waitlist.still_waits("wait_1")
        assert not await unit.waitlist.note_answers("wait_1", 0)
        assert await unit.waitlist.waiting(a_wish_for(SLOT).group, limit=5) == []
        (left,) = await unit.waitlist.entries_of("patient-1", since=NOON - DAY, ended=9)
        assert (left.state, left.unanswered) == (EntryState.LEFT, 2)
        assert await unit.waitlist.entries_of("patient-1", since=NOON, ended=9) == []


async def test_a_look_is_leased_and_a_mark_meanwhile_is_not_lost(units: UnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.waitlist.mark("group-1", now=NOON)
        look = await unit.waitlist.claim_look(NOON, until=NOON + 2 * MINUTE)
        assert look == Look(group="group-1", marks=0, lease_until=NOON + 2 * MINUTE)
        assert await unit.waitlist.claim_look(NOON, until=NOON + 2 * MINUTE) is None
        await unit.waitlist.mark(None, now=NOON)
        await unit.waitlist.end_look(look, due_at=NOON + 5 * MINUTE, rested_at=NOON + MINUTE)
        assert await unit.waitlist.claim_look(NOON, until=NOON + 2 * MINUTE) is None
        again = await unit.waitlist.claim_look(NOON + MINUTE, until=NOON + 3 * MINUTE)
        assert again == Look(group="group-1", marks=1, lease_until=NOON + 3 * MINUTE)
        await unit.waitlist.end_look(again, due_at=NOON + 6 * MINUTE, rested_at=NOON + 2 * MINUTE)
        await unit.waitlist.mark("group-1", now=NOON + MINUTE)  # not before the rest is over
        assert await unit.waitlist.claim_look(NOON + MINUTE, until=NOON + 3 * MINUTE) is None
        last = await unit.waitlist.claim_look(NOON + 2 * MINUTE, until=NOON + 4 * MINUTE)
        assert last is not None
        await unit.waitlist.end_look(last, due_at=None, rested_at=NOON + 3 * MINUTE)
        assert await unit.waitlist.claim_look(NOON + DAY, until=NOON + 2 * DAY) is None


async def test_a_look_whose_process_died_is_taken_up_when_its_lease_ends(units: UnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.waitlist.mark("group-1", now=NOON)
        assert await unit.waitlist.claim_look(NOON, until=NOON + 2 * MINUTE)
        await unit.commit()
    async with units() as unit:
        assert await unit.waitlist.claim_look(NOON + 2 * MINUTE, until=NOON + 4 * MINUTE)


async def test_a_look_that_somebody_has_taken_over_is_ended_by_nobody_else(units: UnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.waitlist.mark("group-1", now=NOON)
        slow = await unit.waitlist.claim_look(NOON, until=NOON + 2 * MINUTE)
        faster = await unit.waitlist.claim_look(NOON + 2 * MINUTE, until=NOON + 4 * MINUTE)
        assert slow is not None
        assert faster is not None
        await unit.waitlist.end_look(slow, due_at=None, rested_at=NOON)
        await unit.waitlist.end_look(slow, due_at=NOON, rested_at=NOON)
        assert await unit.waitlist.claim_look(NOON + 3 * MINUTE, until=NOON + 5 * MINUTE) is None
        await unit.waitlist.end_look(faster, due_at=NOON + 5 * MINUTE, rested_at=NOON)
        assert await unit.waitlist.claim_look(NOON + 5 * MINUTE, until=NOON + 7 * MINUTE)


async def test_of_looks_that_are_due_at_once_the_first_is_that_of_who_joined_first(
    units: UnitOfWorkFactory,
) -> None:
    first, second = a_wish_for(SLOT, visit_type_id="z"), a_wish_for(SLOT, visit_type_id="a")
    await join(
        units,
        replace(an_entry("wait_2", patient="patient-2", wish=second), joined_at=NOON + MINUTE),
        an_entry(wish=first),
    )
    async with units() as unit:
        for wish in (first, second):
            await unit.waitlist.mark(wish.group, now=NOON)
        looks = [await unit.waitlist.claim_look(NOON, until=NOON + MINUTE) for _ in range(3)]
    assert [look and (look.group, look.groups) for look in looks] == [
        (first.group, 2),
        (second.group, 2),
        None,
    ]


async def test_many_ask_for_every_group_at_once(units: UnitOfWorkFactory) -> None:
    async def one(number: int) -> None:
        async with units() as unit:
            await unit.waitlist.mark(f"group-{number}", now=NOON)
            await unit.commit()
        for _ in range(5):
            async with units() as unit:
                await unit.waitlist.mark(None, now=NOON)
                await unit.commit()

    await asyncio.gather(*map(one, range(8)))
    async with units() as unit:
        looks = [await unit.waitlist.claim_look(NOON, until=NOON + MINUTE) for _ in range(9)]
    assert [look and look.groups for look in looks] == [8] * 8 + [None]
    assert all(look.marks >= 5 for look in looks if look)


async def test_those_who_wait_are_read_in_pages_in_the_order_of_joining(units: UnitOfWorkFactory) -> None:
    # Of those who joined in one moment the id decides.
    moments = [(1, "wait_c"), (0, "wait_d"), (1, "wait_a"), (1, "wait_b"), (2, "wait_0")]
    for minutes, name in moments:
        entry = replace(an_entry(name, patient=f"patient-{name}"), joined_at=NOON + minutes * MINUTE)
        await join(units, entry)
    read: list[WaitlistEntry] = []
    async with units() as unit:
        while page := await unit.waitlist.waiting(
            a_wish_for(SLOT).group, limit=2, after=read[-1] if read else None
        ):
            read += page
    assert [one.id for one in read] == ["wait_d", "wait_a", "wait_b", "wait_c", "wait_0"]


async def test_a_patient_is_shown_the_latest_of_many_that_ended(units: UnitOfWorkFactory) -> None:
    for number in range(4):
        name = f"wait_{number}"
        await join(units, replace(an_entry(name), joined_at=NOON + number * MINUTE))
        if number:
            async with units() as unit:
                await unit.waitlist.end_entry(name, EntryState.LEFT, now=NOON + DAY)
                await unit.commit()
        else:
            wish = a_wish_for(SLOT, weekdays=(1,))
            await join(units, replace(an_entry("wait_old", wish=wish), joined_at=NOON - DAY))
            async with units() as unit:
                await unit.waitlist.end_entry("wait_0", EntryState.LEFT, now=NOON + DAY)
                await unit.commit()
    async with units() as unit:
        shown = await unit.waitlist.entries_of("patient-1", since=NOON, ended=2)
    assert [one.id for one in shown] == ["wait_3", "wait_2", "wait_old"]


async def test_of_past_offers_those_count_whose_time_the_patient_was_told_of_and_is_to_come(
    units: UnitOfWorkFactory,
) -> None:
    await join(units, an_entry())
    ended = {
        "off_passed": (OfferState.PASSED_ON, 1),
        "off_withdrawn": (OfferState.WITHDRAWN, 2),
        "off_lost": (OfferState.LOST, 3),
        "off_over": (OfferState.PASSED_ON, -1),
    }
    for name, (state, days) in ended.items():
        slot = replace(SLOT, start=NOON + days * DAY)
        await add(units, an_offer(name, slot=slot).ended(state, now=NOON))
    await add(units, an_offer("off_live", slot=replace(SLOT, start=NOON - DAY)))
    async with units() as unit:
        known = await unit.waitlist.offers_of(["wait_1"], now=NOON)
    assert {one.id for one in known} == {"off_passed", "off_withdrawn", "off_live"}


async def test_what_ended_long_ago_goes_with_its_offers(
    units: UnitOfWorkFactory, engine: AsyncEngine
) -> None:
    await join(units, an_entry(), an_entry("wait_2", patient="patient-2"))
    await add(units, an_offer().ended(OfferState.PASSED_ON, now=NOON))
    async with units() as unit:
        await unit.waitlist.end_entry("wait_1", EntryState.LEFT, now=NOON)
        await unit.commit()
    assert await reap_waitlist(engine, NOON) == 0
    assert await reap_waitlist(engine, NOON + DAY) == 1
    assert await stored(units, "off_1") is None
    async with units() as unit:
        assert await unit.waitlist.entry("wait_2") is not None


async def test_a_commit_signals_the_patients_whose_places_it_wrote(engine: AsyncEngine) -> None:
    signals, listener = LocalChangeSignals(), Listener(["waitlist:patient-1", "waitlist:patient-2"])
    with signals.subscribe(listener):
        await join(sql_unit_of_work(engine, SEALER, signals), an_entry())
        assert await listener.wait_for_changes() == {"waitlist:patient-1"}


async def test_two_workers_at_once_offer_a_time_to_one_patient_once(engine: AsyncEngine) -> None:
    """Both look, both drive what is due: one hold, one offer, one event."""
    clock = FakeClock()
    worlds = [World(), World()]
    workers = []
    for world in worlds:
        world.clock = clock
        slot = world.offer.free[0]
        world.offer.free = [slot]
        world.announced = type(world.announced)(
            store=SqlHoldStore(engine=engine, clock=clock), change_signals=world.change_signals
        )
        workers.append(world)
    units = sql_unit_of_work(engine, SEALER)
    wish = a_wish_for(slot)
    async with units() as unit:
        for number in (1, 2, 3):
            entry = replace(
                an_entry(f"wait_{number}", patient=f"patient-{number}", wish=wish),
                joined_at=clock.now() + number * timedelta(seconds=1),
                ends_at=clock.now() + 20 * DAY,
            )
            await unit.waitlist.join(entry, per_patient=3, in_all=99)
        await unit.waitlist.mark(wish.group, now=clock.now())
        await unit.commit()
    parts = [world.waitlist_on(units) for world in workers]
    for _ in range(3):
        await asyncio.gather(*(looker.run_due() for looker, _ in parts))
        async with units() as unit:
            due = await unit.waitlist.due_offers(clock.now(), limit=20)
        await asyncio.gather(*(driver.resume(one) for one in due for _, driver in parts))
    assert await offered(units) == ["patient-1"]
    clock.advance(minutes=15, seconds=1)
    for _ in range(3):
        async with units() as unit:
            due = await unit.waitlist.due_offers(clock.now(), limit=20)
        await asyncio.gather(
            *(driver.resume(one) for one in due for _, driver in parts),
            *(looker.run_due() for looker, _ in parts),
        )
    assert await offered(units) == ["patient-2"]


async def offered(units: UnitOfWorkFactory) -> list[str]:
    async with units() as unit:
        offers = await unit.waitlist.offers_of(["wait_1", "wait_2", "wait_3"], now=NOON)
    return [one.patient_id for one in offers if one.state is OfferState.OFFERED]
