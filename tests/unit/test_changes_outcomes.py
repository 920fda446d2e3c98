"""Every action of a change with each outcome: done, refused, unknown and unavailable; first, and after others were done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.changes.model import ActionKind as A
from booking.changes.model import ActionState, ChangeEndReason, ChangeState
from booking.checkout.timing import MAX_TRIES, SETTLE
from booking.errors import UpstreamRefused, UpstreamUnavailable
from booking.models import AppointmentStatus
from booking.money import Money
from booking.operations.model import AttentionReason, HistoryKind
from booking.refusals import CardDeclined, ClinicianNotBookable, DeclineReason, SlotTaken
from booking.refusals.changes import ChangedByPractice, ChangeFailed
from tests.doubles.booking_upstream import OTHER_INVOICE, AnswerLost, Lost
from tests.doubles.booking_world import a_slot
from tests.doubles.change_scenes import Scene
from tests.doubles.change_world import ChangeWorld

REFUSED = UpstreamRefused("sample", "refused")

# Each action: the call that does it, and the look that finds what became of it (None: it is idempotent, and not looked for).
CALLS: dict[A, tuple[str, str | None]] = {
    A.MOVE_VISIT: ("move_visit", "stands"),
    A.BOOK_VISIT: ("book_visit", "find_booked"),
    A.CANCEL_VISIT: ("cancel_visit", "stands"),
    A.STOP_RECURRING: ("stop_recurring", None),
    A.REFUND: ("refund_part", None),
    A.CHARGE_FEE: ("charge_fee", "find_fee"),
    A.READ_CREDIT: ("read_credit", None),
}


# Tried in test_changes_membership_pauses.py: no visit has them.
ELSEWHERE = {A.PAUSE_RECURRING, A.RESUME_RECURRING}
EVERY = pytest.mark.parametrize("kind", list(CALLS))


class TestDone:
    @EVERY
    async def test_it_is_done_once(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        await scene.accept(checkout)
        assert scene.world.row().action(kind) is not None
        scene.assert_done_once(checkout, scene.world.row())

    def test_every_action_is_tried_here(self) -> None:
        assert set(CALLS) | ELSEWHERE == set(A)


class TestUnknown:
    @EVERY
    @pytest.mark.parametrize("fault", [Lost, AnswerLost])
    async def test_it_is_found_out_and_done_once(self, kind: A, fault: type[Exception]) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], fault())
        parked = await scene.accept(checkout)
        assert (parked.state, parked.lease_owner) == (ChangeState.OPEN, None)
        scene.assert_done_once(checkout, await scene.world.settle())

    @pytest.mark.parametrize("kind", [kind for kind, (_, look) in CALLS.items() if look is not None])
    async def test_what_landed_is_not_sent_again(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], AnswerLost())
        await scene.accept(checkout)
        await scene.world.settle()
        assert scene.world.tape.calls().count(CALLS[kind][0]) == 1

    async def test_a_visit_at_the_new_time_but_at_its_old_place_was_not_moved(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.changes.by_practice("a1", location_id="old-place")
        slot = replace(a_slot(hours=48), location_id="new-place")

        async def half() -> None:  # upstream ignores the place, which reading it back shows
            world.changes.by_practice("a1", start=slot.start)

        world.books.during["move_visit"] = half
        world.books.fail("move_visit", Lost())
        parked = await world.move(checkout, slot)
        assert parked.state is ChangeState.OPEN
        row = await world.settle()
        assert (row.state, row.attention) == (ChangeState.NEEDS_ATTENTION, (AttentionReason.OUT_OF_TRIES,))

    async def test_a_move_to_another_place_alone_that_got_lost_is_sent_again(self) -> None:
        world = ChangeWorld()
        checkout = await world.booked()
        world.changes.by_practice("a1", location_id="old-place", contact_type=ContactType.IN_PERSON)
        world.clock.advance(hours=1)
        slot = replace(a_slot(hours=24), location_id="new-place", contact_type=ContactType.IN_PERSON)
        world.books.fail("move_visit", Lost())
        await world.move(checkout, slot)
        assert (await world.settle()).state is ChangeState.DONE
        assert world.visit(checkout).location_id == "new-place"

    @EVERY
    async def test_nobody_looks_or_sends_before_what_was_sent_has_settled(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], Lost())
        parked = await scene.accept(checkout)
        calls = scene.world.tape.calls()
        scene.world.clock.advance(seconds=SETTLE.total_seconds() - 1)
        await scene.world.a_driver().resume(parked.id)
        assert scene.world.tape.calls() == calls

    @EVERY
    async def test_a_row_taken_up_too_early_is_left_alone(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], Lost())
        parked = await scene.accept(checkout)
        calls = scene.world.tape.calls()
        scene.world.database.changes[parked.id] = scene.world.row().changed(due_at=scene.world.clock.now())
        await scene.world.a_driver().resume(parked.id)
        assert scene.world.tape.calls() == calls

    @pytest.mark.parametrize("kind", [kind for kind, (_, look) in CALLS.items() if look is not None])
    async def test_a_look_that_fails_is_no_proof_that_nothing_landed(self, kind: A) -> None:
        scene = Scene(kind)
        call, look = CALLS[kind]
        checkout = await scene.booked()
        scene.world.books.fail(call, AnswerLost())
        await scene.accept(checkout)
        scene.world.books.fail(str(look), UpstreamUnavailable("look"))
        scene.assert_done_once(checkout, await scene.world.settle())

    @EVERY
    async def test_what_stays_unknown_is_for_a_person_in_the_end(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], *[Lost()] * MAX_TRIES)
        scene.world.books.appointments[0] = replace(
            scene.world.books.appointments[0], start=scene.world.clock.now() + timedelta(hours=24)
        )
        await scene.accept(checkout)
        row = await scene.world.settle()
        assert row.state is ChangeState.NEEDS_ATTENTION
        assert row.attention == (AttentionReason.OUT_OF_TRIES,)
        assert f"out_of_tries:{row.id}" in scene.world.database.alerts
        assert row.due_at is None


class TestUnavailable:
    @EVERY
    async def test_it_is_done_when_upstream_is_back(self, kind: A) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], UpstreamUnavailable("down"), UpstreamUnavailable("down"))
        assert (await scene.accept(checkout)).state is ChangeState.OPEN
        scene.assert_done_once(checkout, await scene.world.settle())

    async def test_a_visit_that_cannot_be_read_is_not_changed(self) -> None:
        scene = Scene(A.CANCEL_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("stands", UpstreamUnavailable("down"))
        await scene.accept(checkout)
        assert "cancel_visit" not in scene.world.tape.calls()
        scene.assert_done_once(checkout, await scene.world.settle())


class TestRefusedFirst:
    @pytest.mark.parametrize("kind", [A.MOVE_VISIT, A.BOOK_VISIT, A.CANCEL_VISIT])
    @pytest.mark.parametrize(
        ("refusal", "shown", "why"),
        [
            (REFUSED, ChangeFailed, ChangeEndReason.REFUSED_UPSTREAM),
            (SlotTaken(), SlotTaken, ChangeEndReason.SLOT_TAKEN),
            (ClinicianNotBookable(), ClinicianNotBookable, ChangeEndReason.CLINICIAN_NOT_BOOKABLE),
        ],
    )
    async def test_nothing_was_done_and_the_visit_stands(
        self, kind: A, refusal: Exception, shown: type[Exception], why: ChangeEndReason
    ) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        before = scene.world.visit(checkout)
        scene.world.books.fail(CALLS[kind][0], refusal)
        with pytest.raises(shown):
            await scene.accept(checkout)
        row = scene.world.row()
        assert (row.state, row.end_reason) == (ChangeState.REFUSED, why)
        assert scene.world.visit(checkout) == before
        assert scene.world.database.claims == {}
        assert scene.world.holds_left() == []
        assert scene.world.database.alerts == {}

    async def test_the_practices_change_noticed_by_the_adapter_wins_too(self) -> None:
        scene = Scene(A.CANCEL_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", UpstreamRefused("cancel", "changed_by_practice"))
        with pytest.raises(ChangedByPractice):
            await scene.accept(checkout)
        assert scene.world.row().state is ChangeState.SUPERSEDED

    async def test_a_refused_cancellation_may_be_tried_again(self) -> None:
        scene = Scene(A.CANCEL_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", REFUSED)
        with pytest.raises(ChangeFailed):
            await scene.accept(checkout)
        again = await scene.accept(checkout)
        assert again.state is ChangeState.DONE


class TestRefusedLater:
    @pytest.mark.parametrize(
        ("kind", "refusal", "why"),
        [
            (A.STOP_RECURRING, REFUSED, AttentionReason.RECURRING_NOT_CANCELLED),
            (A.REFUND, REFUSED, AttentionReason.REFUND_FAILED),
            (A.CHARGE_FEE, CardDeclined(DeclineReason.INSUFFICIENT_FUNDS), AttentionReason.FEE_NOT_CHARGED),
        ],
    )
    async def test_a_person_finishes_it_and_is_alerted(
        self, kind: A, refusal: Exception, why: AttentionReason
    ) -> None:
        scene = Scene(kind)
        checkout = await scene.booked()
        scene.world.books.fail(CALLS[kind][0], refusal)
        change = await scene.accept(checkout)
        row = scene.world.row()
        assert change.state is row.state is ChangeState.NEEDS_ATTENTION
        assert row.attention == (why,)
        assert f"{why}:{row.id}" in scene.world.database.alerts
        assert scene.world.visit(checkout).status is AppointmentStatus.CANCELLED
        flagged = [one.note for one in scene.world.database.change_events if one.kind is HistoryKind.FLAGGED]
        assert flagged == [why]

    async def test_a_plan_that_could_not_be_stopped_is_not_given_back(self) -> None:
        scene = Scene(A.STOP_RECURRING)
        checkout = await scene.booked()
        scene.world.books.fail("stop_recurring", REFUSED)
        await scene.accept(checkout)
        assert scene.world.changes.sent_back == []

    async def test_a_missing_permission_is_a_reason_of_its_own(self) -> None:
        scene = Scene(A.REFUND)
        checkout = await scene.booked()
        scene.world.books.fail("refund_part", UpstreamRefused("refund", "no", permission="sample"))
        await scene.accept(checkout)
        assert scene.world.row().attention == (
            AttentionReason.REFUND_FAILED,
            AttentionReason.NOT_PERMITTED,
        )

    async def test_a_credit_that_the_ledger_does_not_show_is_for_a_person(self) -> None:
        scene = Scene(A.READ_CREDIT)
        scene.world.changes.credit_given_back = False
        checkout = await scene.booked()
        assert (await scene.accept(checkout)).state is ChangeState.OPEN  # the ledger may be behind
        row = await scene.world.settle()
        assert (row.state, row.attention) == (
            ChangeState.NEEDS_ATTENTION,
            (AttentionReason.CREDIT_NOT_GIVEN_BACK,),
        )

    async def test_a_credit_that_shows_later_is_no_reason_for_a_person(self) -> None:
        scene = Scene(A.READ_CREDIT)
        scene.world.changes.credit_given_back = False
        checkout = await scene.booked()
        await scene.accept(checkout)
        scene.world.changes.credit_given_back = True
        scene.assert_done_once(checkout, await scene.world.settle())

    async def test_less_given_back_than_accepted_is_not_believed(self, monkeypatch: Any) -> None:
        scene = Scene(A.REFUND)
        checkout = await scene.booked()
        less = Money.of("1", "USD")
        monkeypatch.setattr(type(scene.world.changes), "given_back", lambda *_: less)
        change = await scene.accept(checkout)
        assert change.state is ChangeState.OPEN


class TestAnotherClinician:
    async def test_an_old_visit_that_is_not_cancelled_takes_the_new_one_back(self) -> None:
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", REFUSED)
        with pytest.raises(ChangeFailed):
            await scene.accept(checkout)
        row = scene.world.row()
        assert [action.state for action in row.actions] == [ActionState.UNDONE, ActionState.FAILED]
        assert scene.world.visit(checkout).status is AppointmentStatus.BOOKED
        assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]
        assert scene.world.database.claims == {}

    @pytest.mark.parametrize("fault", [Lost, AnswerLost])
    async def test_taking_it_back_is_repeated_while_its_outcome_is_unknown(
        self, fault: type[Exception]
    ) -> None:
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", REFUSED)
        scene.world.books.fail("delete_booked", fault())
        assert (await scene.accept(checkout)).state is ChangeState.OPEN
        row = await scene.world.settle()
        assert row.state is ChangeState.REFUSED
        assert [visit.id for visit in scene.world.books.live_appointments] == [checkout.appointment_id]

    async def test_what_cannot_be_taken_back_is_for_a_person_who_finds_the_slot_claimed(self) -> None:
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()
        scene.world.books.fail("cancel_visit", REFUSED)
        scene.world.books.fail("delete_booked", REFUSED)
        change = await scene.accept(checkout)
        assert change.state is ChangeState.NEEDS_ATTENTION
        assert change.attention == (AttentionReason.APPOINTMENT_NOT_DELETED,)
        assert list(scene.world.database.claims) == [change.id]

    async def test_an_invoice_that_the_new_visit_raised_is_for_a_person(self) -> None:
        scene = Scene(A.BOOK_VISIT)
        checkout = await scene.booked()
        scene.world.books.open_invoice = OTHER_INVOICE
        change = await scene.accept(checkout)
        assert change.state is ChangeState.DONE
        assert change.attention == (AttentionReason.OPEN_INVOICE,)
