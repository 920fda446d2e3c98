"""The waitlist under attack: lost holds, paused workers, quiet hours that begin, practices that change, and long lists."""

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.checkout.model import CheckoutState
from booking.errors import UpstreamUnavailable
from booking.waitlist.matching import Situation, fits
from booking.waitlist.model import EntryState, Hours, OfferState
from booking.waitlist.passing_on import new_offer
from booking.waitlist.rules import PAGE, REST_PER_REQUEST, QuietHours, WaitlistRules
from tests.doubles.booking_ports import NOW, Killed
from tests.doubles.booking_world import CATALOG, FREE, LONG, PRICED, a_slot
from tests.doubles.waitlist_scene import AT_ANY_HOUR, RULES, SLOT, Scene, a_wish, patient


async def offered_to_one(*others: str) -> Scene:
    """The time is on offer to the first; the others wait for the same."""
    scene = Scene(free=(SLOT,))
    for name in ("p-one", *others):
        await scene.join(name)
    await scene.work()
    assert scene.offered() == ["p-one"]
    return scene


async def test_a_hold_store_that_was_emptied_costs_nobody_their_offer() -> None:
    scene = await offered_to_one("p-two")
    (before,) = scene.holds()
    scene.world.holds.emptied()
    await scene.later(seconds=31)
    assert scene.offered() == ["p-one"]
    (hold,) = scene.holds()
    assert (hold.id, hold.owner, hold.expires_at) == (before.id, before.owner, before.expires_at)
    assert scene.told() == [("waitlist.offered", "p-one")]
    await scene.world.starts.start(
        patient("p-one"), hold_id=hold.id, plan_id=None, guest=None, accept_recurrence=True
    )


async def test_a_time_that_somebody_took_from_an_emptied_store_is_theirs_and_the_place_stays() -> None:
    scene = await offered_to_one("p-two")
    scene.world.holds.emptied()
    theirs = await scene.world.hold_service.hold(patient("p-nine"), SLOT.id, time_zone="UTC")
    await scene.later(seconds=31)
    assert scene.offered() == []
    assert scene.holds() == [theirs]
    assert scene.told() == [("waitlist.offered", "p-one"), ("waitlist.passed_on", "p-one")]
    (entry, _) = scene.world.database.waitlist.entries.values()
    assert (entry.state, entry.unanswered) == (EntryState.WAITING, 0)


async def test_what_overlaps_an_offer_whose_hold_was_lost_goes_to_nobody_else() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    await scene.work()
    longer = replace(a_slot(LONG), start=SLOT.start - timedelta(minutes=30))
    await scene.join("p-two", visit_type_id=LONG.id)
    scene.free(SLOT, longer)
    scene.world.clock.advance(seconds=10)
    scene.world.holds.emptied()
    await scene.work()
    await scene.later(seconds=31)
    assert scene.offered() == ["p-one"]
    assert [one.owner for one in scene.holds()] == ["patient:p-one"]


async def test_an_emptied_store_and_a_calendar_that_was_filled_meanwhile() -> None:
    scene = await offered_to_one()
    scene.world.holds.emptied()
    scene.free()
    await scene.later(seconds=31)
    assert (scene.offered(), scene.holds()) == ([], [])


@pytest.mark.parametrize("point", range(1, 40))
async def test_whoever_dies_taking_a_lost_hold_again(point: int) -> None:
    scene = await offered_to_one("p-two")
    scene.world.holds.emptied()
    scene.world.clock.advance(seconds=31)
    scene.world.tape.points, scene.world.tape.kill_at = 0, point
    with contextlib.suppress(Killed):
        await scene.work()
    scene.world.tape.kill_at = None
    await scene.later(minutes=2, seconds=5)
    assert scene.offered() == ["p-one"]
    assert [one.owner for one in scene.holds()] == ["patient:p-one"]


async def test_what_was_declined_is_an_answer_however_late_a_worker_comes() -> None:
    scene = await offered_to_one("p-two")
    (hold,) = scene.holds()
    await scene.world.hold_service.release(patient("p-one"), hold.id)
    await scene.later(minutes=20)  # no process was up
    await scene.later(minutes=2)
    assert scene.offered() == ["p-two"]
    first = next(iter(scene.world.database.waitlist.entries.values()))
    assert first.unanswered == 0


