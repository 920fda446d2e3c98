"""A recurring payment goes on only where its patient accepted it: reconciliation ends every other one, or gives it to a person."""

from dataclasses import replace

import pytest

from booking.checkout.guests import GuestRecords
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.operations.model import AttentionReason
from booking.refusals import SlotTaken
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import BookedCharge, Lost
from tests.doubles.booking_world import MONTHLY, PLANNED, World, a_slot


def operator_actions(world: World) -> OperatorActions:
    return OperatorActions(units=world.database, clock=world.clock, operator="operator sample")


async def refunded(world: World) -> Checkout:
    """A monthly plan that was paid, not bookable, and given back; its series ended."""
    world.books.plan_recurs = True
    checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
    world.books.fail("book", SlotTaken())
    with pytest.raises(Exception, match="given back"):
        await confirm(world, checkout)
    row = world.row(checkout)
    assert row.state is S.REFUNDED
    return row


async def confirmed(world: World, *, recurs: bool) -> Checkout:
    """A confirmed visit: of a monthly plan, or by itself."""
    world.books.plan_recurs = recurs
    if recurs:
        return await confirm(world, await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id))
    return await confirm(world, await world.start())


async def expired(world: World) -> Checkout:
    row = await parked(world, "charge", Lost())
    world.clock.advance(minutes=15)
    row = await world.settle(row)
    assert row.state is S.EXPIRED
    return row


def lands(world: World, row: Checkout, **changes: object) -> BookedCharge:
    """The charge of an attempt appears after all, with a series; staff have given the money back."""
    attempt = row.attempts[0]
    charge = BookedCharge(
        key=f"{row.id}-{attempt.number}",
        checkout_id=row.id,
        net=row.quote.due_today,
        card_id=attempt.card_id,
        at=attempt.intended_at,
        recurring=True,
        refunded=True,
    )
    charge = replace(charge, **changes)  # type: ignore[arg-type]  # names as in BookedCharge
    world.books.charges.append(charge)
    return charge


class TestReconciliation:
    async def test_the_series_of_a_payment_that_staff_gave_back_is_ended(self) -> None:
        world = World()
        row = await expired(world)
        charge = lands(world, row)
        row = await world.reconcile(row)
        assert not charge.recurring
        assert (row.state, row.attention) == (S.EXPIRED, ())

    async def test_a_series_that_came_to_life_after_the_refund_is_ended(self) -> None:
        world = World()
        row = await refunded(world)
        world.books.charges[0].recurring = True
        row = await world.reconcile(row)
        assert not world.books.charges[0].recurring
        assert row.state is S.REFUNDED

    async def test_one_that_cannot_be_ended_is_in_front_of_a_person_until_it_has_ended(self) -> None:
        world = World()
        row = await expired(world)
        charge = lands(world, row)
        world.books.fail("cancel_recurring", UpstreamRefused("cancel", "why"))
        row = await world.reconcile(row)
        assert set(row.attention) == {AttentionReason.LATE_UNDO_FAILED, AttentionReason.LIVE_SERIES}
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Ended by hand.")
        assert row.attention == ()
        row = await world.reconcile(row, hours=0.1)
        assert set(row.attention) == {AttentionReason.LATE_UNDO_FAILED, AttentionReason.LIVE_SERIES}
        charge.recurring = False
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Now it is.")
        row = await world.reconcile(row, hours=0.1)
        assert row.attention == ()

    async def test_the_series_that_a_patient_accepted_goes_on(self) -> None:
        world = World()
        row = await confirmed(world, recurs=True)
        row = await world.reconcile(row)
        assert row.checks > 0
        assert (row.attention, world.books.charges[0].recurring) == ((), True)

    async def test_a_series_of_a_confirmed_visit_that_nobody_accepted_is_for_a_person(self) -> None:
        world = World()
        row = await confirmed(world, recurs=False)
        world.books.charges[0].recurring = True
        row = await world.reconcile(row)
        assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.LIVE_SERIES,))
        await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Thought so.")
        row = await world.reconcile(row)
        assert row.attention == (AttentionReason.LIVE_SERIES,)
        assert world.books.kept_charges == world.books.charges

    async def test_the_series_of_an_uncertain_payment_that_was_given_back_by_hand_is_for_a_person(
        self,
    ) -> None:
        world = World()
        row = await expired(world)
        world.books.uncertain_payment = "0"
        row = await world.reconcile(row)
        assert row.attention == (AttentionReason.LATE_CHARGE_UNCERTAIN,)
        await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="It was. Given back.")
        lands(world, row, key="without our reference")
        row = await world.reconcile(row, hours=2)
        assert row.attention == (AttentionReason.LIVE_SERIES,)


async def stuck(world: World) -> Checkout:
    """A row whose charge nobody could find out about."""
    checkout = await parked(world, "charge", Lost())
    world.books.fail("find_charge", *[OutcomeUnknown("billingItems")] * 100)
    row = await world.settle(checkout)
    assert row.attention == (AttentionReason.OUT_OF_TRIES,)
    world.books.faults.clear()
    return row


