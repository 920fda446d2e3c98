"""For 72 hours after its end a checkout is compared with what upstream says: every attempt of it."""

import contextlib
import itertools
from datetime import timedelta

import pytest

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions, Resolution
from booking.checkout.reconciliation_schedule import CHECK_AGAIN, CHECKED_ENOUGH, CHECKS_AFTER
from booking.checkout.timing import MAX_TRIES, RELEASE_AGAIN
from booking.checkout.transitions import LATE
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import Appointment, AppointmentStatus
from booking.operations.model import AttentionReason
from booking.refusals import CardDeclined, Refusal, SlotTaken
from tests.doubles.booking_ports import Killed
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import BookedCharge, Lost
from tests.doubles.booking_world import FREE, MONTHLY, PATIENT, PLANNED, World, a_slot, as_guest


def lands(world: World, checkout: Checkout, attempt: int = 1) -> BookedCharge:
    """A charge of that attempt appears in the books, as if its request had been under way all the time."""
    tried = next(one for one in world.row(checkout).attempts if one.number == attempt)
    charge = BookedCharge(
        key=f"{checkout.id}-{attempt}",
        checkout_id=checkout.id,
        net=checkout.quote.due_today,
        card_id=tried.card_id,
        at=tried.intended_at + timedelta(seconds=40),
        recurring=world.books.plan_recurs,
    )
    world.books.charges.append(charge)
    return charge


def appears(world: World, checkout: Checkout, **changes: object) -> Appointment:
    """A visit that names the checkout appears."""
    values: dict[str, object] = {
        "id": f"late-{len(world.books.appointments)}",
        "clinician_id": checkout.visit_slot.clinician_id,
        "clinician_name": None,
        "patient_id": world.row(checkout).patient_id,
        "visit_type_id": checkout.visit_slot.visit_type_id,
        "visit_type_name": None,
        "start": checkout.visit_slot.start,
        "minutes": checkout.visit_slot.minutes,
        "contact_type": checkout.visit_slot.contact_type,
        "location_id": None,
        "status": AppointmentStatus.BOOKED,
        "checkout_id": checkout.id,
        "open_invoice": None,
    }
    visit = Appointment(**(values | changes))  # type: ignore[arg-type]  # names as in Appointment
    world.books.appointments.append(visit)
    return visit


async def expired_uncharged(world: World) -> Checkout:
    """A checkout whose charge never seemed to land."""
    checkout = await parked(world, "charge", Lost())
    world.clock.advance(minutes=15)
    row = await world.settle(checkout)
    assert row.state is S.EXPIRED
    return row


async def given_to_a_person(world: World) -> Checkout:
    """A checkout whose charge nobody could find out about."""
    checkout = await parked(world, "charge", Lost())
    world.books.fail("find_charge", *[OutcomeUnknown("billingItems")] * MAX_TRIES)
    row = await world.settle(checkout)
    assert row.state is S.NEEDS_ATTENTION
    return row


async def declined_then_confirmed(world: World) -> Checkout:
    checkout = await world.start()
    with pytest.raises(CardDeclined):
        await confirm(world, checkout, "declined")
    return await confirm(world, checkout)


