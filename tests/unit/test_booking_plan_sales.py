"""A plan is bought without a visit: the saga without claim and booking; wherever its process dies, it is paid once and ends right."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from booking.catalog.model import Plan
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.checkout.plan_sales import OPEN_FOR
from booking.checkout.timing import LEASE
from booking.checkout.transitions import TERMINAL
from booking.errors import InvalidInput, UpstreamRefused
from booking.operations.model import AttentionReason
from booking.principals import Caller
from booking.refusals import (
    CardDeclined,
    ClinicianNotBookable,
    GuestDetailsRequired,
    HoldExpired,
    NothingDueToday,
    PaymentInProgress,
    PlanSoldOut,
    QuoteChanged,
    RecurrenceNotAccepted,
    Refusal,
    TermsChanged,
)
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_upstream import AnswerLost
from tests.doubles.booking_world import (
    FREE_MONTH,
    MONTHLY,
    PATIENT,
    SOLD_OUT,
    VISITOR,
    World,
    a_plan,
    as_guest,
)


def a_world() -> World:
    """Its plans bring a package, as upstream's do."""
    world = World()
    world.books.package_id = "pkg-1"
    return world


def sells(world: World, *plans: Plan) -> None:
    """From now on the practice sells just these."""
    world.offer.offered = replace(world.offer.offered, plans=plans)


def payer(caller: Caller, checkout: Checkout) -> Caller:
    return caller if caller.principal.patient_id else as_guest(checkout)


async def pay(world: World, checkout: Checkout, caller: Caller = PATIENT, kind: str = "ok") -> Checkout:
    service = world.a_service(world.a_saga())
    card = world.token(kind)
    return await service.confirm(payer(caller, checkout), checkout.id, card, quote_id=checkout.quote.id)


@dataclass(frozen=True, kw_only=True)
class Journey:
    """How upstream behaves, and how the purchase must end."""

    ends: S = S.CONFIRMED
    reason: EndReason | None = None
    arrange: Callable[[World], object] = lambda world: None
    cards: tuple[str, ...] = ("ok",)
    caller: Caller = PATIENT


def _charged_wrongly(world: World) -> None:
    world.books.differs, world.books.plan_recurs = ("amount",), True


JOURNEYS = {
    "bought": Journey(),
    "recurs": Journey(arrange=lambda world: setattr(world.books, "plan_recurs", True)),
    "guest": Journey(caller=VISITOR),
    "declined": Journey(cards=("declined", "ok")),
    "refused-token": Journey(cards=("refused", "ok")),
    "answer-lost": Journey(arrange=lambda world: world.books.fail("charge", AnswerLost())),
    "payment-refused": Journey(
        ends=S.CANCELLED,
        reason=EndReason.PAYMENT_UNAVAILABLE,
        arrange=lambda world: world.books.fail(
            "charge", *[UpstreamRefused("charge", "no_bank_account")] * 99
        ),
    ),
    "charged-wrongly": Journey(ends=S.REFUNDED, reason=EndReason.CHARGED_WRONGLY, arrange=_charged_wrongly),
}


