"""The late look with the card processor's books at hand: what differs reaches a person, and closed books hide nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.checkout.ledger import LedgerCharge
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.checkout.reconciliation_schedule import CHECK_AGAIN, CHECKED_ENOUGH, CHECKS_AFTER, LONGEST_WAIT
from booking.checkout.timing import RELEASE_AGAIN
from booking.checkout.transitions import at_rest
from booking.operations.model import AttentionReason
from booking.refusals import BookingFailed, CardDeclined, SlotTaken
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_world import World, a_slot
from tests.doubles.ledger_samples import LedgerInMemory, in_books


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

    row = await world.reconcile(row)

    assert (row.state, row.attention, row.checks) == (S.CONFIRMED, (), 2)


async def test_a_disputed_charge_is_flagged_and_told_once(world: World, books: LedgerInMemory) -> None:
    row = await confirm(world, await world.start())
    books.charges = (replace(in_its_books(row), disputed=True),)

    row = await world.reconcile(row, hours=100)

    assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.LEDGER_DIFFERENCE,))
    assert row.checks > 1
    assert row.resolved_ids == (f"disputed:{row.charge.charge_id if row.charge else None}",)
    assert [(alert.reason, alert.subject) for alert in world.database.alerts.values()] == [
        (AttentionReason.LEDGER_DIFFERENCE, row.id)
    ]


async def test_a_row_that_a_person_has_dealt_with_stays_off_the_list(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges = (replace(in_its_books(row), disputed=True),)
    row = await world.reconcile(row)
    world.put(row.changed(attention=()))

    row = await world.reconcile(row, hours=100)

    assert row.attention == ()


async def resolved_and_looked_at(world: World, row: Checkout, resolution: Resolution) -> Checkout:
    actions = OperatorActions(units=world.database, clock=world.clock, operator="operator sample")
    assert (await actions.resolve(row.id, resolution, note="Sample.")).attention == ()
    return await world.reconcile(row, hours=0.1)


async def test_money_that_stands_at_the_processor_is_taken_off_the_list_by_no_word(
    world: World, books: LedgerInMemory
) -> None:
    checkout = await world.start()
    world.books.fail("book", SlotTaken())
    with pytest.raises(BookingFailed):
        await confirm(world, checkout)
    row = world.row(checkout)
    books.charges = (in_its_books(row),)  # Healthie says that it was given back
    row = await world.reconcile(row)
    assert (row.state, row.attention) == (S.REFUNDED, (AttentionReason.LEDGER_DIFFERENCE,))

    row = await resolved_and_looked_at(world, row, Resolution.REFUNDED)
    assert row.attention == (AttentionReason.LEDGER_DIFFERENCE,)

    books.charges = (replace(books.charges[0], given_back=books.charges[0].taken),)
    row = await resolved_and_looked_at(world, row, Resolution.REFUNDED)
    assert row.attention == ()


async def test_neither_is_a_second_charge_that_stands_there(world: World, books: LedgerInMemory) -> None:
    row = await confirm(world, await world.start())
    second = in_books("ch_second", key=row.upstream_key, taken=row.quote.due_today)
    books.charges = (in_its_books(row), second)
    row = await world.reconcile(row)
    row = await resolved_and_looked_at(world, row, Resolution.BOOKED)
    assert row.attention == (AttentionReason.LEDGER_DIFFERENCE,)


async def test_what_a_person_judged_of_a_charge_that_was_kept_rightly_is_not_asked_again(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges = (replace(in_its_books(row), disputed=True),)
    row = await world.reconcile(row)
    row = await resolved_and_looked_at(world, row, Resolution.BOOKED)
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

    row = await world.reconcile(row)

    assert (row.state, row.attention) == (S.EXPIRED, (AttentionReason.LEDGER_DIFFERENCE,))


def calls_of_looks(world: World) -> int:
    return world.tape.calls().count("late_charges")


async def test_while_the_books_are_closed_what_upstream_was_asked_counts_and_the_books_alone_are_read_again(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges, books.closed = (replace(in_its_books(row), disputed=True),), True

    row = await world.reconcile(row, hours=0.1)
    assert (row.checks, row.attention, calls_of_looks(world)) == (1, (), 1)
    assert at_rest(row)
    assert row.due_at == world.clock.now() + CHECK_AGAIN

    books.closed = False
    row = await world.reconcile(row, hours=0.2)
    assert (row.checks, row.attention, calls_of_looks(world)) == (1, (AttentionReason.LEDGER_DIFFERENCE,), 1)
    assert row.ended_at is not None
    assert row.due_at == row.ended_at + CHECKS_AFTER[1]


async def test_what_upstream_showed_while_the_books_were_closed_is_kept(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.closed = True
    world.books.appointments.append(replace(world.books.appointments[0], id="a-begun"))
    world.clock.at = row.visit_slot.start  # what has begun is deleted by nobody

    row = await world.reconcile(row, hours=0)

    assert (row.attention, row.resolved_ids) == ((AttentionReason.LATE_VISIT,), ("a-begun",))


async def test_a_dead_key_costs_no_look_upstream_and_ever_fewer_at_the_books(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.closed = True
    began, waits = world.clock.now(), []
    row = await world.reconcile(row, hours=RELEASE_AGAIN / timedelta(hours=1))
    while row.due_at is not None:
        waits.append(row.due_at - world.clock.now())
        row = await world.reconcile(row, hours=waits[-1] / timedelta(hours=1))

    assert calls_of_looks(world) == len(CHECKS_AFTER) == row.checks
    assert len(waits) < 3 * len(CHECKS_AFTER)
    assert max(waits) <= LONGEST_WAIT
    assert world.clock.now() == began + CHECKED_ENOUGH
    assert row.attention == (AttentionReason.LATE_CHECK_FAILED,)


async def test_books_are_not_held_against_a_row_while_another_payment_of_its_patient_may_not_be_written_yet(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.charges, books.closed = (in_its_books(row),), True
    row = await world.reconcile(row, hours=0.1)
    second = in_books("ch_of_the_other", key=None, taken=row.quote.due_today)
    books.charges, books.closed = (*books.charges, second), False
    other = await world.start(slot=a_slot(hours=48))
    other = world.put(world.row(other).changed(state=S.CHARGE_INTENDED, patient_id=row.patient_id))

    row = await world.reconcile(row, hours=0.2)

    assert (row.attention, row.tries) == ((), 2)


async def test_closed_books_do_not_keep_a_late_charge_from_being_given_back(
    world: World, books: LedgerInMemory
) -> None:
    row = await confirm(world, await world.start())
    books.closed = True
    first = world.books.charges[0]
    world.books.charges.append(replace(first, at=first.at + timedelta(seconds=1)))

    await world.reconcile(row, hours=0.1)

    assert len(world.books.kept_charges) == 1
