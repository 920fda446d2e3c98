"""`kill -9` at every recovery point and on both sides of every upstream effect; another process goes on."""

import asyncio

import pytest

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.states import STATES
from booking.checkout.transitions import CALLING, UNDER_WAY
from integrations.healthie.readback import READ_BACKS
from tests.reliability.nursery import VERSION_BEFORE
from tests.reliability.practice import PATIENCE_SECONDS, Patient, Peer, Practice
from tests.reliability.proxy import Side

BOTH = pytest.mark.parametrize("side", list(Side))

# The states that a driver passes without a call of its own; the intents are where a call stands still (see `Side`).
ON_THE_WAY_TO_A_VISIT = (S.STARTED, S.PATIENT_READY, S.CARD_READY, S.CHARGED, S.BOOKED)
# Of these, where a row of this version never stands still: it leaves them in the commit that enters them. The version before
# leaves rows there, and so does this one where the patient cancels, or pays for another visit, in that moment.
LEFT_AT_ONCE = (S.PATIENT_READY, S.CHARGED, S.BOOKED)
ON_THE_WAY_BACK = (S.COMPENSATING, S.RECURRING_CANCELLED)

EFFECTS = ("CreatePatient", "AttachCard", "Charge", "Book")
EFFECTS_BACK = ("CancelRecurring", "Refund")
DELETION = "DeleteVisit"

# What is changed at Healthie, and not for a checkout.
OF_NO_CHECKOUT = {
    "SubscribeWebhook",
    "EnableWebhook",
    "CancelVisit",
    "MoveVisit",
    "RemoveCard",
    "MakeCardDefault",
    "SendReceipt",
    "SetRecurringPaused",
}

# What the reconciliation check changes once a checkout has ended; tests/unit/test_booking_invoices.py kills it at each point.
AFTER_THE_END = {"CloseInvoice"}


def test_no_recovery_point_and_no_effect_is_left_out() -> None:
    assert {*ON_THE_WAY_TO_A_VISIT, *ON_THE_WAY_BACK} == UNDER_WAY - CALLING
    assert set(LEFT_AT_ONCE) == {state for state, record in STATES.items() if record.onward} - {S.STARTED}
    assert {*EFFECTS, *EFFECTS_BACK, DELETION} == READ_BACKS.keys() - OF_NO_CHECKOUT - AFTER_THE_END


async def killed_at_state(practice: Practice, patient: Patient, state: S) -> None:
    """Let a gateway drive the checkout, and kill it where the row stands at the state."""
    gateway = await practice.gateway(program=VERSION_BEFORE if state in LEFT_AT_ONCE else "frontdoor")
    async with practice.database.stands_still_at(state):
        confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
        await practice.stands_at(patient, state)
        gateway.kill()
        assert await confirm is None
    assert (await practice.row(patient)).state is state


async def killed_at_call(practice: Practice, patient: Patient, operation: str, side: Side) -> None:
    """Let a gateway drive the checkout, and kill it before or after the call's effect."""
    stop = practice.proxy.stop(operation, side)
    gateway = await practice.gateway()
    confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stop.reached.wait()
    gateway.kill()
    assert await confirm is None
    assert (operation in practice.proxy.calls) == (side is Side.AFTER)


async def assert_one_visit(practice: Practice, row: Checkout) -> None:
    """Charged once and rightly, booked once with the right clinician, and nothing left behind."""
    assert row.state is S.CONFIRMED
    books = await practice.books()
    assert [(charge["amount"], charge["refunded"]) for charge in books["charges"]] == [(149_00, 0)]
    assert [(visit["provider_id"], visit["deleted_at"], visit["id"]) for visit in books["appointments"]] == [
        (row.visit_slot.clinician_id, None, row.appointment_id)
    ]
    assert len(books["patients"]) == 1
    assert books["refunds"] == []
    assert await practice.claims() == 0
    assert row.lease_owner is None
    assert row.guest is None


async def assert_given_back(practice: Practice, row: Checkout, *, state: S = S.REFUNDED) -> None:
    """Charged once, refunded once in full, nothing bills again, no visit of ours stands, no claim is left."""
    assert row.state is state
    books = await practice.books()
    assert [(charge["amount"], charge["refunded"]) for charge in books["charges"]] == [(149_00, 149_00)]
    assert [refund["amount"] for refund in books["refunds"]] == [149_00]
    assert all(recurring["is_canceled"] for recurring in books["recurring_payments"])
    assert len(books["recurring_payments"]) == 1
    assert [visit for visit in books["appointments"] if visit["metadata"] and not visit["deleted_at"]] == []
    assert await practice.claims() == 0


