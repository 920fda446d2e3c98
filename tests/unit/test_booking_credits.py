"""A visit that a credit of a package pays for: read before the booking, proved by the ledger after it, and undone if nobody paid."""

import asyncio
import hashlib
import json
from dataclasses import asdict

import pytest

from booking.catalog.model import VisitType
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.models import OpenInvoice
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.refusals import NoCreditLeft, PaymentInProgress, SignInRequired
from tests.doubles.booking_world import FREE, GUEST, PATIENT, PLANNED, PRICED, VISITOR, World, a_slot
from tests.doubles.credits import CreditLine

PATIENT_ID = "p-sample"


@pytest.fixture
def world() -> World:
    """A practice whose patient has one credit for a visit with a price, and one for a visit of plans only."""
    world = World()
    for visit in (PRICED, PLANNED):
        world.books.credits.give(PATIENT_ID, visit.id)
    return world


async def started(world: World, *, hours: float = 24) -> Checkout:
    return await world.start(PATIENT, a_slot(PRICED, hours=hours), use_credit=True)


async def confirmed(world: World, checkout: Checkout) -> Checkout:
    return await world.checkouts.confirm(PATIENT, checkout.id, None, quote_id=checkout.quote.id)


@pytest.mark.parametrize("visit", [PRICED, PLANNED], ids=["priced", "of plans only"])
async def test_a_credit_pays_for_the_visit_without_a_card(world: World, visit: VisitType) -> None:
    checkout = await world.start(PATIENT, a_slot(visit), use_credit=True)
    assert checkout.quote.uses_credit
    assert checkout.quote.due_today.is_zero
    row = await confirmed(world, checkout)
    assert (row.state, row.attention) == (S.CONFIRMED, ())
    assert world.books.charges == []
    assert world.books.credits.left(PATIENT_ID, visit.id) == 0
    world.assert_right(row)


async def test_a_guest_has_no_credit(world: World) -> None:
    hold = await world.hold(VISITOR, a_slot(PRICED))
    with pytest.raises(SignInRequired):
        await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST, use_credit=True)
    assert world.database.rows == {}


async def test_without_a_credit_nothing_starts(world: World) -> None:
    world.books.credits.lines.clear()
    with pytest.raises(NoCreditLeft):
        await started(world)
    assert world.database.rows == {}


async def test_where_the_practice_uses_no_credits_there_is_none_left(world: World) -> None:
    world.books.credits.in_use = False
    with pytest.raises(NoCreditLeft):
        await started(world)


async def test_a_credit_goes_with_no_plan_and_with_no_visit_that_costs_nothing(world: World) -> None:
    with pytest.raises(InvalidInput):
        await world.start(PATIENT, a_slot(PLANNED), plan_id="any", use_credit=True)
    with pytest.raises(InvalidInput):
        await world.start(PATIENT, a_slot(FREE, hours=48), use_credit=True)


async def test_until_it_is_confirmed_a_second_start_changes_how_it_is_paid(world: World) -> None:
    checkout = await started(world)
    by_card = await world.starts.start(PATIENT, hold_id=checkout.hold_id)
    assert (by_card.id, by_card.quote.uses_credit) == (checkout.id, False)
    again = await world.starts.start(PATIENT, hold_id=checkout.hold_id, use_credit=True)
    assert again.quote == checkout.quote


async def test_two_visits_at_once_on_the_last_credit_are_one_visit_and_nothing_goes_below_zero(
    world: World,
) -> None:
    world.books.credits.below_zero = True
    one, other = await started(world), await started(world, hours=48)
    results = await asyncio.gather(confirmed(world, one), confirmed(world, other), return_exceptions=True)
    booked = [each for each in results if isinstance(each, Checkout)]
    refused = [each for each in results if not isinstance(each, Checkout)]
    assert [row.state for row in booked] == [S.CONFIRMED]
    assert all(isinstance(each, NoCreditLeft | PaymentInProgress) for each in refused)
    (rest,) = [each for each in (one, other) if each.id != booked[0].id]
    if isinstance(refused[0], PaymentInProgress):
        with pytest.raises(NoCreditLeft):
            await confirmed(world, rest)
    assert world.row(rest).end_reason is EndReason.NO_CREDIT_LEFT
    assert world.books.credits.left(PATIENT_ID, PRICED.id) == 0
    assert len(world.books.appointments) == 1


