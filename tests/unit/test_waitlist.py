"""The waitlist: who is offered what, that offers expire and pass on, and that nothing is lost with a process."""

import contextlib
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.checkout.model import CheckoutState
from booking.errors import InvalidInput, NotFound, UpstreamUnavailable
from booking.refusals import HoldInCheckout, WaitlistFull, WaitlistLimitReached
from booking.waitlist.matching import Situation, fits
from booking.waitlist.model import EntryState, Hours, OfferState
from booking.waitlist.rules import MOST_UNANSWERED, QuietHours, WaitlistRules
from tests.doubles.booking_ports import NOW, Killed
from tests.doubles.booking_world import CATALOG, PRICED, a_slot
from tests.doubles.waitlist_scene import RULES, SLOT, Scene, a_wish, patient


async def test_a_time_that_comes_free_is_held_for_the_first_who_joined() -> None:
    scene = Scene()
    await scene.join("p-one")
    await scene.join("p-two")
    await scene.work()
    assert scene.offered() == []
    scene.free(SLOT)
    await scene.later(minutes=6)
    assert scene.offered() == ["p-one"]
    (hold,) = scene.holds()
    assert (hold.owner, hold.slot, hold.expires_at) == (
        "patient:p-one",
        SLOT,
        scene.world.clock.now() + RULES.offer_lasts,
    )
    assert scene.told() == [("waitlist.offered", "p-one")]


async def test_an_offer_that_expires_passes_on_and_keeps_its_place_for_other_times() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    await scene.join("p-two")
    await scene.work()
    assert scene.offered() == ["p-one"]
    await scene.later(minutes=16)
    assert scene.offered() == ["p-two"]
    assert scene.told()[1:] == [("waitlist.passed_on", "p-one"), ("waitlist.offered", "p-two")]
    other = a_slot(PRICED, hours=48)
    scene.free(SLOT, other)
    await scene.later(minutes=6)
    assert scene.offered() == ["p-two", "p-one"]
    assert {one.slot for one in scene.offers if one.state is OfferState.OFFERED} == {SLOT, other}


async def test_the_same_time_is_not_offered_to_the_same_patient_again() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    for _ in range(5):
        await scene.later(minutes=16)
    assert [one.state for one in scene.offers] == [OfferState.PASSED_ON]
    assert scene.holds() == []


async def test_who_lets_offer_after_offer_pass_waits_no_longer() -> None:
    scene = Scene()
    place = await scene.join("p-one")
    for number in range(MOST_UNANSWERED):
        assert scene.state(place) is EntryState.WAITING
        scene.free(a_slot(PRICED, hours=30 + number))
        await scene.later(minutes=6)
        await scene.later(minutes=16)
    assert scene.state(place) is EntryState.UNANSWERED


async def test_a_declined_offer_passes_on_at_once_and_counts_as_an_answer() -> None:
    scene = Scene(free=(SLOT,))
    place = await scene.join("p-one")
    await scene.join("p-two")
    await scene.work()
    (hold,) = scene.holds()
    await scene.world.hold_service.release(patient("p-one"), hold.id)
    await scene.work()
    assert scene.offered() == ["p-two"]
    assert scene.world.database.waitlist.entries[place.entry.id].unanswered == 0


async def test_who_leaves_hands_the_time_on_at_once() -> None:
    scene = Scene(free=(SLOT,))
    first = await scene.join("p-one")
    await scene.join("p-two")
    await scene.work()
    await scene.service.leave(patient("p-one"), first.entry.id)
    await scene.work()
    assert (scene.state(first), scene.offered()) == (EntryState.LEFT, ["p-two"])
    again = await scene.service.leave(patient("p-one"), first.entry.id)
    assert again.entry.state is EntryState.LEFT
    assert [name for name, _ in scene.told()] == ["waitlist.offered", "waitlist.offered"]


