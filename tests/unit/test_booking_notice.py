"""The practice's notice: how long ahead a visit is to be booked, asked where it is listed, held, started, confirmed and charged."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.catalog.model import BookingPolicy
from booking.checkout.model import CheckoutState as S
from booking.checkout.model import EndReason
from booking.refusals import BookingFailed, TooLateToBook
from booking.slot_query import SlotQuery
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_upstream import Lost
from tests.doubles.booking_world import CATALOG, GUEST, PLANNED, PRICED, VISITOR, World, a_slot

NOTICE = timedelta(hours=2)


def with_notice(world: World, general: timedelta | None, own: timedelta | None = None) -> None:
    """Have the practice ask for notice, in general and for priced visits."""
    world.offer.offered = replace(
        CATALOG,
        policy=replace(CATALOG.policy, schedule_notice=general),
        visit_types=tuple(
            replace(kind, schedule_notice=own) if kind == PRICED else kind for kind in CATALOG.visit_types
        ),
    )


def offer(world: World, *hours: float) -> None:
    world.offer.free = [a_slot(hours=one) for one in hours]


@pytest.fixture
def world() -> World:
    world = World()
    with_notice(world, NOTICE)
    offer(world, 1, 2, 2.05, 24)
    return world


class TestPolicy:
    @pytest.mark.parametrize(
        ("notice", "minutes_left", "late"),
        [
            (None, 1, False),
            (None, 0, True),
            (None, -1, True),
            (60, 61, False),
            (60, 60, False),
            (60, 59.9, True),
        ],
    )
    def test_a_visit_can_be_booked_up_to_its_notice_and_never_once_it_has_begun(
        self, notice: int | None, minutes_left: float, *, late: bool
    ) -> None:
        policy = replace(CATALOG.policy, schedule_notice=timedelta(minutes=notice) if notice else None)
        assert policy.is_too_late(NOW + timedelta(minutes=minutes_left), NOW) is late

    @pytest.mark.parametrize(
        ("own", "expected"),
        [(None, NOTICE), (timedelta(), timedelta()), (timedelta(days=1), timedelta(days=1))],
    )
    def test_a_visit_types_own_notice_wins_over_the_practices(
        self, world: World, own: timedelta | None, expected: timedelta
    ) -> None:
        with_notice(world, NOTICE, own)
        catalog = world.offer.offered
        kind = catalog.visit_type(PRICED.id)
        assert kind is not None
        assert catalog.policy_for(kind).schedule_notice == expected
        assert catalog.policy_for(PLANNED).schedule_notice == NOTICE


class TestBeforeACheckout:
    async def test_what_cannot_be_held_is_not_listed(self, world: World) -> None:
        today = NOW.date()
        query = SlotQuery.of(world.offer.offered, visit_type_id=PRICED.id, first=today, last=today)
        (day,) = await world.search.slots(query)
        assert [slot.start - NOW for slot in day.slots] == [NOTICE, timedelta(hours=2.05)]
        for slot in day.slots:
            hold = await world.hold(slot=slot)
            await world.hold_service.release(VISITOR, hold.id)

    @pytest.mark.parametrize("hours", [1, 0, -1])
    async def test_nothing_is_held_inside_the_notice(self, world: World, hours: float) -> None:
        with pytest.raises(TooLateToBook) as refusal:
            await world.hold(slot=a_slot(hours=hours))
        assert refusal.value.bookable_until == NOW + timedelta(hours=hours) - NOTICE
        assert world.offer.asked == [], "it is known without asking upstream"

    async def test_a_type_with_no_notice_is_held_until_it_begins(self, world: World) -> None:
        with_notice(world, NOTICE, timedelta())
        assert (await world.hold(slot=a_slot(hours=1))).slot == a_slot(hours=1)
        with pytest.raises(TooLateToBook):
            await world.hold(slot=a_slot(hours=0))

    async def test_a_quote_says_the_notice_of_its_visit(self, world: World) -> None:
        with_notice(world, NOTICE, timedelta(hours=5))
        quote = await world.quotes.quote(visit_type_id=PRICED.id)
        assert quote.policy.schedule_notice == timedelta(hours=5)


class TestCheckout:
    async def test_no_checkout_starts_inside_the_notice(self, world: World) -> None:
        hold = await world.hold(slot=a_slot(hours=2.05))
        world.clock.advance(minutes=4)
        with pytest.raises(TooLateToBook):
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        assert world.database.rows == {}

    @pytest.mark.parametrize("notice", [NOTICE, None], ids=["inside the notice", "begun"])
    async def test_a_confirm_that_comes_too_late_ends_the_checkout_and_sends_nothing(
        self, world: World, notice: timedelta | None
    ) -> None:
        with_notice(world, notice)
        soon = a_slot(hours=2.05 if notice else 0.05)
        world.offer.free.append(soon)
        checkout = await world.start(slot=soon)
        world.clock.advance(minutes=3.5)
        with pytest.raises(TooLateToBook) as refusal:
            await confirm(world, checkout)
        assert refusal.value.bookable_until == soon.start - (notice or timedelta())
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.EXPIRED, EndReason.TOO_LATE)
        assert (world.tape.calls(), world.attempts.counted) == ([], [])
        assert world.holds.live == []
        world.assert_right(checkout)
        with pytest.raises(TooLateToBook):
            await confirm(world, checkout)

    @pytest.mark.parametrize("at", ["find_patient", "attach_card", "charge"])
    async def test_nothing_is_charged_once_it_is_too_late(self, world: World, at: str) -> None:
        """The confirm came in time, and what it needs took until it was none any more."""
        checkout = await world.start(slot=a_slot(hours=2.05))
        if at == "charge":
            world.books.fail("charge", Lost())
            await confirm(world, checkout)
            world.clock.advance(minutes=3.5)
            await world.settle(checkout)
        else:

            async def takes_long() -> None:
                world.clock.advance(minutes=3.5)

            world.books.during[at] = takes_long
            if at == "find_patient":
                # The lease ran out meanwhile: no record is created, and the next driver ends the checkout.
                await confirm(world, checkout)
                await world.settle(checkout)
        with pytest.raises(TooLateToBook):
            await confirm(world, checkout)
        assert world.books.charges == []
        world.assert_right(checkout)

    async def test_what_is_paid_is_booked_inside_the_notice(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(hours=2.05))
        world.books.fail("book", Lost())
        await confirm(world, checkout)
        world.clock.advance(minutes=3.5)
        assert (await world.settle(checkout)).state is S.CONFIRMED

    async def test_what_is_paid_is_given_back_once_the_visit_has_begun(self, world: World) -> None:
        with_notice(world, None)
        world.offer.free.append(a_slot(hours=0.1))
        checkout = await world.start(slot=a_slot(hours=0.1))
        world.books.fail("book", Lost())
        await confirm(world, checkout)
        world.clock.advance(minutes=6.5)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.TOO_LATE)
        with pytest.raises(BookingFailed):
            await confirm(world, checkout)
        world.assert_right(checkout)


def test_a_practice_that_names_no_notice_takes_bookings_until_the_visit_begins() -> None:
    none = BookingPolicy(
        schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
    )
    assert none.bookable_until(NOW) == NOW
