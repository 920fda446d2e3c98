"""Holding a slot: verified under the lock, bounded, and the caller's alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking.catalog.model import ContactType
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import (
    ClinicianNotBookable,
    HoldExpired,
    HoldExtensionsUsedUp,
    HoldInCheckout,
    HoldLimitReached,
    SlotNotOffered,
    SlotTaken,
    TooLateToBook,
)
from booking.scheduling.holds import HoldRules
from booking.slots import Slot
from tests.doubles.booking_world import (
    GUEST,
    LOCATION,
    LONG,
    PATIENT,
    STRANGER,
    VISITOR,
    World,
    a_slot,
    as_guest,
)


class TestHold:
    async def test_a_slot_on_offer_is_kept_for_its_caller_for_five_minutes(self, world: World) -> None:
        hold = await world.hold()
        assert hold.slot == a_slot()
        assert await world.hold_service.view(VISITOR, hold.id) == hold
        world.clock.advance(seconds=299)
        assert await world.hold_service.view(VISITOR, hold.id) == hold
        world.clock.advance(seconds=1)
        assert await world.hold_service.view(VISITOR, hold.id) is None

    async def test_nobody_else_sees_it(self, world: World) -> None:
        hold = await world.hold()
        assert await world.hold_service.view(STRANGER, hold.id) is None

    @pytest.mark.parametrize("hours", [24, 23.75, 24.25], ids=["same", "before", "after"])
    async def test_an_overlapping_visit_of_any_type_is_taken(self, world: World, hours: float) -> None:
        world.offer.free += [a_slot(LONG, hours=hours)]
        await world.hold()
        with pytest.raises(SlotTaken):
            await world.hold(STRANGER, a_slot(LONG, hours=hours))

    async def test_neighbours_and_other_clinicians_are_free(self, world: World) -> None:
        world.offer.free += [a_slot(clinician="c2")]
        await world.hold()
        await world.hold(STRANGER, a_slot(hours=24.5))
        await world.hold(STRANGER, a_slot(clinician="c2"))
        assert len(world.holds.live) == 3

    async def test_holding_the_same_slot_again_answers_the_live_hold(self, world: World) -> None:
        hold = await world.hold()
        world.clock.advance(minutes=1)
        assert await world.hold() == hold
        assert world.holds.live == [hold]

    async def test_holding_again_what_was_never_verified_does_not_vouch_for_it(self, world: World) -> None:
        hold = await world.hold()  # by a process that died right after it took the interval
        world.offer.free.remove(hold.slot)
        with pytest.raises(SlotNotOffered):
            await world.hold()

    async def test_holding_it_again_does_not_give_it_up_when_the_practice_cannot_be_asked(
        self, world: World
    ) -> None:
        hold = await world.hold()

        async def down() -> None:
            raise UpstreamUnavailable("slots")

        world.offer.during_slots = down
        with pytest.raises(UpstreamUnavailable):
            await world.hold()
        assert world.holds.live == [hold]

    async def test_a_visitor_who_signs_in_meets_their_own_hold_as_the_patients(self, world: World) -> None:
        hold = await world.hold(VISITOR)
        signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
        again = await world.hold(signed_in)
        assert (again.id, again.owner) == (hold.id, PATIENT.principal.key)
        assert world.holds.live == [again]
        with pytest.raises(SlotTaken):
            await world.hold(VISITOR)

    async def test_many_names_from_one_network_are_bounded_together(self) -> None:
        world = World(hold_rules=HoldRules(per_client=2))
        world.offer.free += [a_slot(hours=hours) for hours in (72, 73, 74)]

        def visitor(number: int, client: str | None) -> Caller:
            return Caller(principal=Principal(kind=PrincipalKind.VISITOR, id=f"v{number}"), client=client)

        await world.hold(visitor(1, "office"), a_slot(hours=24))
        hold = await world.hold(visitor(2, "office"), a_slot(hours=48))
        await world.starts.start(visitor(2, "office"), hold_id=hold.id, guest=GUEST)  # counts on
        with pytest.raises(HoldLimitReached):
            await world.hold(visitor(3, "office"), a_slot(hours=72))
        await world.hold(visitor(4, "home"), a_slot(hours=73))
        await world.hold(visitor(5, None), a_slot(hours=74))

    async def test_somebody_elses_hold_stays_taken_for_who_signs_in(self, world: World) -> None:
        hold = await world.hold(STRANGER)
        with pytest.raises(SlotTaken):
            await world.hold(Caller(principal=PATIENT.principal, visitor=VISITOR.principal))
        assert world.holds.live == [hold]

    async def test_the_offer_is_verified_under_the_lock(self, world: World) -> None:
        locked: list[int] = []

        async def look() -> None:
            locked.append(len(world.holds.live))

        world.offer.during_slots = look
        await world.hold()
        assert locked == [1]

    async def test_its_time_begins_when_it_is_verified(self, world: World) -> None:
        async def slowly() -> None:
            world.clock.advance(minutes=2)

        world.offer.during_slots = slowly
        hold = await world.hold()
        assert hold.expires_at == world.clock.now() + HoldRules().duration
        assert (hold.extensions, world.holds.live) == (0, [hold])

    async def test_one_that_is_lost_while_it_is_verified_is_not_answered(self, world: World) -> None:
        async def too_slowly() -> None:
            world.clock.advance(minutes=6)

        world.offer.during_slots = too_slowly
        with pytest.raises(UpstreamUnavailable):
            await world.hold()

    async def test_a_double_tap_that_has_begun_its_checkout_before_the_first_was_verified_loses_nothing(
        self, world: World
    ) -> None:
        elsewhere = world.a_hold_service(world.a_search())  # in one process both wait for the same answer

        async def second_tap() -> None:
            world.offer.during_slots = None
            second = await elsewhere.hold(VISITOR, a_slot().id, time_zone="America/New_York")
            await world.starts.start(VISITOR, hold_id=second.id, guest=GUEST)

        world.offer.during_slots = second_tap
        hold = await world.hold()
        assert [one.id for one in world.holds.live] == [hold.id]

    async def test_a_slot_that_is_gone_upstream_is_not_kept(self, world: World) -> None:
        world.offer.free.clear()
        with pytest.raises(SlotNotOffered):
            await world.hold()
        assert world.holds.live == []

    async def test_a_slot_that_could_not_be_verified_is_not_kept(self, world: World) -> None:
        async def down() -> None:
            raise UpstreamUnavailable("slots")

        world.offer.during_slots = down
        with pytest.raises(UpstreamUnavailable):
            await world.hold()
        assert world.holds.live == []

    async def test_a_claimed_slot_is_taken_although_nobody_holds_it(self, world: World) -> None:
        world.database.claims["other"] = a_slot(hours=23.75)
        with pytest.raises(SlotTaken):
            await world.hold()
        assert world.holds.live == []

    async def test_a_slot_in_the_past_is_too_late(self, world: World) -> None:
        with pytest.raises(TooLateToBook):
            await world.hold(slot=a_slot(hours=0))

    @pytest.mark.parametrize(
        "forged",
        [
            replace(a_slot(), minutes=60),
            replace(a_slot(), visit_type_id="v-none"),
            replace(a_slot(), contact_type=ContactType.PHONE),
            replace(a_slot(), contact_type=ContactType.IN_PERSON),
            replace(a_slot(), contact_type=ContactType.IN_PERSON, location_id="elsewhere"),
            replace(a_slot(), location_id=LOCATION.id),
            replace(a_slot(), start=a_slot().start + timedelta(minutes=1)),
            replace(a_slot(), start=datetime(9999, 12, 31, 10, tzinfo=UTC)),
        ],
        ids=["minutes", "visit", "contact", "no place", "another place", "place", "time", "doomsday"],
    )
    async def test_a_slot_that_the_practice_never_offered_is_not_held(
        self, world: World, forged: Slot
    ) -> None:
        with pytest.raises(SlotNotOffered):
            await world.hold(slot=forged)
        assert world.holds.live == []

    @pytest.mark.parametrize(
        "slot", [a_slot(clinician="c9"), a_slot(LONG, clinician="c2")], ids=["unproved", "other visits"]
    )
    async def test_a_clinician_who_does_not_offer_the_visit_is_not_bookable(
        self, world: World, slot: Slot
    ) -> None:
        with pytest.raises(ClinicianNotBookable):
            await world.hold(slot=slot)

    async def test_what_the_catalogue_rules_out_asks_nobody(self, world: World) -> None:
        with pytest.raises(SlotNotOffered):
            await world.hold(slot=replace(a_slot(), minutes=60))
        assert world.offer.asked == []

    async def test_an_unknown_zone_is_the_callers_mistake(self, world: World) -> None:
        with pytest.raises(InvalidInput):
            await world.hold_service.hold(VISITOR, a_slot().id, time_zone="Mars/Olympus")

    async def test_nobody_holds_more_than_a_few(self, world: World) -> None:
        hours = range(30, 34)
        world.offer.free += [a_slot(hours=hour) for hour in hours]
        for hour in hours[:3]:
            await world.hold(slot=a_slot(hours=hour))
        with pytest.raises(HoldLimitReached):
            await world.hold(slot=a_slot(hours=hours[3]))
        await world.hold(slot=a_slot(hours=hours[0]))  # their own, again
        world.clock.advance(minutes=5)
        await world.hold(slot=a_slot(hours=hours[3]))

    async def test_starting_a_checkout_or_signing_in_leaves_the_count_with_who_took_the_slot(
        self, world: World
    ) -> None:
        hours = range(30, 35)
        world.offer.free += [a_slot(hours=hour) for hour in hours]
        for hour in hours[:2]:
            hold = await world.hold(slot=a_slot(hours=hour))
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        await world.hold(slot=a_slot(hours=hours[2]))
        signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
        theirs = await world.hold(signed_in, a_slot(hours=hours[2]))
        assert (theirs.owner, theirs.taken_by) == (PATIENT.principal.key, VISITOR.principal.key)
        with pytest.raises(HoldLimitReached):
            await world.hold(slot=a_slot(hours=hours[3]))
        await world.hold(PATIENT, a_slot(hours=hours[3]))
        await world.hold_service.release(signed_in, theirs.id)
        await world.hold(slot=a_slot(hours=hours[4]))


class TestExtend:
    async def test_starts_the_duration_anew_twice_and_no_more(self, world: World) -> None:
        hold = await world.hold()
        for _ in range(2):
            world.clock.advance(minutes=4)
            hold = await world.hold_service.extend(VISITOR, hold.id)
            assert hold.expires_at == world.clock.now() + timedelta(minutes=5)
        world.clock.advance(minutes=4)
        with pytest.raises(HoldExtensionsUsedUp) as refusal:
            await world.hold_service.extend(VISITOR, hold.id)
        assert refusal.value.expires_at == hold.expires_at

    async def test_sent_again_counts_once(self, world: World) -> None:
        hold = await world.hold()
        for extensions in (1, 2):
            world.clock.advance(minutes=4)
            first = await world.hold_service.extend(VISITOR, hold.id)
            world.clock.advance(seconds=29)
            assert await world.hold_service.extend(VISITOR, hold.id) == first
            assert first.extensions == extensions

    async def test_that_gains_half_a_minute_counts(self, world: World) -> None:
        hold = await world.hold()
        await world.hold_service.extend(VISITOR, hold.id)
        world.clock.advance(seconds=30)
        assert (await world.hold_service.extend(VISITOR, hold.id)).extensions == 2

    @pytest.mark.parametrize("caller", [STRANGER, PATIENT])
    async def test_only_its_owner_may(self, world: World, caller: Caller) -> None:
        hold = await world.hold()
        with pytest.raises(HoldExpired):
            await world.hold_service.extend(caller, hold.id)

    async def test_what_is_over_is_not_brought_back(self, world: World) -> None:
        hold = await world.hold()
        world.clock.advance(minutes=5)
        with pytest.raises(HoldExpired):
            await world.hold_service.extend(VISITOR, hold.id)


class TestRelease:
    async def test_gives_the_time_back(self, world: World) -> None:
        hold = await world.hold()
        await world.hold_service.release(VISITOR, hold.id)
        await world.hold(STRANGER)

    async def test_only_its_owner_may_and_a_foreign_and_a_missing_one_answer_alike(
        self, world: World
    ) -> None:
        hold = await world.hold()
        for hold_id in (hold.id, "hold_missing"):
            with pytest.raises(HoldExpired):
                await world.hold_service.release(STRANGER, hold_id)
        assert world.holds.live == [hold]

    async def test_a_hold_that_a_checkout_stands_on_stays(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(HoldInCheckout):
            await world.hold_service.release(as_guest(checkout), checkout.hold_id)
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        assert world.holds.live == []