async def test_booking_on_the_offer_ends_the_waiting() -> None:
    scene = Scene(free=(SLOT,))
    place = await scene.join("p-one")
    await scene.work()
    (hold,) = scene.holds()
    checkout = await scene.world.starts.start(
        patient("p-one"), hold_id=hold.id, plan_id=None, guest=None, accept_recurrence=True
    )
    with pytest.raises(HoldInCheckout):
        await scene.service.leave(patient("p-one"), place.entry.id)
    scene.world.change_signals.publish(["clinician:c1"])
    await scene.later(minutes=1)
    assert scene.state(place) is EntryState.WAITING  # the checkout is under way
    await scene.world.settle(scene.world.confirmed(checkout))
    assert scene.world.row(checkout).state is CheckoutState.CONFIRMED
    await scene.later(minutes=15)
    assert scene.state(place) is EntryState.BOOKED
    assert [one.state for one in scene.offers] == [OfferState.BOOKED]


async def test_in_the_quiet_hours_of_a_patients_zone_the_next_is_asked_and_afterwards_the_first() -> None:
    # It is 15:00 UTC, 11:00 in New York and midnight in Tokyo.
    scene = Scene(WaitlistRules(quiet=QuietHours(start=time(21), end=time(8))), free=(SLOT,))
    await scene.join("p-tokyo", time_zone="Asia/Tokyo")
    await scene.join("p-new-york", time_zone="America/New_York")
    await scene.work()
    assert scene.offered() == ["p-new-york"]
    scene.free(SLOT, a_slot(PRICED, hours=48))
    await scene.later(hours=8, minutes=1)
    assert "p-tokyo" in scene.offered()


async def test_a_time_that_somebody_took_meanwhile_is_lost_in_silence() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    looker = scene.world.waitlist_looker(RULES)
    scene.world.offer.free = [SLOT]

    async def taken(*_: object, **__: object) -> bool:
        return False

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scene.world.search, "offers", taken)
        await looker.run_due()
    assert (scene.offered(), scene.holds(), scene.told()) == ([], [], [])
    assert [one.state for one in scene.offers] == [OfferState.LOST]


async def test_a_practice_that_cannot_be_read_puts_the_look_off() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")

    async def down(*_: object, **__: object) -> bool:
        raise UpstreamUnavailable("availability")

    looker = scene.world.waitlist_looker(RULES)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(looker._search, "offered", down)
        await looker.run_due()
    assert scene.offers == []
    await scene.later(minutes=6)
    assert scene.offered() == ["p-one"]


async def killed_at(point: int, *, passing_on: bool) -> bool:
    """A worker that dies at this point of making or passing on an offer; another one comes later. Whether it got so far."""
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    await scene.join("p-two")
    if passing_on:
        await scene.work()
        scene.world.clock.advance(minutes=16)
    scene.world.tape.points, scene.world.tape.kill_at = 0, point
    with contextlib.suppress(Killed):
        await scene.work()
    was_killed = "killed" in scene.world.tape.events
    scene.world.tape.kill_at = None
    await scene.later(minutes=2, seconds=5)  # the lease is over
    assert scene.offered() == (["p-two"] if passing_on else ["p-one"])
    (hold,) = scene.holds()
    assert hold.owner == f"patient:{scene.offered()[0]}"
    told = [("waitlist.offered", "p-one")]
    if passing_on:
        told += [("waitlist.passed_on", "p-one"), ("waitlist.offered", "p-two")]
    assert scene.told() == told
    return was_killed


@pytest.mark.parametrize("passing_on", [False, True])
async def test_whoever_dies_where_each_time_is_offered_to_one_and_none_is_lost(passing_on: bool) -> None:  # noqa: FBT001
    point = 1
    while await killed_at(point, passing_on=passing_on):
        point += 1
        assert point < 60
    assert point > 6


async def test_nobody_looks_more_often_than_the_rest_allows_however_many_signals_come() -> None:
    scene = Scene()
    await scene.join("p-one")
    looker = scene.world.waitlist_looker(RULES)
    await looker.run_due()
    before = dict(scene.world.database.waitlist.looks)
    for _ in range(20):
        scene.world.change_signals.publish(["calendar:c1"])
        await looker.run_due()
        scene.world.clock.advance(seconds=1)
    (row,) = scene.world.database.waitlist.looks.values()
    (first,) = before.values()
    assert (row.rested_at, row.due_at) == (first.rested_at, first.rested_at)
    assert first.rested_at - NOW > timedelta(seconds=30)


