"""Who meets whom: two drivers on one row, a cancellation and a move of one visit, the practice's own change, other claims."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.changes.model import ActionKind as A
from booking.changes.model import ActionState, ChangeEndReason, ChangeState
from booking.checkout.timing import LEASE, STEP_BUDGET
from booking.models import AppointmentStatus
from booking.operations.model import AttentionReason, ClinicianBlock
from booking.refusals import ClinicianNotBookable, SlotTaken
from booking.refusals.changes import (
    CancellationNotAllowed,
    ChangedByPractice,
    ChangeInProgress,
    RescheduleNotAllowed,
)
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import a_slot, as_guest
from tests.doubles.change_scenes import LATER, Scene
from tests.doubles.change_world import ChangeWorld


class TestTwoDrivers:
    @pytest.mark.parametrize(
        ("kind", "call"),
        [
            (A.MOVE_VISIT, "move_visit"),
            (A.BOOK_VISIT, "book_visit"),
            (A.CANCEL_VISIT, "cancel_visit"),
            (A.STOP_RECURRING, "stop_recurring"),
            (A.REFUND, "refund_part"),
            (A.CHARGE_FEE, "charge_fee"),
            (A.READ_CREDIT, "read_credit"),
        ],
    )
    async def test_of_two_drivers_that_take_a_row_up_at_once_one_carries_it_out(
        self, kind: A, call: str
    ) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(call, AnswerLost())
        await scene.accept(checkout)
        scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
        first, second = scene.world.a_driver(), scene.world.a_driver()
        await asyncio.gather(*(one.resume(scene.world.row().id) for one in (first, second)))
        scene.assert_done_once(checkout, await scene.world.settle())

    async def test_a_stale_driver_leaves_the_row_as_the_other_wrote_it(self) -> None:
        scene = Scene(A.REFUND)
        checkout = await scene.booked()
        by_the_other = []

        async def overtaken() -> None:
            scene.world.clock.advance(seconds=LEASE.total_seconds() + 1)
            await scene.world.a_driver().resume(scene.world.row().id)
            by_the_other.append(scene.world.row())

        scene.world.books.during["cancel_visit"] = overtaken
        await scene.accept(checkout)
        assert by_the_other == [scene.world.row()]
        scene.assert_done_once(checkout, scene.world.row())

    async def test_two_requests_for_the_same_quote_are_one_change(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(caller, visit)
        other = world.a_service(world.a_driver())
        both = await asyncio.gather(
            *(
                service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
                for service in (world.service, other)
            )
        )
        assert {change.id for change in both} == {world.row().id}
        assert [change.state for change in both] == [ChangeState.DONE, ChangeState.DONE]
        assert world.tape.calls().count("cancel_visit") == 1


class TestCancellingAgainstMoving:
    @pytest.mark.parametrize("first", ["cancel", "move"])
    async def test_the_second_change_of_a_visit_waits_for_the_first(self, first: str) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        cancelling = await world.service.cancellation_quote(caller, visit)
        moving = await world.service.reschedule_quote(caller, visit)
        hold = await world.hold(caller, LATER)
        other = world.a_service(world.a_driver())
        refused = []

        async def meanwhile() -> None:
            try:
                if first == "move":
                    await other.cancel(caller, quote_id=cancelling.id, reason=None, reason_id=None)
                else:
                    await other.reschedule(caller, quote_id=moving.id, hold_id=hold.id)
            except ChangeInProgress as refusal:
                refused.append(refusal)

        world.books.during["cancel_visit" if first == "cancel" else "move_visit"] = meanwhile
        if first == "cancel":
            await world.service.cancel(caller, quote_id=cancelling.id, reason=None, reason_id=None)
        else:
            await world.service.reschedule(caller, quote_id=moving.id, hold_id=hold.id)
        assert len(refused) == 1
        assert len(world.database.changes) == 1
        assert len(world.changes.statuses[visit]) == 1

    async def test_of_both_at_once_one_is_done(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        cancelling = await world.service.cancellation_quote(caller, visit)
        moving = await world.service.reschedule_quote(caller, visit)
        hold = await world.hold(caller, LATER)
        other = world.a_service(world.a_driver())
        outcomes = await asyncio.gather(
            world.service.cancel(caller, quote_id=cancelling.id, reason=None, reason_id=None),
            other.reschedule(caller, quote_id=moving.id, hold_id=hold.id),
            return_exceptions=True,
        )
        assert len([one for one in outcomes if not isinstance(one, ChangeInProgress)]) == 1
        assert len(world.changes.statuses[visit]) == 1

    async def test_a_cancelled_visit_is_not_moved_and_not_cancelled_again_on_another_quote(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        await world.cancel(checkout)
        with pytest.raises(CancellationNotAllowed):
            await world.cancel(checkout)
        with pytest.raises(RescheduleNotAllowed):
            await world.move(checkout, LATER)


class TestThePractice:
    @pytest.mark.parametrize("kind", [A.MOVE_VISIT, A.BOOK_VISIT, A.CANCEL_VISIT])
    @pytest.mark.parametrize(
        "theirs",
        [
            {"start": a_slot(hours=30).start},
            {"clinician_id": "c2"},
            {"minutes": 45},
            {"status": AppointmentStatus.CANCELLED},
            {"status": AppointmentStatus.NO_SHOW},
        ],
    )
    async def test_its_change_in_the_meantime_wins_and_nothing_else_is_done(
        self, kind: A, theirs: dict[str, object]
    ) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()

        async def meanwhile() -> None:
            scene.world.changes.by_practice(checkout.appointment_id or "", **theirs)

        scene.world.books.during["stands"] = meanwhile
        with pytest.raises(ChangedByPractice):
            await scene.accept(checkout)
        row = scene.world.row()
        assert (row.state, row.end_reason) == (
            ChangeState.SUPERSEDED,
            ChangeEndReason.CHANGED_BY_PRACTICE,
        )
        assert scene.world.changes.statuses == {}
        assert scene.world.changes.sent_back == []
        assert len(scene.world.books.live_appointments) == 1
        assert scene.world.database.claims == {}

    @pytest.mark.parametrize("kind", [A.MOVE_VISIT, A.BOOK_VISIT, A.CANCEL_VISIT])
    async def test_it_wins_while_a_call_that_did_not_land_is_waited_for(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        call = {A.MOVE_VISIT: "move_visit", A.BOOK_VISIT: "book_visit"}.get(kind, "cancel_visit")
        scene.world.books.fail(call, Lost())
        await scene.accept(checkout)
        scene.world.changes.by_practice(checkout.appointment_id or "", start=a_slot(hours=30).start)
        row = await scene.world.settle()
        assert row.state is ChangeState.SUPERSEDED
        assert scene.world.tape.calls().count(call) == 1
        assert scene.world.visit(checkout).start == a_slot(hours=30).start

    async def test_a_deleted_visit_is_changed_by_the_practice_too(self) -> None:
        scene = Scene(A.CANCEL_VISIT)
        checkout = await scene.booked()

        async def meanwhile() -> None:
            scene.world.books.deleted.add(checkout.appointment_id or "")

        scene.world.books.during["stands"] = meanwhile
        with pytest.raises(ChangedByPractice):
            await scene.accept(checkout)

    @pytest.mark.parametrize(
        "theirs", [{"start": a_slot(hours=30).start}, {"status": AppointmentStatus.CANCELLED}]
    )
    async def test_after_the_new_visit_was_booked_its_change_of_the_old_one_takes_that_back(
        self, theirs: dict[str, object]
    ) -> None:
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()

        async def meanwhile() -> None:
            scene.world.changes.by_practice(checkout.appointment_id or "", **theirs)

        scene.world.books.during["book_visit"] = meanwhile
        with pytest.raises(ChangedByPractice):
            await scene.accept(checkout)
        row = scene.world.row()
        assert [action.state for action in row.actions] == [ActionState.UNDONE, ActionState.INTENDED]
        assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]


class TestOtherClaims:
    async def test_of_two_patients_who_move_into_one_slot_one_gets_it(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        theirs = world.visit_of_practice(a_slot(hours=72), patient_id="p-sample")
        caller = as_guest(checkout)
        quote = await world.service.reschedule_quote(caller, checkout.appointment_id or "")
        hold = await world.hold(caller, LATER)
        world.database.claims["chg_other"] = replace(LATER, start=LATER.start + timedelta(minutes=15))
        with pytest.raises(SlotTaken):
            await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        assert world.visit(checkout).start == a_slot().start
        assert world.changes.visit(theirs.id) == theirs

    async def test_a_checkout_cannot_take_the_slot_while_a_visit_moves_into_it(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        taken = []

        async def meanwhile() -> None:
            unit = world.database()
            async with unit:
                try:
                    await unit.claims.take(replace(world.world.row(checkout), id="chk_other", slot=LATER))
                except SlotTaken:
                    taken.append(True)

        world.books.during["move_visit"] = meanwhile
        await world.move(checkout, LATER)
        assert taken == [True]

    async def test_a_hold_that_is_gone_after_acceptance_does_not_matter_for_the_slot_is_claimed(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()

        async def meanwhile() -> None:
            world.world.holds.emptied()

        world.books.during["stands"] = meanwhile
        assert (await world.move(checkout, LATER)).state is ChangeState.DONE

    async def test_a_blocked_clinician_is_not_moved_to(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.database.blocks["c1"] = ClinicianBlock(
            clinician_id="c1",
            reason=AttentionReason.PROVIDER_MISMATCH,
            checkout_id="chk_other",
            blocked_at=world.clock.now(),
        )
        with pytest.raises(ClinicianNotBookable):
            await world.move(checkout, LATER)
        assert "move_visit" not in world.tape.calls()

    async def test_without_the_clinicians_own_key_a_visit_is_cancelled_and_not_moved(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.world.keys.refused.add("c1")
        with pytest.raises(ClinicianNotBookable):
            await world.move(checkout, LATER)
        assert "move_visit" not in world.tape.calls()
        assert (await world.cancel(checkout)).state is ChangeState.DONE


class TestTime:
    async def test_a_lease_that_does_not_last_for_a_send_is_renewed_before_it(self) -> None:
        scene = Scene(A.CANCEL_VISIT)
        checkout = await scene.booked()
        left: list[timedelta] = []

        async def slow() -> None:
            scene.world.clock.advance(seconds=(LEASE - STEP_BUDGET).total_seconds() + 1)

        async def sent() -> None:
            until = scene.world.row().lease_until
            assert until is not None
            left.append(until - scene.world.clock.now())

        scene.world.books.during["stands"] = slow
        scene.world.books.during["cancel_visit"] = sent
        scene.assert_done_once(checkout, await scene.accept(checkout))
        assert left == [LEASE]

    @pytest.mark.parametrize("kind", [A.MOVE_VISIT, A.BOOK_VISIT, A.CANCEL_VISIT])
    async def test_a_visit_that_has_begun_meanwhile_is_left_alone(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        call = {A.MOVE_VISIT: "move_visit", A.BOOK_VISIT: "book_visit"}.get(kind, "cancel_visit")
        scene.world.books.fail(call, Lost())
        await scene.accept(checkout)
        scene.world.clock.advance(hours=24)
        row = await scene.world.settle()
        assert (row.state, row.end_reason) == (ChangeState.REFUSED, ChangeEndReason.TOO_LATE)
        assert scene.world.tape.calls().count(call) == 1

    async def test_what_landed_before_it_began_is_finished(self) -> None:
        scene = Scene(A.REFUND)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", AnswerLost())
        await scene.accept(checkout)
        scene.world.clock.advance(hours=25)
        scene.assert_done_once(checkout, await scene.world.settle())

    async def test_an_answer_does_not_wait_for_a_call_that_hangs(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        goes_on = asyncio.Event()
        world.books.during["cancel_visit"] = goes_on.wait  # type: ignore[assignment]
        change = await world.cancel(checkout)
        assert change.state is ChangeState.OPEN
        goes_on.set()
        await world.accepted.aclose()
        assert world.row().state is ChangeState.DONE
