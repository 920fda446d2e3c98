"""A webhook wakes a checkout that waits: what landed is taken at once, and nothing is sent before its time."""

import asyncio
from datetime import timedelta

import pytest

from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import LEASE, SETTLE
from booking.errors import UpstreamUnavailable
from tests.doubles.booking_steps import mark, parked
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import World

CALLS = pytest.mark.parametrize(("call", "look"), [("charge", "find_charge"), ("book", "find_appointment")])


@CALLS
async def test_what_landed_is_taken_before_it_was_due(call: str, look: str) -> None:
    world = World()
    checkout = await parked(world, call, AnswerLost())
    world.clock.advance(seconds=1)

    await world.a_saga().check_early(checkout.id)

    assert world.row(checkout).state is S.CONFIRMED
    assert world.tape.calls().count(call) == 1
    world.assert_right(checkout)


@CALLS
async def test_what_has_not_landed_is_neither_sent_nor_looked_for_earlier_than_it_was(
    call: str, look: str
) -> None:
    world = World()
    checkout = await parked(world, call, Lost())
    before = world.row(checkout)
    world.clock.advance(seconds=SETTLE.total_seconds() - 1)

    for _ in range(5):
        await world.a_saga().check_early(checkout.id)

    after = world.row(checkout)
    assert world.tape.calls().count(call) == 1
    assert (after.state, after.due_at, after.tries) == (before.state, before.due_at, before.tries)
    assert after.lease_owner is None
    await world.a_saga().resume(checkout.id)
    assert world.tape.calls().count(call) == 1
    row = await world.settle(checkout)
    assert row.state is S.CONFIRMED
    world.assert_right(checkout)


@CALLS
async def test_upstream_that_cannot_be_asked_leaves_the_row_as_it_was(call: str, look: str) -> None:
    world = World()
    checkout = await parked(world, call, AnswerLost())
    before = world.row(checkout)
    world.books.fail(look, UpstreamUnavailable("sample"))

    await world.a_saga().check_early(checkout.id)

    after = world.row(checkout)
    assert (after.state, after.due_at, after.tries) == (before.state, before.due_at, before.tries)
    assert after.lease_owner is None


async def test_an_error_of_ours_gives_the_lease_back_and_is_told() -> None:
    world = World()
    checkout = await parked(world, "charge", AnswerLost())
    world.books.fail("find_charge", ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await world.a_saga().check_early(checkout.id)

    assert world.row(checkout).lease_owner is None


@CALLS
async def test_a_row_that_somebody_drives_is_left_alone(call: str, look: str) -> None:
    world = World()
    checkout = await parked(world, call, AnswerLost())
    now = world.clock.now()
    driven = world.put(
        world.row(checkout).changed(lease_owner="another", lease_until=now + LEASE, due_at=now + LEASE)
    )

    await world.a_saga().check_early(checkout.id)

    assert world.row(checkout) == driven
    assert look not in world.tape.calls()


@pytest.mark.parametrize("call", ["charge", "book"])
async def test_whoever_died_while_glancing_leaves_a_row_that_is_taken_up_after_the_lease(call: str) -> None:
    world = World()
    checkout = await parked(world, call, AnswerLost())
    row, now = world.row(checkout), world.clock.now()
    world.put(
        row.changed(version=row.version + 1, lease_owner="dead", lease_until=now + LEASE, due_at=now + LEASE)
    )

    world.clock.advance(seconds=(LEASE + timedelta(seconds=1)).total_seconds())
    await world.a_saga().check_early(checkout.id)  # the row is due: it is the worker's
    await world.a_saga().resume(checkout.id)

    assert world.row(checkout).state is S.CONFIRMED
    assert world.tape.calls().count(call) == 1


@pytest.mark.parametrize("call", ["charge", "book"])
async def test_many_at_once_take_it_once(call: str) -> None:
    world = World()
    checkout = await parked(world, call, AnswerLost())
    world.clock.advance(seconds=SETTLE.total_seconds() + 1)
    sagas = [world.a_saga() for _ in range(6)]

    await asyncio.gather(
        *(
            saga.check_early(checkout.id) if number % 2 else saga.resume(checkout.id)
            for number, saga in enumerate(sagas)
        )
    )

    row = await world.settle(checkout)
    assert row.state is S.CONFIRMED
    assert world.tape.calls().count("charge") == 1
    assert world.tape.calls().count("book") == 1
    world.assert_right(checkout)


@CALLS
async def test_a_wish_to_cancel_that_came_in_between_is_kept(call: str, look: str) -> None:
    world = World()
    checkout = await parked(world, call, Lost())
    before = world.row(checkout)

    async def cancel() -> None:
        mark(world, checkout)

    world.books.during[look] = cancel
    await world.a_saga().check_early(checkout.id)

    after = world.row(checkout)
    assert after.cancel_requested
    assert (after.lease_owner, after.due_at) == (None, before.due_at)
