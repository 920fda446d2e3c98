"""The guards of a send: each is asked before every call that leads to a visit, the first time and every time after a look."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from booking.checkout.guards import UNDER_A_CLAIM
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import SETTLE
from booking.operations.model import AttentionReason, ClinicianBlock
from booking.refusals import Refusal
from tests.doubles.booking_steps import confirm, mark
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import FREE, World, a_slot, as_guest


def _block(world: World, checkout: Checkout) -> None:
    clinician = checkout.visit_slot.clinician_id
    world.database.blocks[clinician] = ClinicianBlock(
        clinician_id=clinician,
        reason=AttentionReason.PROVIDER_MISMATCH,
        checkout_id="another",
        blocked_at=world.clock.now(),
    )


def _lose_claim(world: World, checkout: Checkout) -> None:
    world.database.lose_claim(checkout.id)


def _take_key(world: World, checkout: Checkout) -> None:
    world.keys.refused.add(checkout.visit_slot.clinician_id)


def _pass_deadline(world: World, checkout: Checkout) -> None:
    world.clock.advance(seconds=world.rules.confirm_window.total_seconds())


def _begin_visit(world: World, checkout: Checkout) -> None:
    world.clock.at = checkout.visit_slot.start


CHANGES: Mapping[str, Callable[[World, Checkout], None]] = {
    "cancelled": mark,
    "deadline passed": _pass_deadline,
    "too late": _begin_visit,
    "clinician blocked": _block,
    "key not proved": _take_key,
    "claim lost": _lose_claim,
}

REASONS = {
    "cancelled": EndReason.CANCELLED_BY_PATIENT,
    "deadline passed": EndReason.HOLD_EXPIRED,
    "too late": EndReason.TOO_LATE,
    "clinician blocked": EndReason.CLINICIAN_NOT_BOOKABLE,
    "key not proved": EndReason.CLINICIAN_NOT_BOOKABLE,
    "claim lost": EndReason.SLOT_TAKEN,
}

UNPAID_ENDS = {
    EndReason.HOLD_EXPIRED: S.EXPIRED,
    EndReason.TOO_LATE: S.EXPIRED,
    EndReason.SLOT_TAKEN: S.SLOT_LOST,
}

# So soon that a confirm is still good when they begin.
SOON, FREE_SOON = a_slot(hours=1 / 6), a_slot(FREE, hours=1 / 6)

guards = pytest.mark.parametrize("guard", CHANGES)


@pytest.fixture
def world() -> World:
    world = World()
    world.offer.free += [SOON, FREE_SOON]
    return world


def reason_of(guard: str, *, booking: bool) -> EndReason:
    """A confirm is answered with the hold's end before the charge; a booking that comes too late has a name of its own."""
    return EndReason.BOOKING_TIMED_OUT if booking and guard == "deadline passed" else REASONS[guard]


def test_every_guard_is_tested_here() -> None:
    """An end does not come by itself: an operator gives it to a row that rests, see below."""
    assert ["ending", *CHANGES] == [*UNDER_A_CLAIM]


@pytest.mark.parametrize(("call", "ends"), [("charge", S.CANCELLED), ("book", S.REFUNDED)])
async def test_what_has_an_end_already_is_looked_for_and_not_sent(world: World, call: str, ends: S) -> None:
    checkout = await world.start(slot=SOON)
    world.books.fail(call, Lost())
    row = await confirm(world, checkout)
    world.put(row.changed(version=row.version + 1, end_reason=EndReason.ENDED_BY_PRACTICE))
    row = await world.settle(row)
    assert (row.state, row.end_reason) == (ends, EndReason.ENDED_BY_PRACTICE)
    assert world.tape.calls().count(call) == 1
    world.assert_right(checkout)


@guards
@pytest.mark.parametrize("call", ["charge", "book"])
class TestOfAPaidVisit:
    async def test_a_parked_row_is_not_sent_again(self, world: World, call: str, guard: str) -> None:
        checkout = await world.start(slot=SOON)
        world.books.fail(call, Lost())
        row = await confirm(world, checkout)
        CHANGES[guard](world, row)
        world.clock.advance(seconds=SETTLE.total_seconds() + 1)
        await world.a_saga().resume(row.id)
        self._assert_ended(world, checkout, call, guard)
        assert world.tape.calls().count(call) == 1

    async def test_an_intent_is_not_sent_the_first_time(self, world: World, call: str, guard: str) -> None:
        checkout = await world.start(slot=SOON)
        intent = S.CHARGE_INTENDED if call == "charge" else S.BOOKING_INTENDED
        world.tape.after_commit[intent] = lambda: CHANGES[guard](world, checkout)
        with pytest.raises(Refusal):
            await confirm(world, checkout)
        self._assert_ended(world, checkout, call, guard)
        assert call not in world.tape.calls()

    def _assert_ended(self, world: World, checkout: Checkout, call: str, guard: str) -> None:
        row = world.row(checkout)
        assert row.end_reason is reason_of(guard, booking=call == "book")
        unpaid = UNPAID_ENDS.get(row.end_reason, S.CANCELLED)
        assert row.state is (S.REFUNDED if call == "book" else unpaid)
        world.assert_right(checkout)


@guards
async def test_a_free_visit_is_not_booked(world: World, guard: str) -> None:
    checkout = await world.start(slot=FREE_SOON)
    world.books.fail("book", Lost())
    await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
    CHANGES[guard](world, checkout)
    row = await world.settle(checkout)
    assert row.end_reason is reason_of(guard, booking=True)
    assert row.state is (S.SLOT_LOST if guard == "claim lost" else S.CANCELLED)
    assert world.tape.calls().count("book") == 1
    world.assert_right(checkout)


@pytest.mark.parametrize("guard", [guard for guard in CHANGES if guard != "claim lost"])
@pytest.mark.parametrize(
    ("intent", "call"), [("patient_intended", "find_patient"), ("card_intended", "attach_card")]
)
async def test_neither_record_nor_card_is_touched_for_a_visit_that_is_not_to_be(
    world: World, intent: str, call: str, guard: str
) -> None:
    """No claim is there yet that could be lost."""
    checkout = await world.start(slot=SOON)
    world.tape.after_commit[intent] = lambda: CHANGES[guard](world, checkout)
    with pytest.raises(Refusal):
        await confirm(world, checkout)
    assert call not in world.tape.calls()
    assert world.row(checkout).end_reason is REASONS[guard]


@guards
async def test_what_has_landed_is_taken_whatever_the_guards_say(world: World, guard: str) -> None:
    """They are for what is sent. What stands upstream is the truth; who left gets it undone all the same."""
    checkout = await world.start(slot=SOON)
    world.books.fail("book", AnswerLost())
    row = await confirm(world, checkout)
    CHANGES[guard](world, row)
    row = await world.settle(checkout)
    assert row.state is (S.REFUNDED if guard == "cancelled" else S.CONFIRMED)
    world.assert_right(checkout)


async def test_undoing_has_no_guards(world: World) -> None:
    """Money is given back though the clinician is blocked, their key is gone and the visit has begun."""
    checkout = await world.start(slot=SOON)
    world.books.fail("book", Lost())
    world.books.fail("refund", Lost())
    row = await confirm(world, checkout)
    await world.checkouts.cancel(as_guest(checkout), checkout.id)
    _block(world, row)
    _take_key(world, row)
    world.clock.at = row.visit_slot.start + timedelta(minutes=1)
    row = await world.settle(checkout)
    assert row.state is S.REFUNDED
    assert world.tape.calls().count("refund") == 2