async def test_a_checkout_that_is_given_up_is_an_answer_and_passes_the_time_on_at_once() -> None:
    scene = await offered_to_one("p-two")
    (hold,) = scene.holds()
    checkout = await scene.world.starts.start(
        patient("p-one"), hold_id=hold.id, plan_id=None, guest=None, accept_recurrence=True
    )
    await scene.later(seconds=31)
    await scene.world.checkouts.cancel(patient("p-one"), checkout.id)
    assert scene.world.row(checkout).state is CheckoutState.CANCELLED
    await scene.later(seconds=31)
    assert scene.offered() == ["p-two"]
    assert next(iter(scene.world.database.waitlist.entries.values())).unanswered == 0


async def test_an_offer_lasts_as_long_as_the_patient_has_extended_its_hold() -> None:
    scene = await offered_to_one("p-two")
    (hold,) = scene.holds()
    scene.world.clock.advance(minutes=14)
    extended = await scene.world.hold_service.extend(patient("p-one"), hold.id)
    assert extended.expires_at == NOW + timedelta(seconds=2, minutes=19)
    (place,) = await scene.service.places("p-one")
    assert place.offer is not None
    assert place.offer.expires_at == extended.expires_at
    await scene.later(minutes=4)
    assert scene.offered() == ["p-one"]
    await scene.later(minutes=2)
    assert scene.offered() == ["p-two"]


async def test_a_worker_that_was_paused_takes_no_hold_from_the_offer_that_another_announced() -> None:
    """It held the time, slept, and reads that the time is not free, when the other has long told the patient."""
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    asked = 0

    async def answer(*_: object) -> bool:
        nonlocal asked
        asked += 1
        if asked > 1:
            return True
        scene.world.clock.advance(minutes=2, seconds=1)
        await scene.work()
        assert scene.offered() == ["p-one"]
        return False

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("booking.scheduling.search.SlotSearch.offers", answer)
        await scene.world.waitlist_looker(RULES).run_due()
    assert scene.offered() == ["p-one"]
    assert [one.owner for one in scene.holds()] == ["patient:p-one"]


async def made_after(scene: Scene, **span: float) -> None:
    """A worker dies with the intent committed; another comes so much later."""
    scene.world.tape.points, scene.world.tape.kill_at = 0, 4  # after the lease of the look and the intent
    with pytest.raises(Killed):
        await scene.work()
    scene.world.tape.kill_at = None
    assert [one.state for one in scene.offers] == [OfferState.INTENDED]
    await scene.later(**span)


async def test_no_offer_goes_out_when_quiet_hours_have_begun_since_it_was_intended() -> None:
    quiet = QuietHours(start=time(15, 5), end=time(8))  # it is 15:00 UTC
    scene = Scene(WaitlistRules(quiet=quiet), free=(SLOT,))
    await scene.join("p-one")
    await scene.join("p-two", time_zone="America/New_York")
    await made_after(scene, minutes=6)
    assert scene.offered() == []
    await scene.later(minutes=2)  # the group has rested
    assert scene.offered() == ["p-two"]
    assert scene.told() == [("waitlist.offered", "p-two")]


async def test_no_offer_goes_out_when_too_little_notice_is_left_since_it_was_intended() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one", notice=timedelta(hours=23, minutes=42))
    await made_after(scene, minutes=6)
    assert (scene.offered(), scene.holds(), scene.told()) == ([], [], [])


async def test_no_offer_goes_out_with_a_clinician_who_has_left_since_it_was_intended() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one")
    scene.world.tape.points, scene.world.tape.kill_at = 0, 4
    with pytest.raises(Killed):
        await scene.work()
    scene.world.tape.kill_at = None
    left = tuple(one for one in CATALOG.clinicians if one.id != SLOT.clinician_id)
    scene.world.offer.offered = replace(CATALOG, clinicians=left)
    await scene.later(minutes=3)
    assert (scene.offered(), scene.holds(), scene.told()) == ([], [], [])


async def test_a_practice_that_no_longer_offers_such_visits_keeps_no_look_failing() -> None:
    scene = Scene(free=(SLOT,))
    place = await scene.join("p-one", until=date(2026, 6, 2))
    changed = replace(PRICED, contact_types=(ContactType.IN_PERSON,))
    scene.world.offer.offered = replace(CATALOG, visit_types=(changed,))
    await scene.later(minutes=1)
    (row,) = scene.world.database.waitlist.looks.values()
    assert (row.lease_until, row.due_at) == (None, scene.world.clock.now() + RULES.look_every)
    await scene.later(hours=40)
    assert scene.state(place) is EntryState.OVER


