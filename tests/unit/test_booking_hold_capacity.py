"""What strangers may hold of a clinician's day: bounded, dearer as it fills, told of, and no matter for who has signed in."""

import asyncio
from datetime import timedelta

import pytest

from booking.errors import UpstreamUnavailable
from booking.models import Hold
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import HoldCapacityReached, HoldExtensionsUsedUp
from booking.scheduling.hold_capacity import ShareRules
from tests.doubles.booking_world import GUEST, LONG, PATIENT, World, a_slot

# A day of ten half hours, of which strangers may hold five; it is far enough ahead to lie within one day of UTC.
HOURS = [72 + n / 2 for n in range(10)]
EARLY = HOURS[0]


@pytest.fixture
def world() -> World:
    world = World(share_rules=ShareRules(visitor=1, network=1, block=1))
    world.offer.free = [a_slot(hours=hours) for hours in HOURS]
    return world


def visitor(number: int, client: str | None = None) -> Caller:
    return Caller(principal=Principal(kind=PrincipalKind.VISITOR, id=f"visitor-{number}"), client=client)


async def hold(world: World, n: int, caller: Caller | None = None) -> Hold:
    return await world.hold(caller or visitor(n), a_slot(hours=HOURS[n]))


class TestTheShare:
    async def test_of_strangers_is_half_of_the_day_and_the_rest_is_for_patients(self, world: World) -> None:
        for n in range(5):
            await hold(world, n)
        with pytest.raises(HoldCapacityReached) as refusal:
            await hold(world, 5)
        assert 0 < refusal.value.retry_after <= 5 * 60
        for n in (5, 6, 7):
            await hold(world, n, PATIENT)
        another = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-another"))
        for n in (8, 9):
            await hold(world, n, another)

    async def test_is_free_again_after_the_time_that_the_refusal_tells(self, world: World) -> None:
        for n in range(5):
            await hold(world, n)
        with pytest.raises(HoldCapacityReached) as refusal:
            await hold(world, 5)
        world.clock.advance(seconds=refusal.value.retry_after)
        await hold(world, 5)

    async def test_shrinks_with_what_the_practice_still_offers(self, world: World) -> None:
        await hold(world, 0)
        world.offer.free = world.offer.free[:4]
        await hold(world, 1)  # two of four
        with pytest.raises(HoldCapacityReached):
            await hold(world, 2)

    async def test_counts_minutes_of_whatever_is_held(self, world: World) -> None:
        world.offer.free += [a_slot(LONG, hours=hours) for hours in HOURS[:9:2]]
        for n in (0, 2):
            await world.hold(visitor(n), a_slot(LONG, hours=HOURS[n]))
        await hold(world, 4)
        with pytest.raises(HoldCapacityReached):
            await hold(world, 5)

    async def test_leaves_a_first_hold_to_guests_on_a_day_with_one_free_time(self, world: World) -> None:
        world.offer.free = [a_slot(hours=EARLY)]
        await hold(world, 0)

    async def test_is_not_left_by_a_checkout_that_nobody_has_confirmed(self, world: World) -> None:
        for n in range(5):
            held = await hold(world, n)
            await world.starts.start(visitor(n), hold_id=held.id, guest=GUEST)
        with pytest.raises(HoldCapacityReached):
            await hold(world, 5)

    async def test_is_left_by_visitors_who_sign_in(self, world: World) -> None:
        for n in range(5):
            await hold(world, n)
        for n in range(2):
            await hold(world, n, Caller(principal=PATIENT.principal, visitor=visitor(n).principal))
        await hold(world, 5)

    async def test_of_many_at_once_on_a_day_that_nobody_has_read_is_no_smaller(self, world: World) -> None:
        answers = await asyncio.gather(*(hold(world, n) for n in range(9)), return_exceptions=True)
        assert sum(isinstance(one, Hold) for one in answers) == 5

    async def test_of_one_visitor_one_network_and_one_block_is_smaller(self) -> None:
        block = "0" * 32
        same_visitor = [visitor(1)] * 3
        same_network = [visitor(n, block + "a" * 32) for n in range(3)]
        same_block = [visitor(n, block + f"{n:032}") for n in range(4)]
        for callers in (same_visitor, same_network, same_block):
            tried = World(share_rules=ShareRules())
            tried.offer.free = [a_slot(hours=hours) for hours in HOURS]
            for n, caller in enumerate(callers[:-1]):
                await hold(tried, n, caller)
            with pytest.raises(HoldCapacityReached):
                await hold(tried, 9, callers[-1])
            await hold(tried, 8, visitor(9, "1" * 64))  # others find room

    async def test_of_other_days_and_other_clinicians_is_their_own(self, world: World) -> None:
        world.offer.free += [a_slot(hours=EARLY + 24), a_slot(hours=EARLY, clinician="c2")]
        for n in range(5):
            await hold(world, n)
        await world.hold(visitor(8), a_slot(hours=EARLY + 24))
        await world.hold(visitor(9), a_slot(hours=EARLY, clinician="c2"))