class TestWhileAPersonHasIt:
    async def test_a_late_charge_is_told_and_undone_once_it_is_resolved_otherwise(self) -> None:
        world = World()
        checkout = await given_to_a_person(world)
        lands(world, checkout)
        row = await world.reconcile(checkout)
        assert row.state is S.NEEDS_ATTENTION
        assert row.attention == (AttentionReason.OUT_OF_TRIES, AttentionReason.LATE_CHARGE)
        assert f"{AttentionReason.LATE_CHARGE}:{row.id}" in world.database.alerts
        assert len(world.books.kept_charges) == 1
        actions = OperatorActions(units=world.database, clock=world.clock, operator="operator sample")
        world.books.faults.clear()
        await actions.resolve(row.id, Resolution.REFUNDED, note="Nothing was charged.")
        assert (await world.settle(checkout)).state is S.REFUNDED
        assert world.books.kept_charges == []

    async def test_a_visit_that_is_not_its_own_is_told(self) -> None:
        world = World()
        checkout = await given_to_a_person(world)
        appears(world, checkout)
        row = await world.reconcile(checkout)
        assert row.attention == (AttentionReason.OUT_OF_TRIES, AttentionReason.LATE_VISIT)
        assert len(world.books.live_appointments) == 1

    async def test_its_own_charge_and_visit_are_no_findings(self) -> None:
        world = World()
        world.books.fail("book", UpstreamRefused("book", "why"))
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        checkout = await world.start()
        await confirm(world, checkout)
        row = await world.reconcile(checkout, hours=0.5)
        assert (row.state, row.checks, row.attention) == (
            S.NEEDS_ATTENTION,
            1,
            (AttentionReason.REFUND_FAILED,),
        )

    async def test_it_is_looked_at_five_times_in_72_hours(self) -> None:
        world = World()
        row = await given_to_a_person(world)
        began = world.clock.now()
        for look in CHECKS_AFTER:
            assert row.due_at == began + look
            row = await world.reconcile(row, hours=(row.due_at - world.clock.now()) / timedelta(hours=1))
        assert (row.attention, row.due_at) == ((AttentionReason.OUT_OF_TRIES,), None)


