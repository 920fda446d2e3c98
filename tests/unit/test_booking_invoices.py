"""An invoice that the booking of a paid visit raised: what the charge covers is closed, and a person sees the rest."""

import contextlib
import itertools
from dataclasses import replace

import pytest

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import OpenInvoice
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.refusals import BookingFailed, CheckoutClosed
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_steps import confirm, mark
from tests.doubles.booking_upstream import OTHER_INVOICE, AnswerLost
from tests.doubles.booking_world import PLANNED, World, a_slot

FOR_A_PERSON = (AttentionReason.OPEN_INVOICE,)


async def bought(*, invoice: bool = True) -> tuple[World, Checkout]:
    """A confirmed single visit, with an invoice for what was charged."""
    world = World()
    checkout = await world.start()
    covered = OpenInvoice(id="inv-1", amount=checkout.quote.due_today)
    world.books.open_invoice = covered if invoice else None
    row = await confirm(world, checkout)
    assert (row.state, row.attention, world.books.closed_invoices) == (S.CONFIRMED, (), [])
    assert row.charge is not None
    return world, row


async def test_one_that_the_charge_covers_is_closed_once_and_nobody_is_told() -> None:
    world, row = await bought()
    for hours in (0.1, 1, 6, 24, 72):
        row = await world.reconcile(row, hours=hours)
    assert (row.state, row.attention, row.checks) == (S.CONFIRMED, (), 5)
    assert world.books.closed_invoices == ["inv-1"]
    assert not world.database.alerts
    world.assert_money_and_visits(row)


async def test_one_that_is_raised_after_the_booking_is_noted_before_it_is_closed() -> None:
    world, row = await bought(invoice=False)
    (visit,) = world.books.appointments
    assert row.charge is not None
    world.books.appointments[0] = replace(visit, open_invoice=OpenInvoice(id="inv-2", amount=row.charge.net))
    noted: list[tuple[str, ...]] = []

    async def look() -> None:
        noted.append(world.row(row).resolved_ids)

    world.books.during["close_invoice"] = look
    row = await world.reconcile(row)
    assert noted == [("closing:inv-2",)]
    assert (row.resolved_ids, row.attention) == (("closing:inv-2", "inv-2"), ())


@pytest.mark.parametrize("fault", [AnswerLost(), OutcomeUnknown("x"), UpstreamUnavailable("x")])
@pytest.mark.parametrize("late", [False, True])
async def test_one_whose_closing_is_in_doubt_is_closed_at_the_next_check(
    fault: Exception, *, late: bool
) -> None:
    world, row = await bought(invoice=not late)
    if late:
        (visit,) = world.books.appointments
        assert row.charge is not None
        world.books.appointments[0] = replace(
            visit, open_invoice=OpenInvoice(id="inv-1", amount=row.charge.net)
        )
    world.books.fail("close_invoice", fault)
    row = await world.reconcile(row)
    assert (row.checks, row.tries) == (0, 1)
    row = await world.reconcile(row)
    assert (row.state, row.attention, row.tries) == (S.CONFIRMED, (), 0)
    assert row.checks >= 1
    assert set(world.books.closed_invoices) == {"inv-1"}


async def test_one_that_does_not_let_itself_be_closed_is_for_a_person_once() -> None:
    world, row = await bought()
    world.books.fail("close_invoice", UpstreamRefused("CloseInvoice", "still_open"))
    row = await world.reconcile(row, hours=0.1)
    assert (row.attention, row.checks) == (FOR_A_PERSON, 1)
    row = await world.reconcile(row, hours=6)
    assert world.tape.calls().count("close_invoice") == 1


async def test_one_that_stays_in_doubt_is_for_a_person_after_three_tries() -> None:
    world, row = await bought()
    world.books.fail("close_invoice", *[OutcomeUnknown("CloseInvoice")] * 9)
    for hours in (0.1, 0.1, 0.2):
        assert row.attention == ()
        row = await world.reconcile(row, hours=hours)
    assert (row.attention, row.checks, row.tries) == (FOR_A_PERSON, 1, 0)
    row = await world.reconcile(row, hours=6)
    assert world.tape.calls().count("close_invoice") == 3


@pytest.mark.parametrize(
    ("plan", "invoice"),
    [(None, OTHER_INVOICE), (None, replace(OTHER_INVOICE, amount=None)), ("once", None)],
    ids=["another amount", "an amount that cannot be read", "a visit of a plan"],
)
async def test_one_that_is_not_just_what_was_charged_for_the_visit_is_for_a_person(
    plan: str | None, invoice: OpenInvoice | None
) -> None:
    world = World()
    checkout = await world.start(slot=a_slot(PLANNED) if plan else None, plan_id=plan)
    world.books.open_invoice = invoice or OpenInvoice(id="inv-1", amount=checkout.quote.due_today)
    row = await confirm(world, checkout)
    assert (row.state, row.attention) == (S.CONFIRMED, FOR_A_PERSON)
    row = await world.reconcile(row)
    assert (row.attention, world.books.closed_invoices) == (FOR_A_PERSON, [])


async def test_one_of_another_currency_is_for_a_person() -> None:
    world, row = await bought(invoice=False)
    (visit,) = world.books.appointments
    assert row.charge is not None
    foreign = Money.of(row.charge.net.amount, "CAD")
    world.books.appointments[0] = replace(visit, open_invoice=OpenInvoice(id="inv-3", amount=foreign))
    assert (await world.reconcile(row)).attention == FOR_A_PERSON


@pytest.mark.parametrize("how", ["read back otherwise", "cancelled in that moment"])
async def test_one_of_a_visit_that_is_undone_is_for_a_person_since_the_payment_is_refunded(how: str) -> None:
    world = World()
    checkout = await world.start()
    world.books.open_invoice = OpenInvoice(id="inv-1", amount=checkout.quote.due_today)
    if how == "read back otherwise":
        world.books.booked_provider = "c2"
    else:

        async def cancel() -> None:
            mark(world, checkout)

        world.books.during["book"] = cancel
    with pytest.raises((BookingFailed, CheckoutClosed)):
        await confirm(world, checkout)
    row = await world.settle(world.row(checkout))
    assert row.state is S.REFUNDED
    assert AttentionReason.OPEN_INVOICE in row.attention
    await world.reconcile(row)
    assert world.books.closed_invoices == []


async def test_one_is_closed_wherever_the_process_is_killed() -> None:
    for kill_at in itertools.count(1):
        world, row = await bought(invoice=False)
        (visit,) = world.books.appointments
        assert row.charge is not None
        world.books.appointments[0] = replace(
            visit, open_invoice=OpenInvoice(id="inv-1", amount=row.charge.net)
        )
        world.tape.points, world.tape.kill_at = 0, kill_at
        with contextlib.suppress(Killed):
            await world.reconcile(row)
        world.tape.kill_at = None
        row = await world.reconcile(row)
        assert (row.state, row.attention) == (S.CONFIRMED, ()), kill_at
        assert set(world.books.closed_invoices) == {"inv-1"}
        assert len(world.books.kept_charges) == 1
        if "killed" not in world.tape.events:
            break
    assert kill_at > 5