class TestWhatIsKnownOfTheDay:
    async def test_costs_no_request_of_its_own(self, world: World) -> None:
        for n in range(3):
            await hold(world, n)
        assert len(world.offer.asked) == 3  # each was verified, and nothing else was asked

    async def test_is_read_before_somebody_is_refused_for_not_knowing(self, world: World) -> None:
        await hold(world, 0)
        world.clock.advance(minutes=4)
        await world.hold_service.extend(visitor(0), (await hold(world, 0)).id)
        world.clock.advance(minutes=4)  # what was read is forgotten by now
        asked = len(world.offer.asked)
        await hold(world, 1)
        assert len(world.offer.asked) - asked == 2

    async def test_that_cannot_be_read_refuses_as_unavailable(self, world: World) -> None:
        await hold(world, 0)
        world.clock.advance(minutes=4)
        await world.hold_service.extend(visitor(0), (await hold(world, 0)).id)
        world.clock.advance(minutes=4)

        async def down() -> None:
            raise UpstreamUnavailable("slots")

        world.offer.during_slots = down
        with pytest.raises(UpstreamUnavailable):
            await hold(world, 1)


class TestThePrice:
    async def test_rises_as_the_share_is_used_up(self, world: World) -> None:
        lasting = [(await hold(world, n)).expires_at - world.clock.now() for n in range(5)]
        assert lasting == [timedelta(minutes=minutes) for minutes in (5, 5, 5, 3, 2)]

    async def test_of_an_extension_too(self, world: World) -> None:
        first = await hold(world, 0)
        for n in range(1, 4):  # others have three of five now
            await hold(world, n)
        world.clock.advance(seconds=150)
        first = await world.hold_service.extend(visitor(0), first.id)
        assert first.expires_at - world.clock.now() == timedelta(minutes=3)
        await hold(world, 4)
        with pytest.raises(HoldExtensionsUsedUp):  # others have four of five
            await world.hold_service.extend(visitor(1), (await hold(world, 1)).id)

    async def test_is_no_extension_that_gains_nothing(self, world: World) -> None:
        """It was taken while the day was empty, and lasts longer than an extension would now: that one is still to be had."""
        first = await hold(world, 0)
        for n in range(1, 4):
            await hold(world, n)
        assert await world.hold_service.extend(visitor(0), first.id) == first
        world.clock.advance(minutes=4)
        extended = await world.hold_service.extend(visitor(0), first.id)
        assert extended.expires_at > first.expires_at

    async def test_is_not_paid_by_who_has_signed_in(self, world: World) -> None:
        for n in range(5):
            await hold(world, n)
        theirs = await hold(world, 5, PATIENT)
        assert theirs.expires_at - world.clock.now() == timedelta(minutes=5)
        for _ in range(2):
            world.clock.advance(minutes=1)
            await world.hold_service.extend(PATIENT, theirs.id)


class TestTheAlarm:
    async def test_is_raised_when_strangers_have_nearly_all_that_they_may(self, world: World) -> None:
        for n in range(3):
            await hold(world, n)
        assert world.days_held == []
        await hold(world, 3)
        assert set(world.days_held) == {(a_slot().clinician_id, a_slot(hours=EARLY).start.date())}

    async def test_is_not_raised_by_a_few_people_on_a_short_day(self, world: World) -> None:
        world.offer.free = world.offer.free[:2]
        await hold(world, 0)
        with pytest.raises(HoldCapacityReached):
            await hold(world, 1)
        assert world.days_held == []