async def test_who_has_an_offer_at_the_end_of_their_last_day_may_still_book_it() -> None:
    late = a_slot(PRICED, hours=8.9)  # 23:54
    scene = Scene(free=(late,))
    place = await scene.join("p-one", until=NOW.date())
    scene.world.clock.at = datetime(2026, 6, 1, 23, 39, tzinfo=UTC)
    await scene.work()
    (hold,) = scene.holds()
    scene.world.clock.advance(minutes=14)
    await scene.world.hold_service.extend(patient("p-one"), hold.id)
    scene.world.clock.advance(seconds=30)
    checkout = await scene.world.starts.start(
        patient("p-one"), hold_id=hold.id, plan_id=None, guest=None, accept_recurrence=True
    )
    scene.world.confirmed(checkout)
    await scene.world.saga.resume(checkout.id)
    assert scene.world.row(checkout).state is CheckoutState.CONFIRMED
    await scene.later(minutes=7)  # it is Tuesday before a worker comes, and looks first
    assert scene.state(place) is EntryState.BOOKED


async def test_those_who_wait_for_other_times_hide_nobody_behind_them() -> None:
    scene = Scene(replace(RULES, in_all=5_000), free=(SLOT,))
    for number in range(2 * PAGE + 1):
        await scene.join(f"p-{number}", weekdays=(3,))
    await scene.join("p-last")
    scene.world.clock.at = NOW + timedelta(minutes=30)
    await scene.work()
    assert scene.offered() == ["p-last"]
    await scene.join("p-later")
    await scene.later(minutes=16)
    assert scene.offered() == ["p-later"]  # passed on over as many


async def test_a_time_that_another_intended_meanwhile_goes_past_nobody_who_is_earlier() -> None:
    """The first chose a time that is in a live offer by now, of another group; they get the other time, and not who came later."""
    other = a_slot(PRICED, hours=48)
    scene = Scene(free=(SLOT, other))
    theirs = await scene.join("p-zero", visit_type_id=FREE.id, contact_type=ContactType.PHONE)
    await scene.join("p-one")
    await scene.join("p-two")
    intent = new_offer(theirs.entry, replace(a_slot(FREE), start=SLOT.start), rules=RULES, now=NOW)
    scene.world.database.waitlist.offers[intent.id] = intent
    looks = scene.world.database.waitlist.looks
    del looks[theirs.entry.wish.group]
    await scene.world.waitlist_looker(RULES).run_due()
    assert [(one.patient_id, one.slot) for one in scene.offers[1:]] == [("p-one", other)]


async def test_all_groups_together_ask_no_more_than_one_may() -> None:
    scene = Scene(free=(SLOT,))
    await scene.join("p-one", until=NOW.date() + timedelta(days=1))
    await scene.join(
        "p-two", visit_type_id=FREE.id, contact_type=ContactType.PHONE, until=NOW.date() + timedelta(days=1)
    )
    await scene.world.waitlist_looker(RULES).run_due()
    first = scene.world.database.waitlist.looks[a_wish().group]
    # Two days are one request, and the offer another; two groups wait.
    assert first.rested_at == scene.world.clock.now() + 2 * 2 * REST_PER_REQUEST


async def test_of_groups_that_a_change_calls_for_at_once_the_longest_waiting_comes_first() -> None:
    """One time of one clinician can be either visit: who joined first is asked first."""
    free = replace(a_slot(FREE), start=SLOT.start)
    scene = Scene()
    await scene.join("p-one", contact_type=ContactType.VIDEO)
    await scene.join("p-two", visit_type_id=FREE.id, contact_type=ContactType.PHONE)
    await scene.work()
    scene.world.clock.advance(minutes=4)
    scene.free(SLOT, free)
    looker = scene.world.waitlist_looker(RULES)
    scene.world.change_signals.publish(["calendar:"])
    await looker.run_due()
    assert scene.offered() == ["p-one"]
    await scene.work()
    assert scene.offered() == ["p-one"]


async def test_what_was_signalled_while_the_database_was_down_is_not_lost() -> None:
    scene = Scene()
    await scene.join("p-one")
    looker = scene.world.waitlist_looker(RULES)
    await looker.run_due()
    scene.world.clock.advance(seconds=70)
    scene.free(SLOT)
    scene.world.change_signals.publish(["calendar:c1"])

    async def down(*_: object, **__: object) -> None:
        raise ConnectionError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tests.doubles.waitlist_repository.FakeWaitlist.mark", down)
        with pytest.raises(ConnectionError):
            await looker.run_due()
    await looker.run_due()
    assert scene.offered() == ["p-one"]


