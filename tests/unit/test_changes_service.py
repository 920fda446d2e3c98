"""Cancelling and moving a booked visit, from the accepted quote to the end: what is done, for whom, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.changes.access import OwnVisit, VisitAccess
from booking.changes.model import ActionKind, ActionState, ChangeEndReason, ChangeState
from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.errors import InvalidInput, NotFound
from booking.models import AppointmentStatus
from booking.money import Money
from booking.operations.model import HistoryKind
from booking.principals import Caller, guest_of
from booking.refusals import HoldExpired, HoldInCheckout, SlotTaken
from booking.refusals.changes import (
    CancellationNotAllowed,
    CancellationQuoteChanged,
    CancellationReasonRequired,
    ChangeInProgress,
    NotAllowedReason,
    RescheduleNotAllowed,
    RescheduleQuoteChanged,
    SlotDoesNotFit,
)
from tests.doubles.booking_world import FREE, MONTHLY, STRANGER, a_slot, as_guest
from tests.doubles.change_upstream import RULES
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld

LATER = a_slot(hours=48)
WITH_C2 = a_slot(clinician="c2", hours=48)
PAID = Money.of("150", "USD")
FEE = Money.of("25", "USD")


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


class TestCancelling:
    async def test_the_visit_is_cancelled_and_the_payment_given_back_in_full(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        change = await world.cancel(checkout)
        assert change.state is ChangeState.DONE
        assert world.visit(checkout).status is AppointmentStatus.CANCELLED
        assert world.changes.sent_back == [PAID]
        assert world.changes.statuses == {checkout.appointment_id: ["Cancelled"]}

    async def test_the_visit_is_cancelled_before_anything_is_given_back(self) -> None:
        world = ChangeWorld()
        await world.cancel(await world.booked())
        calls = world.tape.calls()
        assert calls.index("cancel_visit") < calls.index("refund_part")

    async def test_only_the_share_of_the_policy_is_given_back(self) -> None:
        half = RefundTier(notice=timedelta(), percent=50)
        world = ChangeWorld(ChangePolicy(refunds=(half,)))
        await world.cancel(await world.booked())
        assert world.changes.sent_back == [usd("75")]

    async def test_what_the_practice_gave_back_before_is_not_given_back_again(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        assert checkout.charge is not None
        world.changes.refunds[checkout.charge.billing_item_id] = usd("60")
        await world.cancel(checkout)
        assert world.changes.sent_back == [usd("90")]

    async def test_a_fee_is_charged_to_the_card_that_paid(self) -> None:
        world = ChangeWorld(ChangePolicy(charge_late_fee=True, late_notice=timedelta(hours=48)))
        world.changes.rules = replace(RULES, late_cancellation_fee=FEE)
        change = await world.cancel(await world.booked())
        assert [amount for _, amount in world.changes.fees] == [FEE]
        assert change.state is ChangeState.DONE
        assert world.changes.statuses[change.visit_id] == ["Cancelled"]

    async def test_where_the_practice_charges_the_fee_the_status_does_and_no_charge_of_ours(self) -> None:
        world = ChangeWorld(ChangePolicy(charge_late_fee=True, late_notice=timedelta(hours=48)))
        world.changes.rules = replace(RULES, late_cancellation_fee=FEE, practice_charges_late_fee=True)
        change = await world.cancel(await world.booked())
        assert world.changes.fees == []
        assert world.changes.statuses[change.visit_id] == ["Late Cancellation"]

    async def test_a_plan_given_back_in_money_is_stopped_before_it_is_refunded(self) -> None:
        world = ChangeWorld(ChangePolicy(plan_visits=PlanVisitTreatment.MONEY))
        world.books.plan_recurs = True
        change = await world.cancel(await world.booked(plan_id=MONTHLY.id))
        kinds = [action.kind for action in change.actions]
        assert kinds == [ActionKind.CANCEL_VISIT, ActionKind.STOP_RECURRING, ActionKind.REFUND]
        assert not world.books.charges[0].recurring
        assert change.state is ChangeState.DONE

    async def test_a_credit_that_the_quote_promised_is_read_in_the_ledger(self) -> None:
        world = ChangeWorld()
        world.changes.rules = replace(RULES, restores_credit=True)
        world.changes.credit_used = True
        change = await world.cancel(await world.booked(plan_id="once"))
        assert [action.kind for action in change.actions] == [ActionKind.CANCEL_VISIT, ActionKind.READ_CREDIT]
        assert world.changes.sent_back == []
        assert change.state is ChangeState.DONE

    async def test_a_visit_that_the_practice_booked_is_cancelled_without_money(self) -> None:
        world = ChangeWorld()
        visit = world.visit_of_practice(a_slot(), patient_id="p-other")
        quote = await world.service.cancellation_quote(FOREIGN, visit.id)
        change = await world.service.cancel(FOREIGN, quote_id=quote.id, reason=None, reason_id=None)
        assert (change.state, change.checkout_id) == (ChangeState.DONE, None)
        assert [action.kind for action in change.actions] == [ActionKind.CANCEL_VISIT]

    async def test_the_patients_words_are_gone_at_the_end(self) -> None:
        world = ChangeWorld()
        await world.cancel(await world.booked(), reason="sample words")
        assert world.row().reason is None

    async def test_every_visit_that_was_changed_is_read_again(self) -> None:
        world = ChangeWorld()
        change = await world.cancel(await world.booked())
        assert world.database.refreshes == [change.appointment_id]

    async def test_the_same_quote_accepted_again_does_nothing_twice(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(caller, visit)
        first = await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        again = await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        assert again.id == first.id
        assert world.tape.calls().count("cancel_visit") == 1

    @pytest.mark.parametrize("changes_too", [True, False])
    async def test_accepting_while_the_same_quote_is_carried_out_elsewhere_joins_that(
        self, monkeypatch: pytest.MonkeyPatch, *, changes_too: bool
    ) -> None:
        """The second request reads the visit, or only its changes, before the first one begins, and goes on after its end."""
        world = ChangeWorld(ChangePolicy(refunds=()))  # a refund would show in the second one's quote
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(caller, visit)
        read = VisitAccess.get
        before = await read(world.access, caller, visit)
        first = await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        after = await read(world.access, caller, visit)
        stale = iter([before if changes_too else replace(after, latest=None)])

        async def get(access: VisitAccess, caller: Caller, appointment_id: str) -> OwnVisit:
            return next(stale, None) or await read(access, caller, appointment_id)

        monkeypatch.setattr(VisitAccess, "get", get)
        second = await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        assert (second.id, second.state) == (first.id, ChangeState.DONE)
        assert len(world.database.changes) == 1
        assert world.tape.calls().count("cancel_visit") == 1

    async def test_moving_while_the_same_quote_is_carried_out_elsewhere_joins_that(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.reschedule_quote(caller, visit)
        hold = await world.hold(caller, a_slot(hours=48))
        read = VisitAccess.get
        stale = iter([await read(world.access, caller, visit)])
        first = await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)

        async def get(access: VisitAccess, caller: Caller, appointment_id: str) -> OwnVisit:
            return next(stale, None) or await read(access, caller, appointment_id)

        monkeypatch.setattr(VisitAccess, "get", get)
        second = await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        assert (second.id, second.state) == (first.id, ChangeState.DONE)
        assert world.tape.calls().count("move_visit") == 1

    async def test_a_quote_that_changed_in_between_is_answered_with_the_present_one(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(caller, visit)
        world.policy = ChangePolicy(refunds=(RefundTier(notice=timedelta(hours=48), percent=100),))
        service = world.a_service(world.driver)
        with pytest.raises(CancellationQuoteChanged) as refusal:
            await service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        assert refusal.value.quote.refund is None
        assert world.database.changes == {}
        assert "cancel_visit" not in world.tape.calls()

    async def test_a_reason_is_asked_for_where_the_practice_wants_one(self) -> None:
        world = ChangeWorld()
        world.changes.rules = replace(RULES, reason_required=True)
        checkout = await world.booked()
        for reason in (None, "  "):
            with pytest.raises(CancellationReasonRequired):
                await world.cancel(checkout, reason=reason)
        assert (await world.cancel(checkout, reason_id="r1")).state is ChangeState.DONE

    async def test_a_reason_that_is_not_of_the_practices_list_is_the_callers_mistake(self) -> None:
        world = ChangeWorld()
        with pytest.raises(InvalidInput, match="reasonId"):
            await world.cancel(await world.booked(), reason_id="made-up")

    async def test_what_the_practice_does_not_let_patients_cancel_changes_nothing(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller, visit = as_guest(checkout), checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(caller, visit)
        world.changes.rules = replace(RULES, may_cancel=False)
        with pytest.raises(CancellationNotAllowed):
            await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        assert "cancel_visit" not in world.tape.calls()


class TestMoving:
    async def test_the_visit_is_moved_into_the_held_slot_and_nothing_is_paid(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        change = await world.move(checkout, LATER)
        assert change.state is ChangeState.DONE
        assert world.visit(checkout).start == LATER.start
        assert len(world.books.charges) == 1
        assert world.changes.sent_back == []

    async def test_the_new_slot_is_claimed_while_the_visit_is_moved_and_free_after(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        claimed: list[object] = []

        async def look() -> None:
            claimed.extend(world.database.claims.values())

        world.books.during["move_visit"] = look
        await world.move(checkout, LATER)
        assert claimed == [LATER]
        assert world.database.claims == {}
        assert world.holds_left() == []

    async def test_nobody_else_uses_the_hold_while_the_visit_is_moved(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        hold_id = []

        async def release() -> None:
            hold_id.append(world.row().hold_id)
            with pytest.raises(HoldExpired):
                await world.world.hold_service.release(as_guest(checkout), str(hold_id[0]))

        world.books.during["move_visit"] = release
        await world.move(checkout, LATER)
        assert hold_id

    async def test_without_a_live_hold_of_ones_own_nothing_is_moved(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller = as_guest(checkout)
        quote = await world.service.reschedule_quote(caller, checkout.appointment_id or "")
        gone = await world.hold(caller, LATER)
        world.clock.advance(minutes=6)
        foreign = await world.hold(STRANGER, a_slot(hours=49))
        for hold_id in (gone.id, foreign.id, "made-up"):
            with pytest.raises(HoldExpired):
                await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold_id)
        assert world.database.changes == {}
        assert world.database.claims == {}

    async def test_a_hold_in_a_checkout_is_not_used_to_move_a_visit(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller = Caller(principal=guest_of(checkout.id), visitor=STRANGER.principal)
        quote = await world.service.reschedule_quote(caller, checkout.appointment_id or "")
        started = await world.world.start(STRANGER, LATER)
        hold = await world.world.holds.get(started.hold_id)
        assert hold is not None
        await world.world.holds.transfer(hold, owner=STRANGER.principal.key)
        with pytest.raises(HoldInCheckout):
            await world.service.reschedule(caller, quote_id=quote.id, hold_id=started.hold_id)
        assert world.database.changes == {}

    async def test_a_slot_that_somebody_has_claimed_is_taken_and_nothing_is_written(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.database.claims["chk_other"] = LATER
        with pytest.raises(SlotTaken):
            await world.move(checkout, LATER)
        assert world.database.changes == {}
        assert world.database.change_events == []
        assert "move_visit" not in world.tape.calls()

    @pytest.mark.parametrize("slot", [a_slot(FREE, hours=48), replace(LATER, minutes=60), WITH_C2, a_slot()])
    async def test_a_slot_of_another_kind_does_not_fit(self, slot: object) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        with pytest.raises(SlotDoesNotFit):
            await world.move(checkout, slot)  # type: ignore[arg-type]
        assert world.database.changes == {}

    async def test_a_quote_of_a_visit_that_the_practice_has_moved_is_answered_with_the_present_one(
        self,
    ) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller = as_guest(checkout)
        quote = await world.service.reschedule_quote(caller, checkout.appointment_id or "")
        world.changes.by_practice(checkout.appointment_id or "", start=a_slot(hours=30).start)
        hold = await world.hold(caller, LATER)
        with pytest.raises(RescheduleQuoteChanged):
            await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        assert world.visit(checkout).start == a_slot(hours=30).start

    async def test_a_visit_that_was_moved_as_often_as_it_may_be_stays(self) -> None:
        world = ChangeWorld(ChangePolicy(most_reschedules=0))
        checkout = await world.booked()
        with pytest.raises(RescheduleNotAllowed):
            await world.move(checkout, LATER)

    async def test_its_patients_own_moves_count_though_the_practices_system_counts_none(self) -> None:
        world = ChangeWorld(ChangePolicy(most_reschedules=1))
        checkout = await world.booked()
        await world.move(checkout, LATER)
        with pytest.raises(RescheduleNotAllowed) as refusal:
            await world.move(checkout, a_slot(hours=50))
        assert refusal.value.reason is NotAllowedReason.MOVED_TOO_OFTEN

    async def test_what_staff_have_moved_does_not_count(self) -> None:
        world = ChangeWorld(ChangePolicy(most_reschedules=1))
        checkout = await world.booked()
        quote = await world.service.reschedule_quote(STAFF, checkout.appointment_id or "")
        hold = await world.hold(STAFF, LATER)
        await world.service.reschedule(STAFF, quote_id=quote.id, hold_id=hold.id, note="sample note")
        assert (await world.move(checkout, a_slot(hours=50))).state is ChangeState.DONE

    async def test_a_new_visit_with_another_clinician_goes_on_counting(self) -> None:
        world = ChangeWorld(ChangePolicy(most_reschedules=1, other_clinicians=True))
        checkout = await world.booked()
        moved = await world.move(checkout, WITH_C2)
        with pytest.raises(RescheduleNotAllowed):
            await world.service.reschedule_quote(as_guest(checkout), moved.new_appointment_id or "")

    async def test_a_guest_has_the_moved_visit_until_it_is_over(self) -> None:
        world = ChangeWorld(ChangePolicy(other_clinicians=True))
        checkout = await world.booked()
        moved = await world.move(checkout, replace(WITH_C2, start=WITH_C2.start + timedelta(hours=48)))
        world.clock.advance(hours=90)
        quote = await world.service.cancellation_quote(as_guest(checkout), moved.new_appointment_id or "")
        assert quote.refund == PAID
        world.clock.advance(hours=10)
        with pytest.raises(NotFound):
            await world.service.cancellation_quote(as_guest(checkout), moved.new_appointment_id or "")

    async def test_the_same_quote_and_hold_accepted_again_move_it_once(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        caller = as_guest(checkout)
        quote = await world.service.reschedule_quote(caller, checkout.appointment_id or "")
        hold = await world.hold(caller, LATER)
        first = await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        again = await world.service.reschedule(caller, quote_id=quote.id, hold_id=hold.id)
        assert (again.id, again.state) == (first.id, ChangeState.DONE)
        assert world.tape.calls().count("move_visit") == 1


class TestAnotherClinician:
    async def test_a_new_visit_is_booked_and_then_the_old_one_cancelled(self) -> None:
        world = ChangeWorld(ChangePolicy(other_clinicians=True))
        checkout = await world.booked()
        change = await world.move(checkout, WITH_C2)
        assert change.state is ChangeState.DONE
        new = world.changes.visit(change.new_appointment_id or "")
        assert new is not None
        assert (new.clinician_id, new.start, new.patient_id) == ("c2", WITH_C2.start, checkout.patient_id)
        assert world.visit(checkout).status is AppointmentStatus.CANCELLED
        assert world.changes.sent_back == []
        assert len(world.books.charges) == 1

    async def test_what_was_paid_for_the_old_visit_is_given_back_when_the_new_one_is_cancelled(self) -> None:
        world = ChangeWorld(ChangePolicy(other_clinicians=True))
        checkout = await world.booked()
        moved = await world.move(checkout, WITH_C2)
        caller = as_guest(checkout)
        quote = await world.service.cancellation_quote(caller, moved.new_appointment_id or "")
        assert quote.refund == PAID
        await world.service.cancel(caller, quote_id=quote.id, reason=None, reason_id=None)
        assert world.changes.sent_back == [PAID]

    async def test_a_visit_read_back_under_another_name_is_deleted_and_the_old_one_stays(self) -> None:
        world = ChangeWorld(ChangePolicy(other_clinicians=True))
        checkout = await world.booked()
        world.changes.booked_provider = "c1"
        with pytest.raises(Exception, match="cannot be booked"):
            await world.move(checkout, WITH_C2)
        row = world.row()
        assert (row.state, row.end_reason) == (ChangeState.REFUSED, ChangeEndReason.PROVIDER_MISMATCH)
        assert [action.state for action in row.actions] == [ActionState.UNDONE, ActionState.PENDING]
        assert world.changes.visit(row.new_appointment_id or "") is None
        assert world.visit(checkout).status is AppointmentStatus.BOOKED
        assert set(world.database.blocks) == {"c2"}
        assert "provider_mismatch:" + row.id in world.database.alerts


class TestWhoMay:
    async def test_a_foreign_visit_and_a_missing_one_answer_alike(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        for caller in (FOREIGN, STRANGER, Caller(principal=guest_of("chk_other"))):
            for visit in (checkout.appointment_id or "", "a-missing"):
                with pytest.raises(NotFound, match="appointment not found"):
                    await world.service.cancellation_quote(caller, visit)

    async def test_a_foreign_quote_is_not_accepted(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        quote = await world.service.cancellation_quote(as_guest(checkout), checkout.appointment_id or "")
        with pytest.raises(NotFound):
            await world.service.cancel(FOREIGN, quote_id=quote.id, reason=None, reason_id=None)
        assert "cancel_visit" not in world.tape.calls()

    async def test_a_guest_has_no_visit_but_that_of_their_checkout(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        other = world.visit_of_practice(a_slot(hours=72), patient_id=checkout.patient_id or "")
        calls = world.tape.calls()
        with pytest.raises(NotFound):
            await world.service.cancellation_quote(as_guest(checkout), other.id)
        assert world.tape.calls() == calls

    async def test_a_guest_whose_visit_is_another_patients_by_now_has_it_no_more(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.changes.by_practice(checkout.appointment_id or "", patient_id="p-merged")
        with pytest.raises(NotFound):
            await world.service.cancellation_quote(as_guest(checkout), checkout.appointment_id or "")

    async def test_a_change_is_shown_to_whom_its_visit_belongs(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        change = await world.cancel(checkout)
        for caller in (as_guest(checkout), STAFF):
            assert await world.service.view(caller, change.id) == world.row()
        for caller in (FOREIGN, STRANGER):
            assert await world.service.view(caller, change.id) is None
        assert await world.service.view(STAFF, "chg_missing") is None

    async def test_staff_set_the_policy_aside_with_a_note_that_is_kept_on_the_row_alone(self) -> None:
        world = ChangeWorld(ChangePolicy(refunds=()))
        world.changes.rules = replace(RULES, may_cancel=False)
        checkout = await world.booked()
        visit = checkout.appointment_id or ""
        quote = await world.service.cancellation_quote(STAFF, visit)
        with pytest.raises(InvalidInput, match="note"):
            await world.service.cancel(STAFF, quote_id=quote.id, reason=None, reason_id=None)
        await world.service.cancel(
            STAFF, quote_id=quote.id, reason=None, reason_id=None, note="sample goodwill"
        )
        row = world.row()
        assert (row.by_staff, row.owner, row.note) == (True, "staff:s-sample", "sample goodwill")
        assert world.changes.sent_back == [PAID]
        requested = world.database.change_events[0]
        assert (requested.kind, requested.by, requested.note) == (
            HistoryKind.REQUESTED,
            "staff",
            None,
        )

    async def test_a_note_is_for_staff(self) -> None:
        world = ChangeWorld()
        with pytest.raises(InvalidInput, match="note"):
            await world.cancel(await world.booked(), note="sample")

    async def test_a_patient_cannot_accept_what_staff_were_quoted(self) -> None:
        world = ChangeWorld(ChangePolicy(refunds=()))
        checkout = await world.booked()
        quote = await world.service.cancellation_quote(STAFF, checkout.appointment_id or "")
        with pytest.raises(CancellationQuoteChanged):
            await world.service.cancel(as_guest(checkout), quote_id=quote.id, reason=None, reason_id=None)


class TestOneAtATime:
    async def test_a_visit_whose_checkout_has_not_ended_is_not_changed(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        row = world.world.row(checkout)
        world.database.checks_claims = False
        world.world.put(row.changed(state="booked", appointment_id=None, ended_at=None))
        with pytest.raises(ChangeInProgress):
            await world.service.cancellation_quote(STAFF, checkout.appointment_id or "")
