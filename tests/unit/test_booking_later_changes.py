"""The reconciliation of a checkout whose visit its patient has changed since: what the change did is no finding, and hides none."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from booking.changes.model import Action, ActionKind, ActionState, ChangeKind, ChangeState, RequestedChange
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.models import AppointmentStatus, OpenInvoice
from booking.money import Money
from booking.operations.model import AttentionReason
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_world import MONTHLY, PLANNED, World, a_slot

DONE = ActionState.DONE
LONG_AFTER = timedelta(days=30)


async def bought() -> tuple[World, Checkout]:
    world = World()
    row = await confirm(world, await world.start())
    assert row.state is S.CONFIRMED
    return world, row


def changed(world: World, row: Checkout, *actions: Action, **values: object) -> RequestedChange:
    """A change of the checkout's visit, put among the rows as it ended."""
    assert row.charge is not None
    assert row.appointment_id is not None
    change = RequestedChange(
        id=f"chg_{len(world.database.changes)}",
        version=3,
        kind=ChangeKind.CANCELLATION,
        state=ChangeState.DONE,
        owner=row.owner,
        patient_id=row.patient_id or "",
        appointment_id=row.appointment_id,
        slot=row.slot,
        time_zone="UTC",
        checkout_id=row.id,
        quote_id="quote-1",
        payment_id=row.charge.billing_item_id,
        actions=actions,
        created_at=world.clock.now(),
        updated_at=world.clock.now(),
    )
    change = change.changed(**values)
    world.database.changes[change.id] = change
    return change


def an_action(kind: ActionKind, state: ActionState = DONE, **values: object) -> Action:
    return Action(kind=kind, state=state, **values)  # type: ignore[arg-type]  # names as in Action


def stands(world: World, index: int = 0, **values: object) -> None:
    """The visit as it stands upstream by now."""
    visit = world.books.appointments[index]
    world.books.appointments[index] = replace(visit, **values)  # type: ignore[arg-type]  # names as in Appointment


def a_copy(world: World, name: str = "late-1") -> None:
    """A second booking of the checkout's visit lands."""
    world.books.appointments.append(replace(world.books.appointments[0], id=name, open_invoice=None))


async def checked(world: World, row: Checkout) -> Checkout:
    """The row after its first check."""
    after = await world.reconcile(row, hours=0.1)
    assert after.checks == row.checks + 1
    return after


class TestTheVisit:
    async def test_one_that_was_cancelled_or_moved_is_no_finding(self) -> None:
        for kind, values in (
            (ActionKind.CANCEL_VISIT, {"status": AppointmentStatus.CANCELLED}),
            (ActionKind.MOVE_VISIT, {"start": a_slot().start + LONG_AFTER}),
        ):
            world, row = await bought()
            changed(world, row, an_action(kind))
            stands(world, **values)
            row = await checked(world, row)
            assert (row.state, row.attention) == (S.CONFIRMED, ())
            assert len(world.books.appointments) == 1

    @pytest.mark.parametrize("kind", [ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT])
    async def test_a_second_booking_beside_one_that_is_gone_is_for_a_person(self, kind: ActionKind) -> None:
        world, row = await bought()
        changed(world, row, an_action(kind))
        a_copy(world)
        del world.books.appointments[0]
        row = await checked(world, row)
        assert row.attention == (AttentionReason.LATE_VISIT,)
        assert row.resolved_ids == ("late-1",)

    async def test_without_a_change_the_only_visit_is_the_rightful_one_under_any_id(self) -> None:
        world, row = await bought()
        changed(world, row, an_action(ActionKind.CANCEL_VISIT, ActionState.FAILED), state=ChangeState.REFUSED)
        a_copy(world)
        del world.books.appointments[0]
        assert (await checked(world, row)).attention == ()

    async def test_a_second_booking_beside_one_that_the_practice_has_cancelled_is_for_a_person(self) -> None:
        """A booking that was sent long ago lands in the time that the cancellation has freed."""
        world, row = await bought()
        a_copy(world)
        stands(world, status=AppointmentStatus.CANCELLED)
        row = await checked(world, row)
        assert (row.attention, row.resolved_ids) == ((AttentionReason.LATE_VISIT,), ("late-1",))

    async def test_a_second_booking_beside_one_that_was_moved_is_deleted(self) -> None:
        world, row = await bought()
        changed(world, row, an_action(ActionKind.MOVE_VISIT))
        a_copy(world)
        stands(world, start=a_slot().start + timedelta(hours=1))
        row = await world.reconcile(row, hours=0.1)
        assert [visit.id for visit in world.books.live_appointments] == [row.appointment_id]