class TestResolvedAsRefunded:
    """It is done, or proved, before the checkout ends so."""

    @pytest.mark.parametrize("call", ["cancel_recurring", "refund"])
    async def test_what_is_not_given_back_is_given_back(self, call: str) -> None:
        world = World()
        world.books.plan_recurs = True
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
        world.books.fail("book", SlotTaken())
        world.books.fail(call, UpstreamRefused(call, "why"))
        row = await confirm(world, checkout)
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Done, I think.")
        assert (row.state, row.attention) == (S.BOOKING_INTENDED, ())
        row = await world.settle(row)
        assert (row.state, row.refunded) == (S.REFUNDED, row.quote.due_today)
        assert not world.books.charges[0].recurring
        world.assert_right(row)

    async def test_what_cannot_be_given_back_comes_back_to_the_list(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail("refund", *[UpstreamRefused("refund", "why")] * 2)
        row = await confirm(world, checkout)
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Done, I think.")
        row = await world.settle(row)
        assert (row.state, row.attention) == (S.NEEDS_ATTENTION, (AttentionReason.REFUND_FAILED,))
        assert len(world.books.kept_charges) == 1

    async def test_a_charge_that_is_not_on_the_row_is_looked_for_and_given_back(self) -> None:
        world = World()
        row = await stuck(world)
        lands(world, row, recurring=False, refunded=False)
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Nothing was charged.")
        row = await world.settle(row)
        assert row.state is S.REFUNDED
        world.assert_right(row)

    async def test_where_nothing_was_charged_it_ends_as_cancelled_and_nothing_is_sent(self) -> None:
        world = World()
        row = await stuck(world)
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Nothing was charged.")
        row = await world.settle(row)
        assert (row.state, row.end_reason) == (S.CANCELLED, "ended_by_practice")
        assert world.tape.calls().count("charge") == 1
        world.assert_right(row)

    async def test_its_visit_is_looked_for_and_deleted_first(self) -> None:
        world = World()
        checkout = await world.start()
        world.tape.refused_commit["booked"] = ConnectionError()
        with pytest.raises(ConnectionError):
            await confirm(world, checkout)
        world.books.fail("find_appointment", *[OutcomeUnknown("appointments")] * 100)
        row = await world.settle(checkout)
        assert (row.state, row.appointment_id) == (S.NEEDS_ATTENTION, None)
        world.books.faults.clear()
        row = await operator_actions(world).resolve(
            row.id, Resolution.REFUNDED, note="The patient wants it so."
        )
        row = await world.settle(row)
        assert row.state is S.REFUNDED
        assert world.books.live_appointments == []
        world.assert_right(row)

    async def test_a_visit_that_could_not_be_deleted_is_deleted(self) -> None:
        world = World()
        world.books.booked_provider = "c2"
        world.books.fail("delete", UpstreamRefused("delete", "why"))
        row = await confirm(world, await world.start())
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Please.")
        assert row.state is S.DELETION_INTENDED
        row = await world.settle(row)
        assert row.state is S.REFUNDED
        assert world.books.live_appointments == []

    async def test_every_reason_leaves_the_list_and_what_still_holds_comes_back(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.differs, world.books.package_id = ("plan",), "pkg"
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        row = await confirm(world, checkout)
        assert row.attention == (AttentionReason.CHARGED_WRONGLY, AttentionReason.REFUND_FAILED)
        row = await operator_actions(world).resolve(row.id, Resolution.REFUNDED, note="Called the patient.")
        assert (row.attention, row.end_reason) == ((), EndReason.CHARGED_WRONGLY)
        row = await world.settle(row)
        assert (row.state, row.attention) == (S.REFUNDED, (AttentionReason.PACKAGE_REMAINS,))

    async def test_a_charge_of_another_checkout_is_left_to_it(self) -> None:
        world = World(guest_records=GuestRecords.VERIFIED_EMAIL)
        first = await confirm(world, await world.start())
        world.books.fail("charge", Lost())
        row = await confirm(world, await world.verify(await world.start(slot=a_slot(hours=48))))
        world.books.charges[0].key = row.upstream_key
        world.books.charges[0].at = world.clock.now()
        row = await world.settle(row)
        assert row.attention == (AttentionReason.ALREADY_COUNTED,)
        row = await operator_actions(world).resolve(
            row.id, Resolution.REFUNDED, note="It is the first one's."
        )
        row = await world.settle(row)
        assert (row.state, row.attention) == (S.CANCELLED, ())
        assert world.row(first).charge is not None
        assert "refund" not in world.tape.calls()


class TestResolvedAsBooked:
    async def test_without_visit_or_payment_it_comes_back_to_the_list_once(self) -> None:
        world = World()
        row = await stuck(world)
        row = await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Booked by phone.")
        row = await world.reconcile(row)
        assert (row.state, row.attention) == (S.CONFIRMED, (AttentionReason.BOOKING_UNPROVED,))
        row = await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Really.")
        row = await world.reconcile(row)
        assert row.attention == ()

    async def test_a_charge_on_other_terms_is_not_called_booked(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.differs = ("amount",)
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        row = await confirm(world, checkout)
        with pytest.raises(Exception, match="other terms"):
            await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Never mind.")
        assert world.row(row) == row

    async def test_one_that_is_found_afterwards_is_told(self) -> None:
        world = World()
        row = await stuck(world)
        lands(world, row, recurring=False, refunded=False, differs=("amount",))
        row = await operator_actions(world).resolve(row.id, Resolution.BOOKED, note="Booked by phone.")
        row = await world.reconcile(row)
        assert AttentionReason.CHARGED_WRONGLY in row.attention