async def test_a_change_signal_brings_the_look_forward() -> None:
    scene = Scene()
    await scene.join("p-one")
    looker = scene.world.waitlist_looker(RULES)
    await looker.run_due()
    scene.world.clock.advance(seconds=60)
    scene.free(SLOT)
    await looker.run_due()
    assert scene.offered() == []
    scene.world.change_signals.publish(["calendar:c1"])
    await looker.run_due()
    assert scene.offered() == ["p-one"]


async def test_a_hold_that_expires_is_looked_for_when_it_does() -> None:
    scene = Scene(free=(SLOT,))
    await scene.world.hold_service.hold(patient("p-zero"), SLOT.id, time_zone="UTC")
    await scene.join("p-one")
    await scene.work()
    assert scene.offered() == []
    await scene.later(minutes=5, seconds=2)
    assert scene.offered() == ["p-one"]


async def test_after_the_last_day_nobody_waits_and_nobody_looks() -> None:
    scene = Scene()
    place = await scene.join("p-one", until=date(2026, 6, 2))
    await scene.work()
    await scene.later(hours=40)
    assert scene.state(place) is EntryState.OVER
    await scene.later(hours=1)
    assert scene.world.database.waitlist.looks == {}


async def test_joining_for_the_same_again_keeps_the_place_and_limits_hold() -> None:
    scene = Scene(replace(RULES, per_patient=2, in_all=3))
    first = await scene.join("p-one")
    assert (await scene.join("p-one")).entry == first.entry
    await scene.join("p-one", weekdays=(1,))
    with pytest.raises(WaitlistLimitReached):
        await scene.join("p-one", weekdays=(2,))
    await scene.join("p-two")
    with pytest.raises(WaitlistFull):
        await scene.join("p-three")


async def test_a_foreign_and_a_missing_entry_are_alike() -> None:
    scene = Scene()
    place = await scene.join("p-one")
    for entry_id in (place.entry.id, "wait_missing"):
        with pytest.raises(NotFound):
            await scene.service.leave(patient("p-two"), entry_id)
        assert await scene.service.view(patient("p-two"), entry_id) is None
    assert scene.state(place) is EntryState.WAITING


@pytest.mark.parametrize(
    "wrong",
    [
        {"until": date(2026, 5, 31)},
        {"until": date(2026, 8, 1)},
        {"visit_type_id": "v-missing"},
        {"clinician_ids": ("c9",)},
        {"clinician_ids": ("c1",), "state": "CA"},
        {"contact_type": ContactType.PHONE},
    ],
)
async def test_what_can_never_come_free_is_refused(wrong: dict[str, object]) -> None:
    scene = Scene()
    with pytest.raises(InvalidInput):
        await scene.join("p-one", **wrong)
    assert scene.world.database.waitlist.entries == {}


@pytest.mark.parametrize(
    ("wish", "does"),
    [
        ({}, True),
        ({"weekdays": (2,)}, True),  # the slot is on a Tuesday, 15:00 UTC
        ({"weekdays": (1, 3)}, False),
        ({"hours": (Hours(start=15 * 60, end=16 * 60),)}, True),
        ({"hours": (Hours(start=14 * 60, end=15 * 60),)}, False),
        ({"hours": (Hours(start=11 * 60, end=11 * 60 + 1),), "time_zone": "America/New_York"}, True),
        ({"until": date(2026, 6, 1)}, False),
        ({"notice": timedelta(hours=23)}, True),
        ({"notice": timedelta(hours=24)}, False),  # nothing would be left to answer in
        ({"contact_type": ContactType.PHONE}, False),
        ({"visit_type_id": "v-free"}, False),
    ],
)
async def test_a_time_fits_by_kind_day_hour_and_notice(wish: dict[str, object], does: bool) -> None:  # noqa: FBT001
    situation = Situation(catalog=CATALOG, rules=RULES, now=NOW, offers=())
    assert fits(a_wish(**wish), SLOT, situation) is does