async def _pay_all(world: World, journey: Journey, checkout: Checkout, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        try:
            await pay(world, checkout, journey.caller, kind)
        except CardDeclined:
            continue
        except Refusal:
            return


async def _live(world: World, journey: Journey) -> None:
    """Live the journey once; whatever process is killed, the patient and other processes go on."""
    try:
        checkout = await world.start_plan(journey.caller)
        await _pay_all(world, journey, checkout, journey.cards)
        await world.settle(checkout)
    except Killed:
        world.clock.advance(seconds=LEASE.total_seconds())
        checkout = await world.start_plan(journey.caller) if not world.database.rows else first(world)
        row = await world.settle(checkout)
        if row.state not in TERMINAL:
            await _pay_all(world, journey, row, journey.cards[-1:])
            await world.settle(row)


def first(world: World) -> Checkout:
    return next(iter(world.database.rows.values()))


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
async def test_a_purchase_ends_right_wherever_its_process_is_killed(journey: Journey) -> None:
    for kill_at in itertools.count():  # 0: nobody is killed
        world = a_world()
        journey.arrange(world)
        world.tape.kill_at = kill_at
        await _live(world, journey)
        if kill_at and "killed" not in world.tape.events:
            break
        (row,) = world.database.rows.values()
        try:
            world.assert_right(row)
            assert (row.state, row.end_reason) == (journey.ends, journey.reason)
            assert world.database.claims == {}
            assert world.holds.live == []
            assert len(world.books.charges) <= 1
            assert world.books.appointments == []
            for hours in (1, 6, 24, 72):
                row = await world.reconcile(row, hours=hours)
            assert row.state is journey.ends
            assert row.due_at is None or not row.attempts
        except AssertionError as error:
            error.add_note(f"killed at point {kill_at}: {world.tape.events}")
            raise
    assert kill_at > 5, "a journey has many points"


class TestStart:
    async def test_two_tabs_and_a_double_tap_are_one_purchase_and_one_charge(self) -> None:
        world = a_world()
        one, other = await asyncio.gather(world.start_plan(), world.start_plan())
        assert one.id == other.id
        both = await asyncio.gather(pay(world, one), pay(world, other))
        assert {row.state for row in both} == {S.CONFIRMED}
        assert len(world.books.charges) == 1

    async def test_another_patients_purchase_of_the_plan_is_their_own(self) -> None:
        world = a_world()
        mine, theirs = await world.start_plan(), await world.start_plan(VISITOR)
        assert mine.id != theirs.id
        assert await world.checkouts.view(as_guest(theirs), mine.id) is None

    async def test_after_its_end_the_plan_can_be_bought_again(self) -> None:
        world = a_world()
        done = await pay(world, await world.start_plan())
        again = await pay(world, await world.start_plan())
        assert done.id != again.id
        assert len(world.books.charges) == 2

    async def test_it_is_refused_as_a_quote_of_the_plan_is(self) -> None:
        world = a_world()
        with pytest.raises(PlanSoldOut):
            await world.start_plan(plan=SOLD_OUT)
        with pytest.raises(NothingDueToday):
            await world.start_plan(plan=FREE_MONTH)
        with pytest.raises(RecurrenceNotAccepted):
            await world.start_plan(accept_recurrence=False)
        with pytest.raises(GuestDetailsRequired):
            await world.start_plan(VISITOR, guest=None)
        with pytest.raises(InvalidInput):
            await world.start_plan(plan=a_plan("plan-of-another", "10.00"))
        with pytest.raises(InvalidInput):
            await world.start_plan(clinician_id="c-of-another")
        assert world.database.rows == {}

    async def test_the_clinician_who_is_named_sells_it_and_another_start_may_name_another(self) -> None:
        world = a_world()
        assert (await world.start_plan(clinician_id="c2")).clinician_id == "c2"
        anew = await world.start_plan(clinician_id="c1")
        assert (anew.clinician_id, len(world.database.rows)) == ("c1", 1)

    async def test_a_purchase_is_no_hold(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        with pytest.raises(HoldExpired):
            await world.starts.start(PATIENT, hold_id=checkout.hold_id)
        with pytest.raises(HoldExpired):
            await world.hold_service.extend(PATIENT, checkout.hold_id)
        with pytest.raises(HoldExpired):
            await world.hold_service.release(PATIENT, checkout.hold_id)


class TestTime:
    async def test_what_nobody_confirms_expires_and_charges_nothing(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        row = await world.reconcile(checkout, hours=OPEN_FOR / timedelta(hours=1))
        assert (row.state, row.end_reason) == (S.EXPIRED, EndReason.HOLD_EXPIRED)
        world.assert_right(row)

    async def test_a_confirm_after_its_time_says_so_in_words_of_a_plan(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        world.clock.advance(seconds=OPEN_FOR.total_seconds())
        with pytest.raises(HoldExpired, match="choose the plan again"):
            await pay(world, checkout)
        assert world.books.charges == []

    async def test_starting_again_begins_its_time_anew(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        world.clock.advance(seconds=OPEN_FOR.total_seconds() - 1)
        assert (await world.start_plan()).id == checkout.id
        row = await world.reconcile(checkout, hours=0.5)
        assert row.state is S.STARTED
        assert (await pay(world, row)).state is S.CONFIRMED


class TestConfirm:
    async def test_other_terms_than_were_seen_are_shown_again_and_charge_nothing(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        dearer = a_plan(MONTHLY.id, "109", frequency=MONTHLY.frequency, payments=MONTHLY.payments)
        sells(world, dearer)
        with pytest.raises(QuoteChanged) as changed:
            await pay(world, checkout)
        assert changed.value.quote.due_today == dearer.due_today
        assert world.books.charges == []

    async def test_a_plan_that_is_not_sold_any_more_ends_it(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        sells(world)
        with pytest.raises(TermsChanged, match="plan"):
            await pay(world, checkout)
        assert world.books.charges == []

    async def test_a_seller_who_is_blocked_charges_nothing(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        world.keys.refused.add(checkout.clinician_id)
        with pytest.raises(ClinicianNotBookable, match="plan"):
            await pay(world, checkout)
        assert world.books.charges == []

    async def test_one_payment_of_a_patient_is_in_flight_at_a_time(self) -> None:
        world = a_world()
        world.books.fail("charge", AnswerLost())
        await pay(world, await world.start_plan())
        visit = await world.start(PATIENT)
        with pytest.raises(PaymentInProgress):
            await pay(world, visit)

    async def test_a_charge_without_a_package_is_for_a_person(self) -> None:
        world = World()
        row = await pay(world, await world.start_plan())
        assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.PACKAGE_MISSING,))

    async def test_cancelled_before_the_charge_nothing_is_charged(self) -> None:
        world = a_world()
        checkout = await world.start_plan()
        row = await world.checkouts.cancel(PATIENT, checkout.id)
        assert (row.state, world.books.charges) == (S.CANCELLED, [])

    async def test_cancelled_while_the_charge_is_out_it_is_given_back(self) -> None:
        world = a_world()
        world.books.plan_recurs = True
        world.books.fail("charge", AnswerLost())
        checkout = await pay(world, await world.start_plan())
        await world.checkouts.cancel(PATIENT, checkout.id)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.CANCELLED_BY_PATIENT)
        assert AttentionReason.PACKAGE_REMAINS in row.attention
        world.assert_right(row)


async def test_an_operator_has_a_refund_that_was_refused_made_again() -> None:
    world = a_world()
    _charged_wrongly(world)
    world.books.fail("refund", *[UpstreamRefused("refund", "no")])
    checkout = await world.start_plan()
    await pay(world, checkout)
    assert world.row(checkout).state is S.NEEDS_ATTENTION
    actions = OperatorActions(units=world.database, clock=world.clock, operator="op")
    await actions.resolve(checkout.id, Resolution.REFUNDED, note="sample")
    row = await world.settle(checkout)
    assert row.state is S.REFUNDED
    world.assert_right(row)