async def test_a_catalog_that_cannot_be_read_loses_no_time() -> None:
    scene = await offered_to_one("p-two")
    (hold,) = scene.holds()

    async def down(*_: object) -> None:
        raise UpstreamUnavailable("catalog")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scene.world.offer, "catalog", down)
        await scene.world.holds.release(hold.id, owners={hold.owner})
        await scene.world.hold_service._offered.released(hold)  # type: ignore[union-attr]
    await scene.later(minutes=1)
    assert scene.offered() == ["p-two"]


async def test_a_time_that_the_patient_holds_or_books_without_us_is_not_offered_to_anybody() -> None:
    scene = Scene(free=(SLOT,))
    place = await scene.join("p-one")
    await scene.join("p-two")
    await scene.world.hold_service.hold(patient("p-one"), SLOT.id, time_zone="UTC")
    await scene.later(minutes=4)
    assert (scene.offers, scene.told()) == ([], [])
    (hold,) = scene.holds()
    checkout = await scene.world.starts.start(
        patient("p-one"), hold_id=hold.id, plan_id=None, guest=None, accept_recurrence=True
    )
    await scene.world.settle(scene.world.confirmed(checkout))
    scene.free()
    await scene.later(minutes=30)
    assert (scene.offers, scene.state(place)) == ([], EntryState.WAITING)


async def test_a_patient_with_several_places_is_offered_several_times_and_never_one_twice() -> None:
    scene = Scene(free=(SLOT, a_slot(PRICED, hours=48)))
    await scene.join("p-one")
    await scene.join("p-one", weekdays=(2, 3))
    await scene.work()
    assert len({one.slot for one in scene.offers}) == len(scene.offers) == 2
    assert len(scene.holds()) == 2


@pytest.mark.parametrize(
    ("start", "zone", "hours", "does"),
    [
        # New York: the clocks go back on 1 November 2026 at 06:00 UTC; 01:30 comes twice.
        ("2026-11-01T05:30+00:00", "America/New_York", Hours(start=60, end=120), True),
        ("2026-11-01T06:30+00:00", "America/New_York", Hours(start=60, end=120), True),
        ("2026-11-01T14:00+00:00", "America/New_York", Hours(start=540, end=600), True),
        ("2026-10-31T13:00+00:00", "America/New_York", Hours(start=540, end=600), True),
        ("2026-10-31T14:00+00:00", "America/New_York", Hours(start=540, end=600), False),
        # Lord Howe moves by half an hour.
        ("2026-10-03T22:00+00:00", "Australia/Lord_Howe", Hours(start=540, end=570), True),
        ("2026-10-02T22:30+00:00", "Australia/Lord_Howe", Hours(start=540, end=570), True),
    ],
)
async def test_hours_are_those_of_the_clock_on_the_wall_when_it_changes(
    start: str,
    zone: str,
    hours: Hours,
    does: bool,  # noqa: FBT001
) -> None:
    slot = replace(SLOT, start=datetime.fromisoformat(start))
    situation = Situation(catalog=CATALOG, rules=RULES, now=slot.start - timedelta(days=2), offers=())
    wish = a_wish(hours=(hours,), time_zone=zone, until=slot.start.date() + timedelta(days=1))
    assert fits(wish, slot, situation) is does


@pytest.mark.parametrize(
    ("now", "quiet"),
    [
        # The night in which the clocks go forward in New York, 8 March 2026 at 07:00 UTC.
        ("2026-03-08T01:59+00:00", False),
        ("2026-03-08T02:00+00:00", True),  # 21:00 EST
        ("2026-03-08T11:59+00:00", True),  # 07:59 EDT
        ("2026-03-08T12:00+00:00", False),
        ("2026-03-07T12:59+00:00", True),  # the day before in EST
        ("2026-03-07T13:00+00:00", False),
    ],
)
def test_quiet_hours_follow_the_clock_on_the_wall_when_it_changes(now: str, quiet: bool) -> None:  # noqa: FBT001
    hours = QuietHours(start=time(21), end=time(8))
    assert hours.covers(datetime.fromisoformat(now), "America/New_York") is quiet
    assert not AT_ANY_HOUR.covers(datetime.fromisoformat(now), "America/New_York")