class TestMoney:
    @pytest.mark.parametrize("fee", ["payment-9", "payment-8"])
    async def test_the_payment_of_a_fee_is_no_late_charge_and_hides_no_other(self, fee: str) -> None:
        world, row = await bought()
        world.books.uncertain_payment = "payment-9"
        changed(world, row, an_action(ActionKind.CHARGE_FEE, result={"payment_id": fee}))
        row = await checked(world, row)
        told = (AttentionReason.LATE_CHARGE_UNCERTAIN,)
        assert row.attention == (() if fee == "payment-9" else told)

    async def test_a_series_that_goes_on_though_a_change_has_ended_it_is_told(self) -> None:
        for stopped in (ActionState.PENDING, DONE):
            world = World()
            world.books.plan_recurs = True
            row = await confirm(world, await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id))
            changed(world, row, an_action(ActionKind.STOP_RECURRING, stopped))
            row = await checked(world, row)
            assert row.attention == ((AttentionReason.LIVE_SERIES,) if stopped is DONE else ())

    async def test_a_membership_that_its_patient_ended_and_that_goes_on_all_the_same_is_told(self) -> None:
        for state in (ActionState.PENDING, DONE):
            world = World()
            world.books.plan_recurs = True
            row = await confirm(world, await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id))
            assert row.charge is not None
            series = row.charge.recurring_payment_id
            changed(
                world,
                row,
                an_action(ActionKind.STOP_RECURRING, state),
                kind=ChangeKind.MEMBERSHIP_END,
                appointment_id=None,
                slot=None,
                checkout_id=None,
                membership_id=series,
                recurring_payment_id=series,
                payment_id="a-later-payment",
            )
            row = await checked(world, row)
            assert row.attention == ((AttentionReason.LIVE_SERIES,) if state is DONE else ())


class TestInvoices:
    """An invoice of a visit that was cancelled: the practice's own fee, or one that the payment does not pay any more."""

    async def test_one_of_what_was_paid_and_given_back_is_not_closed_as_paid(self) -> None:
        world, row = await bought()
        assert row.charge is not None
        refund = an_action(ActionKind.REFUND, amount=row.charge.net)
        changed(world, row, an_action(ActionKind.CANCEL_VISIT), refund)
        stands(world, open_invoice=OpenInvoice(id="inv-1", amount=row.charge.net))
        row = await checked(world, row)
        assert row.attention == (AttentionReason.OPEN_INVOICE,)
        assert world.books.closed_invoices == []

    @pytest.mark.parametrize("difference", ["0", "1"])
    async def test_the_fee_of_the_practice_is_as_accepted_or_for_a_person(self, difference: str) -> None:
        world, row = await bought()
        assert row.charge is not None
        fee = Money.of("25", "USD")
        changed(world, row, an_action(ActionKind.CANCEL_VISIT, amount=fee), late=True)
        asked = replace(fee, amount=fee.amount + Decimal(difference))
        stands(world, open_invoice=OpenInvoice(id="inv-1", amount=asked))
        row = await checked(world, row)
        assert row.attention == (() if difference == "0" else (AttentionReason.OPEN_INVOICE,))
        assert world.books.closed_invoices == []


class TestWhileOneIsCarriedOut:
    async def test_nothing_is_concluded_and_the_check_is_made_later(self) -> None:
        world, row = await bought()
        change = changed(world, row, an_action(ActionKind.CANCEL_VISIT, DONE), state=ChangeState.OPEN)
        a_copy(world)
        del world.books.appointments[0]
        after = await world.reconcile(row, hours=0.1)
        assert (after.checks, after.attention, after.tries) == (row.checks, (), 1)
        world.database.changes[change.id] = change.changed(state=ChangeState.DONE)
        assert (await checked(world, after)).attention == (AttentionReason.LATE_VISIT,)

    async def test_one_that_came_between_the_reads_is_not_overlooked(self) -> None:
        world, row = await bought()

        async def is_cancelled() -> None:
            changed(world, row, an_action(ActionKind.CANCEL_VISIT))

        world.books.during["find_all_appointments"] = is_cancelled
        after = await world.reconcile(row, hours=0.1)
        assert (after.checks, after.tries) == (row.checks, 1)
        assert (await checked(world, after)).tries == 0