class TestOnTheWayToAVisit:
    @pytest.mark.parametrize("state", ON_THE_WAY_TO_A_VISIT)
    async def test_killed_at_a_recovery_point(self, practice: Practice, state: S) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
            await killed_at_state(practice, patient, state)
            await peer.take_over(patient)
            await assert_one_visit(practice, await peer.pay_again(patient))

    @BOTH
    @pytest.mark.parametrize("effect", EFFECTS)
    async def test_killed_beside_an_effect(self, practice: Practice, effect: str, side: Side) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient("First Visit", (await peer.slots("Initial Visit"))[0])
            await killed_at_call(practice, patient, effect, side)
            await peer.take_over(patient)
            await assert_one_visit(practice, await peer.pay_again(patient))


class TestOnTheWayBack:
    """The time is gone upstream once the patient has paid for a plan that bills every month."""

    @pytest.mark.parametrize("state", ON_THE_WAY_BACK)
    async def test_killed_at_a_recovery_point(self, practice: Practice, state: S) -> None:
        async with practice.peer() as peer:
            slot = (await peer.slots("Initial Visit"))[0]
            patient = await peer.a_patient("Monthly Care", slot)
            await peer.book_past_us(slot)
            await killed_at_state(practice, patient, state)
            (row,) = await peer.take_over(patient)
            await assert_given_back(practice, row)

    @BOTH
    @pytest.mark.parametrize("effect", EFFECTS_BACK)
    async def test_killed_beside_an_effect(self, practice: Practice, effect: str, side: Side) -> None:
        async with practice.peer() as peer:
            slot = (await peer.slots("Initial Visit"))[0]
            patient = await peer.a_patient("Monthly Care", slot)
            await peer.book_past_us(slot)
            await killed_at_call(practice, patient, effect, side)
            (row,) = await peer.take_over(patient)
            await assert_given_back(practice, row)

    @BOTH
    async def test_killed_beside_the_deletion_of_a_visit_that_was_cancelled_while_it_was_booked(
        self, practice: Practice, side: Side
    ) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient("Monthly Care", (await peer.slots("Initial Visit"))[0])
            booking = practice.proxy.stop("Book", Side.AFTER)
            deletion = practice.proxy.stop(DELETION, side)
            gateway = await practice.gateway()
            confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await booking.reached.wait()
                await patient.cancel(gateway, practice.http)
                booking.let_go.set()
                await deletion.reached.wait()
            gateway.kill()
            assert await confirm is None
            assert (DELETION in practice.proxy.calls) == (side is Side.AFTER)
            (row,) = await peer.take_over(patient)
            await assert_given_back(practice, row)


class TestReconciliation:
    """What was sent before the kill lands when the checkout has ended; a worker finds it, and is killed as well."""

    @BOTH
    @pytest.mark.parametrize("effect", EFFECTS_BACK)
    async def test_killed_beside_the_undoing_of_a_late_charge(
        self, practice: Practice, effect: str, side: Side
    ) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient("Monthly Care", (await peer.slots("Initial Visit"))[0])
            assert (await ended_before_it_landed(practice, peer, patient, "Charge")).state is S.EXPIRED
            await worker_killed_at_call(practice, patient, effect, side)
            (row,) = await peer.take_over(patient)
            await assert_given_back(practice, row, state=S.EXPIRED)

    @BOTH
    async def test_killed_beside_the_deletion_of_a_late_visit(self, practice: Practice, side: Side) -> None:
        async with practice.peer() as peer:
            patient = await peer.a_patient("Monthly Care", (await peer.slots("Initial Visit"))[0])
            assert (await ended_before_it_landed(practice, peer, patient, "Book")).state is S.REFUNDED
            await worker_killed_at_call(practice, patient, DELETION, side)
            (row,) = await peer.take_over(patient)
            await assert_given_back(practice, row)


async def ended_before_it_landed(
    practice: Practice, peer: Peer, patient: Patient, operation: str
) -> Checkout:
    """Kill a gateway whose call is on its way, let the checkout end without it, and let it arrive then."""
    stop = practice.proxy.stop(operation, Side.BEFORE)
    gateway = await practice.gateway()
    confirm = asyncio.create_task(patient.confirm(gateway, practice.http))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stop.reached.wait()
        gateway.kill()
        assert await confirm is None
        ended = await peer.give_up(patient)
        stop.let_go.set()
        await stop.over.wait()
    return ended


async def worker_killed_at_call(practice: Practice, patient: Patient, operation: str, side: Side) -> None:
    """Let a worker look at the ended checkout, and kill it before or after the call's effect."""
    stop = practice.proxy.stop(operation, side)
    await practice.make_due(patient)
    worker = practice.worker()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stop.reached.wait()
    worker.kill()