class TestChecks:
    async def test_what_could_have_charged_is_looked_at_five_times_in_72_hours(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        ended = world.clock.now()
        seen = []
        while row.due_at is not None:
            seen.append(row.due_at - ended)
            row = await world.reconcile(row, hours=(row.due_at - world.clock.now()) / timedelta(hours=1))
        assert tuple(seen) == (RELEASE_AGAIN, *CHECKS_AFTER)
        assert CHECKS_AFTER[-1] == timedelta(hours=72)
        assert world.tape.calls().count("late_charges") == len(CHECKS_AFTER)
        world.assert_money_and_visits(row)

    async def test_what_never_tried_to_charge_or_book_is_not_looked_at(self) -> None:
        world = World()
        checkout = await world.start()
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        asked = world.tape.calls()
        assert (await world.reconcile(checkout)).due_at is None
        assert world.tape.calls() == asked

    async def test_a_worker_that_comes_early_asks_nobody(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        calls = world.tape.calls()
        await world.a_saga().resume(row.id)
        assert world.tape.calls() == calls

    async def test_without_an_answer_it_looks_again_soon_and_counts_no_look(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        world.books.fail("late_charges", UpstreamUnavailable("billingItems"))
        row = await world.reconcile(row)
        assert (row.checks, row.due_at) == (0, world.clock.now() + CHECK_AGAIN)

    async def test_the_longer_it_gets_no_answer_the_more_rarely_it_looks(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        world.books.fail("late_charges", *[UpstreamUnavailable("billingItems")] * 4)
        waits = []
        row = await world.reconcile(row)
        while row.checks == 0 and row.due_at is not None:
            waits.append((row.due_at - world.clock.now()) / CHECK_AGAIN)
            row = await world.reconcile(row, hours=(row.due_at - world.clock.now()) / timedelta(hours=1))
        assert waits == [1, 2, 4, 8]
        assert (row.checks, row.tries) == (2, 0)  # the second was due by then

    async def test_upstream_silent_for_days_is_told_to_a_person(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        world.books.fail("late_charges", UpstreamUnavailable("billingItems"))
        row = await world.reconcile(row, hours=CHECKED_ENOUGH / timedelta(hours=1))
        assert (row.due_at, row.attention) == (None, (AttentionReason.LATE_CHECK_FAILED,))

    async def test_an_error_of_our_own_is_raised_and_does_not_come_back_at_once(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        world.books.fail("late_charges", ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await world.reconcile(row)
        assert world.row(row).due_at == world.clock.now() + CHECK_AGAIN

    async def test_nobody_looks_while_another_checkout_of_the_patient_is_being_paid(self) -> None:
        world = World()
        first = await world.start(PATIENT)
        await world.checkouts.confirm(PATIENT, first.id, world.token(), quote_id=first.quote.id)
        second = await world.start(PATIENT, a_slot(hours=48))
        world.books.fail("charge", Lost())
        await world.checkouts.confirm(PATIENT, second.id, world.token(), quote_id=second.quote.id)
        await world.reconcile(first)
        assert "late_charges" not in world.tape.calls()


class TestCharges:
    async def test_a_late_charge_of_an_expired_checkout_is_given_back(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        charge = lands(world, row)
        row = await world.reconcile(row)
        assert charge.refunded
        assert (row.state, row.late, row.charge) == (S.EXPIRED, None, None)
        assert world.database.claims == {}
        assert world.database.history(row)[-2:] == ["moved late_refund_intended", "moved expired"]

    @pytest.mark.parametrize("finds", ["charge", "visit"])
    async def test_people_are_told_although_nobody_needs_to_do_anything(self, finds: str) -> None:
        world = World()
        row = await expired_uncharged(world)
        (lands if finds == "charge" else appears)(world, row)
        row = await world.reconcile(row)
        assert [(one.reason, one.subject) for one in world.database.alerts.values()] == [
            (AttentionReason.LATE_FOUND, row.id)
        ]
        assert row.attention == ()

    async def test_it_is_given_back_although_somebody_else_has_the_slot_by_then(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        other = await world.start(PATIENT)
        await world.checkouts.confirm(PATIENT, other.id, world.token(), quote_id=other.quote.id)
        charge = lands(world, row)
        await world.reconcile(row)
        assert charge.refunded
        assert [one.checkout_id for one in world.books.kept_charges] == [other.id]

    async def test_a_failed_payment_that_staff_sent_again_is_given_back_and_the_visit_stays_paid(
        self,
    ) -> None:
        world = World()
        row = await declined_then_confirmed(world)
        resent = lands(world, row, attempt=1)
        row = await world.reconcile(row)
        assert resent.refunded
        assert [charge.key for charge in world.books.kept_charges] == [f"{row.id}-2"]
        assert row.state is S.CONFIRMED
        world.assert_money_and_visits(row)

    async def test_a_late_recurring_payment_is_cancelled_before_its_refund(self) -> None:
        world = World()
        world.books.plan_recurs, world.books.package_id = True, "pkg1"
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
        world.books.fail("charge", Lost())
        await confirm(world, checkout)
        world.clock.advance(minutes=15)
        row = await world.settle(checkout)
        lands(world, row)
        row = await world.reconcile(row)
        undone = [call for call in world.tape.calls() if call in {"cancel_recurring", "refund"}]
        assert undone == ["cancel_recurring", "refund"]
        assert row.attention == (AttentionReason.PACKAGE_REMAINS,)

    async def test_several_late_charges_are_all_given_back_in_one_go(self) -> None:
        world = World()
        row = await declined_then_confirmed(world)
        late = [lands(world, row, attempt=1), lands(world, row, attempt=2)]
        row = await world.reconcile(row)
        assert all(charge.refunded for charge in late)
        world.assert_money_and_visits(row)

    async def test_a_confirmed_visit_is_never_refunded_by_looking(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        for _ in CHECKS_AFTER:
            row = await world.reconcile(row, hours=24)
        assert not {"refund", "delete"} & set(world.tape.calls())

    async def test_a_payment_that_only_may_be_ours_is_for_a_person(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        world.books.uncertain_payment = "b1"
        row = await world.reconcile(row)
        assert row.attention == (AttentionReason.LATE_CHARGE_UNCERTAIN,)
        assert "refund" not in world.tape.calls()
        assert (await world.reconcile(row, hours=6)).resolved_ids == ("b1",)

    async def test_a_refund_that_did_not_stand_is_made_again(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        with pytest.raises(Refusal):
            await confirm(world, checkout)
        world.books.charges[0].refunded = False  # the bank sent it back
        row = await world.reconcile(checkout)
        assert world.books.charges[0].refunded
        assert row.state is S.REFUNDED

    async def test_a_late_refund_that_is_refused_is_for_a_person_and_not_tried_at_every_look(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        lands(world, row)
        world.books.fail("refund", UpstreamRefused("refund", "why"))
        row = await world.reconcile(row)
        assert (row.state, row.attention) == (S.EXPIRED, (AttentionReason.LATE_UNDO_FAILED,))
        assert world.database.claims == {}
        await world.reconcile(row, hours=6)
        assert world.tape.calls().count("refund") == 1

    async def test_a_late_refund_of_unknown_outcome_is_repeated_until_a_person_gets_it(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        lands(world, row)
        world.books.fail("refund", *[OutcomeUnknown("refund")] * MAX_TRIES)
        await world.reconcile(row)
        assert world.row(row).state in LATE
        row = await world.settle(row)
        assert (row.state, row.attention) == (S.EXPIRED, (AttentionReason.OUT_OF_TRIES,))

    async def test_while_a_late_charge_is_undone_its_patient_sees_how_it_ended(self) -> None:
        world = World()
        row = await expired_uncharged(world)
        lands(world, row)
        world.books.fail("refund", OutcomeUnknown("refund"))
        row = await world.reconcile(row)
        assert (row.state, row.stands) == (S.LATE_REFUND_INTENDED, S.EXPIRED)
        with pytest.raises(Refusal, match="over"):
            await confirm(world, row)


class TestVisits:
    async def test_a_late_visit_of_a_checkout_that_gave_up_is_deleted(self) -> None:
        world = World()
        checkout = await parked(world, "book", Lost())
        world.clock.advance(minutes=15)
        row = await world.settle(checkout)
        appears(world, row)
        row = await world.reconcile(row)
        assert world.books.live_appointments == []
        assert row.state is S.REFUNDED

    async def test_a_free_visit_that_appears_late_is_deleted_too(self) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE))
        world.books.fail("book", Lost())
        await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        world.clock.advance(minutes=15)
        row = await world.settle(checkout)
        appears(world, row)
        await world.reconcile(row)
        assert world.books.live_appointments == []

    async def test_of_two_visits_of_one_checkout_its_own_stays(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        appears(world, row)
        row = await world.reconcile(row)
        assert [visit.id for visit in world.books.live_appointments] == [row.appointment_id]
        world.assert_money_and_visits(row)

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": AppointmentStatus.COMPLETED},
            {"start": a_slot(hours=30).start},
        ],
        ids=["took-place", "moved"],
    )
    async def test_what_no_machine_should_delete_is_for_a_person_once(
        self, changes: dict[str, object]
    ) -> None:
        world = World()
        row = await confirm(world, await world.start())
        visit = appears(world, row, **changes)
        row = await world.reconcile(row)
        assert visit in world.books.live_appointments
        assert (row.attention, row.resolved_ids) == ((AttentionReason.LATE_VISIT,), (visit.id,))
        assert (await world.reconcile(row, hours=6)).resolved_ids == (visit.id,)

    async def test_a_visit_that_staff_booked_anew_is_left_alone(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        assert row.appointment_id is not None
        world.books.deleted.add(row.appointment_id)
        moved = appears(world, row, start=a_slot(hours=30).start)
        row = await world.reconcile(row)
        assert moved in world.books.live_appointments
        assert row.attention == ()

    async def test_a_cancelled_visit_is_no_finding(self) -> None:
        world = World()
        row = await confirm(world, await world.start())
        appears(world, row, status=AppointmentStatus.CANCELLED)
        row = await world.reconcile(row)
        assert row.attention == ()
        assert "delete" not in world.tape.calls()


async def _found_late(kind: str, kill_at: int) -> World:
    """A late charge or visit is found, and the process that undoes it is killed at that point; others go on."""
    world = World()
    world.books.plan_recurs = kind == "recurring"
    checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
    world.books.fail("charge" if kind == "recurring" else "book", Lost())
    await confirm(world, checkout)
    world.clock.advance(minutes=15)
    row = await world.settle(checkout)
    if kind == "recurring":
        lands(world, row)
    else:
        appears(world, row)
    world.tape.points, world.tape.kill_at = 0, kill_at or None
    with contextlib.suppress(Killed):
        await world.reconcile(row)
    await world.settle(row)
    await world.reconcile(row)
    return world


@pytest.mark.parametrize("kind", ["recurring", "visit"])
async def test_a_late_finding_is_undone_wherever_the_process_is_killed(kind: str) -> None:
    for kill_at in itertools.count():
        world = await _found_late(kind, kill_at)
        (row,) = world.database.rows.values()
        assert row.state in {S.EXPIRED, S.REFUNDED}, kill_at
        assert row.late is None
        world.assert_right(row)
        if kill_at and "killed" not in world.tape.events:
            break
    assert kill_at > 8