async def test_a_credit_is_claimed_until_the_ledger_shows_its_use(world: World) -> None:
    await confirmed(world, await started(world))
    world.books.credits.lags = 99
    with pytest.raises(NoCreditLeft):
        await started(world, hours=48)
    world.books.credits.give(PATIENT_ID, PRICED.id)
    assert (await confirmed(world, await started(world, hours=48))).state is not S.CANCELLED


async def test_a_credit_that_was_used_up_meanwhile_books_nothing(world: World) -> None:
    world.books.credits.below_zero = True
    checkout = await started(world)
    world.books.credits.give(PATIENT_ID, PRICED.id, -1)
    with pytest.raises(NoCreditLeft):
        await confirmed(world, checkout)
    assert world.row(checkout).end_reason is EndReason.NO_CREDIT_LEFT
    assert world.books.appointments == []
    world.assert_right(checkout)


async def test_a_credit_that_staff_use_while_the_visit_is_booked_undoes_the_visit_that_went_below_zero(
    world: World,
) -> None:
    books = world.books.credits
    books.below_zero = True
    checkout = await started(world)

    async def staff_book() -> None:
        books.lines.append(CreditLine(PATIENT_ID, PRICED.id, -1, "by staff"))

    world.books.during["book"] = staff_book
    with pytest.raises(NoCreditLeft):
        await confirmed(world, checkout)
    assert books.left(PATIENT_ID, PRICED.id) == 0
    assert world.books.live_appointments == []
    world.assert_right(checkout)


async def test_a_visit_that_took_no_credit_is_undone_after_a_second_look(world: World) -> None:
    world.books.credits.takes = False
    checkout = await started(world)
    under_way = await confirmed(world, checkout)
    assert under_way.state is S.BOOKED
    row = await world.settle(checkout)
    assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.NO_CREDIT_LEFT)
    assert world.books.live_appointments == []
    with pytest.raises(NoCreditLeft):
        await confirmed(world, checkout)
    world.assert_right(row)


async def test_a_ledger_that_shows_the_use_late_is_believed(world: World) -> None:
    checkout = await started(world)

    async def lag() -> None:
        world.books.credits.lags = 1

    world.books.during["book"] = lag
    assert (await confirmed(world, checkout)).state is S.BOOKED
    row = await world.settle(checkout)
    assert (row.state, row.attention) == (S.CONFIRMED, ())


async def test_a_visit_that_contradicts_the_ledger_stands_and_is_for_a_person(world: World) -> None:
    world.books.credits.contradicted = True
    checkout = await started(world)
    await confirmed(world, checkout)
    row = await world.settle(checkout)
    assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.CREDIT_NOT_PROVED,))


@pytest.mark.parametrize("restores", [True, False])
async def test_the_credit_of_an_undone_visit_came_back_or_is_for_a_person(
    world: World, *, restores: bool
) -> None:
    world.books.credits.deletion_restores = restores
    world.books.booked_provider = "c2"
    checkout = await started(world)
    with pytest.raises(Exception, match="could not be booked"):
        await confirmed(world, checkout)
    row = world.row(checkout)
    assert row.state is S.CANCELLED
    assert (AttentionReason.CREDIT_NOT_GIVEN_BACK in row.attention) is not restores


async def test_an_invoice_beside_the_credit_is_for_a_person(world: World) -> None:
    world.books.open_invoice = OpenInvoice(id="inv-1", amount=Money.of("150", "USD"))
    row = await confirmed(world, await started(world))
    assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.OPEN_INVOICE,))
    assert world.books.closed_invoices == []


async def test_a_ledger_that_cannot_be_read_books_nothing_and_loses_nothing(world: World) -> None:
    checkout = await started(world)
    world.books.credits.below_zero = True
    world.books.fail("credit_account", *[UpstreamUnavailable("ledger")] * 3)
    assert (await confirmed(world, checkout)).state is S.BOOKING_INTENDED
    assert world.books.appointments == []
    assert (await world.settle(checkout)).state is S.CONFIRMED
    assert world.books.credits.left(PATIENT_ID, PRICED.id) == 0


async def test_a_quote_without_a_credit_keeps_the_id_that_earlier_releases_gave_it(world: World) -> None:
    quote = (await world.start(PATIENT, a_slot(PRICED))).quote
    before = asdict(quote)
    del before["uses_credit"]
    digest = hashlib.sha256(json.dumps(before, default=str, sort_keys=True).encode()).hexdigest()
    assert quote.id == f"quo_{digest[:32]}"
