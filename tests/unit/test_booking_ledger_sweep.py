"""The late look with the card processor's books at hand: what differs reaches a person, and closed books hide nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.models import Checkout
from booking.models import CheckoutState as S
from booking.oversight import Attention
from booking.ports import LedgerCharge
from booking.refusals import CardDeclined
from booking.saga import at_rest
from tests.unit.booking_ledger_samples import LedgerInMemory, in_books
from tests.unit.booking_steps import confirm
from tests.unit.booking_world import World


@pytest.fixture
def books() -> LedgerInMemory:
    return LedgerInMemory()


@pytest.fixture
def world(books: LedgerInMemory) -> World:
    return World(ledger=books)


def in_its_books(row: Checkout) -> LedgerCharge:
    assert row.charge is not None
    return in_books(row.charge.charge_id, key=row.upstream_key, taken=row.charge.net)


async def test_a_visit_whose_charge_stands_as_booked_is_left_alone(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges = (in_its_books(row),)

    row = await world.look_again(row)

    assert (row.state, row.attention, row.looks) == (S.CONFIRMED, (), 2)


async def test_a_disputed_charge_is_flagged_and_told_once(world: World, books: LedgerInMemory) -> None:
    row = await confirm(world, await world.start())
    books.charges = (replace(in_its_books(row), disputed=True),)

    row = await world.look_again(row, hours=100)

    assert (row.state, row.attention) == (S.CONFIRMED, (Attention.SWEEP_DIFFERENCE,))
    assert row.looks > 1
    assert row.settled == (f"disputed:{row.charge.charge_id if row.charge else None}",)
    assert [(alert.reason, alert.subject) for alert in world.database.alerts.values()] == [
        (Attention.SWEEP_DIFFERENCE, row.id)
    ]


async def test_a_row_that_a_person_has_dealt_with_stays_off_the_list(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges = (replace(in_its_books(row), disputed=True),)
    row = await world.look_again(row)
    world.put(row.changed(attention=()))

    row = await world.look_again(row, hours=100)

    assert row.attention == ()


async def test_a_charge_that_only_the_processor_knows_of_is_flagged(
    world: World, books: LedgerInMemory
) -> None:
    row = await world.start()
    with pytest.raises(CardDeclined):
        await confirm(world, row, "declined")
    world.clock.advance(hours=1)
    await world.a_saga().resume(row.id)
    row = world.row(row)
    assert row.state is S.EXPIRED
    books.charges = (in_books("ch_late", key=f"{row.id}-1", taken=row.quote.due_today),)

    row = await world.look_again(row)

    assert (row.state, row.attention) == (S.EXPIRED, (Attention.SWEEP_DIFFERENCE,))


async def test_closed_books_are_asked_again_and_count_as_no_look(world: World, books: LedgerInMemory) -> None:
    row = await confirm(world, await world.start())
    books.charges, books.closed = (in_its_books(row),), True

    row = await world.look_again(row, hours=0.1)
    assert (row.looks, row.attention) == (0, ())
    assert at_rest(row)
    assert row.due_at is not None
    assert row.due_at > world.clock.now()

    books.closed = False
    assert (await world.look_again(row, hours=0.2)).looks == 1


async def test_closed_books_do_not_keep_a_late_charge_from_being_given_back(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.closed = True
    first = world.books.charges[0]
    world.books.charges.append(replace(first, at=first.at + timedelta(seconds=1)))

    await world.look_again(row, hours=0.1)

    assert len(world.books.kept_charges) == 1
