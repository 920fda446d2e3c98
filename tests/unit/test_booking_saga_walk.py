"""The process is killed at every commit and every call of whole journeys, on both sides of each; others end them right.

A patient whose checkout rests undecided comes back and pays with another card, as people do.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import LEASE, RELEASE_AGAIN, SETTLE
from booking.checkout.transitions import TERMINAL
from booking.errors import UpstreamRefused, UpstreamUnavailable
from booking.principals import Caller
from booking.refusals import CardDeclined, Refusal
from booking.slots import Slot
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_world import (
    FREE,
    GUEST,
    MONTHLY,
    PATIENT,
    PLANNED,
    PRICED,
    VISITOR,
    World,
    a_slot,
    as_guest,
)

PAID_SLOT = a_slot(PRICED)


@dataclass(frozen=True, kw_only=True)
class Journey:
    """How the upstream behaves and how the checkout must end."""

    ends: S
    reason: EndReason | None = None
    arrange: Callable[[World], object] = lambda world: None
    cards: tuple[str, ...] = ("ok",)
    slot: Slot = PAID_SLOT
    caller: Caller = VISITOR
    plan_id: str | None = None
    use_credit: bool = False


def _give_credit(world: World, *, takes: bool = True) -> None:
    """One credit, in books that go below zero when a visit is booked twice."""
    world.books.credits.give("p-sample", PRICED.id)
    world.books.credits.takes, world.books.credits.below_zero = takes, True


def _credit_mismatch(world: World) -> None:
    _give_credit(world)
    world.books.booked_provider = "c2"


def _recurring_mismatch(world: World) -> None:
    world.books.plan_recurs = True
    world.books.booked_provider = "c2"


JOURNEYS = {
    "charged": Journey(ends=S.CONFIRMED),
    "signed-in": Journey(ends=S.CONFIRMED, caller=PATIENT),
    "declined": Journey(ends=S.CONFIRMED, cards=("declined", "ok")),
    "refused-token": Journey(ends=S.CONFIRMED, cards=("refused", "ok")),
    "free": Journey(ends=S.CONFIRMED, slot=a_slot(FREE)),
    "monthly": Journey(ends=S.CONFIRMED, slot=a_slot(PLANNED), plan_id=MONTHLY.id),
    "credit": Journey(ends=S.CONFIRMED, caller=PATIENT, use_credit=True, arrange=_give_credit),
    "credit-not-taken": Journey(
        ends=S.CANCELLED,
        reason=EndReason.NO_CREDIT_LEFT,
        caller=PATIENT,
        use_credit=True,
        arrange=lambda world: _give_credit(world, takes=False),
    ),
    "credit-mismatch": Journey(
        ends=S.CANCELLED,
        reason=EndReason.PROVIDER_MISMATCH,
        caller=PATIENT,
        use_credit=True,
        arrange=_credit_mismatch,
    ),
    "payment-refused": Journey(
        ends=S.CANCELLED,
        reason=EndReason.PAYMENT_UNAVAILABLE,
        arrange=lambda world: world.books.fail(
            "charge", *[UpstreamRefused("charge", "no_bank_account")] * 99
        ),
    ),
    "booking-refused": Journey(
        ends=S.REFUNDED,
        reason=EndReason.BOOKING_REFUSED,
        arrange=lambda world: world.books.fail("book", *[UpstreamRefused("book", "not_available")] * 99),
    ),
    "mismatch": Journey(
        ends=S.REFUNDED,
        reason=EndReason.PROVIDER_MISMATCH,
        arrange=lambda world: setattr(world.books, "booked_provider", "c2"),
    ),
    "free-mismatch": Journey(
        ends=S.CANCELLED,
        reason=EndReason.PROVIDER_MISMATCH,
        slot=a_slot(FREE),
        arrange=lambda world: setattr(world.books, "booked_provider", "c2"),
    ),
    "monthly-mismatch": Journey(
        ends=S.REFUNDED,
        reason=EndReason.PROVIDER_MISMATCH,
        slot=a_slot(PLANNED),
        plan_id=MONTHLY.id,
        arrange=_recurring_mismatch,
    ),
}


async def _pay(world: World, caller: Caller, checkout: Checkout, kinds: tuple[str, ...]) -> None:
    """Confirm, with the next card after each decline, and leave it at any other refusal."""
    service = world.a_service(world.a_saga())
    for kind in kinds:
        try:
            await service.confirm(caller, checkout.id, world.token(kind), quote_id=checkout.quote.id)
        except CardDeclined:
            continue
        except Refusal:
            return


async def _live(world: World, journey: Journey) -> None:
    """Live the journey once; whatever process is killed, the patient and other processes go on."""
    hold = await world.hold(journey.caller, journey.slot)

    async def start() -> Checkout:
        return await world.a_start(world.a_saga()).start(
            journey.caller,
            hold_id=hold.id,
            plan_id=journey.plan_id,
            guest=None if journey.caller.principal.patient_id else GUEST,
            accept_recurrence=True,
            use_credit=journey.use_credit,
        )

    def payer(checkout: Checkout) -> Caller:
        return journey.caller if journey.caller.principal.patient_id else as_guest(checkout)

    try:
        checkout = await start()
        await _pay(world, payer(checkout), checkout, journey.cards)
        await world.settle(checkout)  # for what is looked at twice
    except Killed:
        world.clock.advance(seconds=LEASE.total_seconds())
        checkout = next(iter(world.database.rows.values()), None) or await start()
        row = await world.settle(checkout)
        if row.state not in TERMINAL:
            await _pay(world, payer(row), row, journey.cards[-1:])
            await world.settle(row)


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
async def test_a_journey_ends_right_wherever_its_process_is_killed(journey: Journey) -> None:
    for kill_at in itertools.count():  # 0: nobody is killed
        world = World()
        journey.arrange(world)
        world.tape.kill_at = kill_at
        await _live(world, journey)
        killed = "killed" in world.tape.events
        if kill_at and not killed:
            break
        (row,) = world.database.rows.values()
        try:
            world.assert_right(row)
            assert (row.state, row.end_reason) == (journey.ends, journey.reason)
            assert world.database.claims == {}
            assert len(world.books.charges) <= 1
            await world.reconcile(row, hours=RELEASE_AGAIN / timedelta(hours=1))
            assert world.holds.live == []
        except AssertionError as error:
            error.add_note(f"killed at point {kill_at}: {world.tape.events}")
            raise
    assert kill_at > 10, "a journey has many points"


@pytest.mark.parametrize("name", ["charged", "free"])
async def test_no_hold_outlives_its_checkout(name: str) -> None:
    world = World()
    await _live(world, JOURNEYS[name])
    assert world.holds.live == []


async def test_a_hold_store_that_was_down_at_the_end_gets_the_hold_back_when_it_answers() -> None:
    world = World()
    checkout = await world.start()
    release = world.holds.release

    async def down(hold_id: str, *, owners: object) -> None:
        raise UpstreamUnavailable("hold store")

    world.holds.release = down  # type: ignore[method-assign]
    await world.checkouts.cancel(as_guest(checkout), checkout.id)
    await world.reconcile(checkout, hours=RELEASE_AGAIN / timedelta(hours=1))
    assert world.holds.live != []
    world.holds.release = release  # type: ignore[method-assign]
    row = await world.reconcile(checkout, hours=SETTLE / timedelta(hours=1))
    assert world.holds.live == []
    assert row.due_at is None


async def test_a_hold_on_which_its_patient_has_started_anew_is_not_taken_from_them() -> None:
    """The process died before it gave the hold of the cancelled checkout back, and the patient came again."""
    world = World()
    hold = await world.hold(PATIENT)
    first = await world.starts.start(PATIENT, hold_id=hold.id)
    world.tape.kill_at = world.tape.points + 2  # after the commit of the end
    with pytest.raises(Killed):
        await world.checkouts.cancel(PATIENT, first.id)
    await world.starts.start(PATIENT, hold_id=hold.id)
    await world.reconcile(first, hours=RELEASE_AGAIN / timedelta(hours=1))
    assert world.holds.live == [hold]


async def test_a_hold_left_with_the_visitor_by_a_kill_goes_with_the_checkout() -> None:
    world = World()
    hold = await world.hold()
    world.tape.kill_at = 2  # the row is there, the hold not yet handed over
    with pytest.raises(Killed):
        await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
    checkout = await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
    await world.checkouts.cancel(as_guest(checkout), checkout.id)
    assert world.holds.live == []
