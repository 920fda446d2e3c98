"""The driver: intent, commit, call, commit; unknown outcomes, cancelling, leases and the slot claim."""

from datetime import timedelta

import pytest
import structlog

from booking.models import Checkout, EndReason
from booking.models import CheckoutState as S
from booking.money import Money
from booking.refusals import (
    BookingFailed,
    CardDeclined,
    CheckoutClosed,
    ClinicianNotBookable,
    DeclineReason,
    OutcomeUnknown,
    PaymentInProgress,
    PaymentUnavailable,
    SlotTaken,
    UpstreamRefused,
    UpstreamUnavailable,
)
from booking.saga import LEASE, MAX_TRIES, STEP_BUDGET, at_rest
from booking.steps import SETTLE
from tests.unit.booking_upstream import AnswerLost, Lost
from tests.unit.booking_world import FREE, MONTHLY, PATIENT, PLANNED, World, a_slot, as_guest


async def confirm(world: World, checkout: Checkout, kind: str = "ok") -> Checkout:
    return await world.checkouts.confirm(as_guest(checkout), checkout.id, world.token(kind))


async def parked(world: World, call: str, fault: Exception) -> Checkout:
    """Answer a row whose call met the fault, so that its outcome is not known."""
    checkout = await world.start()
    world.books.fail(call, fault)
    row = await confirm(world, checkout)
    assert not at_rest(row)
    assert row.lease_owner is None
    return row


class TestOrder:
    async def test_each_intent_is_committed_before_its_call_and_each_outcome_after_it(self) -> None:
        world = World()
        await confirm(world, await world.start())
        journey = world.tape.events[world.tape.events.index("commit patient_intended") :]
        assert journey == [
            "commit patient_intended",
            "call find_patient",
            "call create_patient",
            "commit patient_ready",
            "commit card_intended",
            "call attach_card",
            "commit card_ready",
            "commit charge_intended",
            "call charge",
            "commit charged",
            "commit booking_intended",
            "call book",
            "commit booked",
            "commit confirmed",
        ]

    async def test_a_free_visit_goes_from_the_patient_to_the_booking_without_a_card(self) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE))
        row = await world.checkouts.confirm(as_guest(checkout), checkout.id, None)
        assert row.state is S.CONFIRMED
        assert world.tape.calls() == ["find_patient", "create_patient", "book"]

    async def test_a_known_patient_is_found_and_not_created(self) -> None:
        world = World()
        await confirm(world, await world.start())
        checkout = await world.start(slot=a_slot(hours=48))
        row = await confirm(world, checkout)
        assert len(world.books.patients) == 1
        assert not row.patient_created

    async def test_a_patient_who_came_in_between_is_found_after_all(self) -> None:
        world = World()
        world.books.fail("create_patient", UpstreamRefused("create_patient", "patient_exists"))

        async def somebody_creates() -> None:
            checkout = next(iter(world.database.rows.values()))
            assert checkout.guest is not None
            world.books.patients["p-other"] = checkout.guest

        world.books.during["create_patient"] = somebody_creates
        row = await confirm(world, await world.start())
        assert row.state is S.CONFIRMED
        assert row.patient_id == "p-other"
        assert not row.patient_created

    async def test_details_that_the_practice_refuses_end_the_checkout_at_once(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("create_patient", UpstreamRefused("create_patient", "invalid_email"))
        with pytest.raises(BookingFailed, match="not been charged"):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.BOOKING_REFUSED)
        world.assert_right(checkout)


class TestClaim:
    @pytest.mark.parametrize(("visit", "call"), [("priced", "charge"), ("free", "book")])
    async def test_the_claim_stands_before_the_first_call_that_counts(self, visit: str, call: str) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE) if visit == "free" else a_slot())
        seen: list[bool] = []

        async def look() -> None:
            seen.append(checkout.id in world.database.claims)

        world.books.during["attach_card"] = world.books.during[call] = look
        card = None if visit == "free" else world.token()
        await world.checkouts.confirm(as_guest(checkout), checkout.id, card)
        assert seen == ([True] if visit == "free" else [False, True])

    @pytest.mark.parametrize("visit", [a_slot(), a_slot(FREE)], ids=["priced", "free"])
    async def test_a_claim_of_somebody_else_is_slot_taken_before_any_money_moves(self, visit: object) -> None:
        world = World()
        checkout = await world.start(slot=visit)  # type: ignore[arg-type]  # a slot
        world.database.claims["other"] = a_slot(hours=23.75)
        free = checkout.quote.due_today.is_zero
        with pytest.raises(SlotTaken):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None if free else world.token())
        assert world.row(checkout).state is S.SLOT_LOST
        assert not {"charge", "book"} & set(world.tape.calls())
        del world.database.claims["other"]
        world.assert_right(checkout)
        assert world.holds.live == []

    async def test_a_hold_lost_after_the_confirm_is_taken_again(self) -> None:
        world = World()
        checkout = await world.start()

        async def server_restarts() -> None:
            world.holds.emptied()

        world.books.during["attach_card"] = server_restarts
        assert (await confirm(world, checkout)).state is S.CONFIRMED
        assert world.holds.live == []

    async def test_a_hold_lost_to_somebody_else_is_slot_taken_before_any_money_moves(self) -> None:
        world = World()
        checkout = await world.start()

        async def somebody_is_faster() -> None:
            world.holds.emptied()
            await world.hold(PATIENT)

        world.books.during["attach_card"] = somebody_is_faster
        with pytest.raises(SlotTaken):
            await confirm(world, checkout)
        assert world.books.charges == []
        assert [hold.owner for hold in world.holds.live] == [PATIENT.principal.key]


class TestCards:
    async def test_a_decline_gives_the_claim_back_and_keeps_the_hold(self) -> None:
        world = World()
        checkout = await world.start()
        with pytest.raises(CardDeclined) as refusal:
            await confirm(world, checkout, "declined")
        assert refusal.value.reason is DeclineReason.INSUFFICIENT_FUNDS
        row = world.row(checkout)
        assert row.state is S.PATIENT_READY
        assert row.card_id is None
        assert [hold.id for hold in world.holds.live] == [checkout.hold_id]
        world.assert_right(checkout)

    async def test_another_card_confirms_under_another_upstream_key(self) -> None:
        world = World()
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await confirm(world, checkout, "declined")
        declined_key = world.row(checkout).upstream_key
        row = await confirm(world, checkout)
        assert row.state is S.CONFIRMED
        assert row.declined is None
        assert [charge.key for charge in world.books.charges] == [row.upstream_key] != [declined_key]
        world.assert_right(checkout)

    @pytest.mark.parametrize("fault", [Lost(), AnswerLost(), UpstreamRefused("attach_card", "why")])
    async def test_a_token_whose_use_is_unclear_is_asked_for_again_and_never_sent_again(
        self, fault: Exception
    ) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("attach_card", fault)
        with pytest.raises(CardDeclined) as refusal:
            await confirm(world, checkout)
        assert refusal.value.reason is DeclineReason.TRY_AGAIN
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_a_payment_that_the_practice_cannot_take_ends_the_checkout(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("charge", UpstreamRefused("charge", "no_bank_account"))
        with pytest.raises(PaymentUnavailable):
            await confirm(world, checkout)
        world.assert_right(checkout)

    @pytest.mark.parametrize("call", ["attach_card", "charge"])
    async def test_a_clinician_whose_key_is_gone_ends_the_checkout_so_that_nothing_is_charged_later(
        self, call: str
    ) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail(call, ClinicianNotBookable())
        with pytest.raises(ClinicianNotBookable):
            await confirm(world, checkout)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.CLINICIAN_NOT_BOOKABLE)
        assert world.books.charges == []

    async def test_one_patient_pays_for_one_checkout_at_a_time(self) -> None:
        world = World()
        first, second = await world.start(PATIENT), await world.start(PATIENT, a_slot(hours=48))
        refused: list[Exception] = []

        async def pay_for_the_second() -> None:
            try:
                await world.checkouts.confirm(PATIENT, second.id, world.token())
            except PaymentInProgress as refusal:
                refused.append(refusal)

        world.books.during["charge"] = pay_for_the_second
        await world.checkouts.confirm(PATIENT, first.id, world.token())
        assert len(refused) == 1
        world.assert_right(second)
        row = await world.checkouts.confirm(PATIENT, second.id, world.token())
        assert row.state is S.CONFIRMED

    async def test_a_worker_that_meets_another_payment_of_the_patient_lets_the_row_rest(self) -> None:
        world = World()
        first, second = await world.start(PATIENT), await world.start(PATIENT, a_slot(hours=48))
        world.confirmed(second)

        async def work() -> None:
            await world.a_saga().resume(second.id)

        world.books.during["charge"] = work
        await world.checkouts.confirm(PATIENT, first.id, world.token())
        world.assert_right(second)
        assert world.row(second).state is S.PATIENT_READY


class TestCompensation:
    async def test_a_refused_booking_gives_the_money_back(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        with pytest.raises(BookingFailed, match="given back in full"):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.SLOT_TAKEN)
        assert row.refunded == row.quote.due_today
        world.assert_right(checkout)

    async def test_a_wrong_clinician_is_undone_in_order(self) -> None:
        world = World()
        world.books.booked_provider, world.books.plan_recurs = "c2", True
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
        with pytest.raises(BookingFailed):
            await confirm(world, checkout)
        assert world.tape.calls()[-4:] == ["book", "delete", "cancel_recurring", "refund"]
        world.assert_right(checkout)

    async def test_a_visit_read_back_at_another_time_is_undone_even_when_it_is_found_later(self) -> None:
        world = World()
        world.books.booked_late_by = timedelta(hours=4)
        checkout = await parked(world, "book", AnswerLost())
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.BOOKING_REFUSED)
        world.assert_right(checkout)

    async def test_a_free_visit_that_cannot_be_booked_is_not_said_to_be_refunded(self) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE))
        world.books.fail("book", UpstreamRefused("book", "why"))
        with pytest.raises(BookingFailed, match="not been charged"):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None)

    async def test_a_refund_that_gave_back_too_little_is_no_refund(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.refund_answers = Money.of("1", "USD")
        row = await confirm(world, checkout)
        assert row.state is S.REFUND_INTENDED
        world.books.refund_answers = None
        assert (await world.settle(checkout)).state is S.REFUNDED

    @pytest.mark.parametrize(
        ("call", "attention"),
        [
            ("delete", "appointment_not_deleted"),
            ("cancel_recurring", "recurring_payment_not_cancelled"),
            ("refund", "refund_failed"),
        ],
    )
    async def test_what_cannot_be_undone_is_given_to_a_person_and_keeps_its_claim(
        self, call: str, attention: str
    ) -> None:
        world = World()
        world.books.booked_provider, world.books.plan_recurs = "c2", True
        world.books.fail(call, UpstreamRefused(call, "why"))
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
        row = await confirm(world, checkout)
        assert (row.state, row.attention) == (S.NEEDS_ATTENTION, attention)
        world.assert_right(checkout)
        with pytest.raises(CheckoutClosed):
            await world.checkouts.cancel(as_guest(checkout), checkout.id)

    async def test_what_remains_after_a_refund_is_on_the_attention_list(self) -> None:
        world = World()
        world.books.package_id = "pkg1"
        world.books.fail("book", SlotTaken())
        checkout = await world.start(slot=a_slot(PLANNED), plan_id="once")
        with pytest.raises(BookingFailed):
            await confirm(world, checkout)
        assert world.row(checkout).attention == "package_remains"

    @pytest.mark.parametrize("provider", [None, "c2"], ids=["booked", "undone"])
    async def test_an_invoice_that_the_booking_raised_is_on_the_attention_list(
        self, provider: str | None
    ) -> None:
        world = World()
        world.books.open_invoice, world.books.booked_provider = True, provider
        checkout = await world.start()
        if provider is None:
            await confirm(world, checkout)
        else:
            with pytest.raises(BookingFailed):
                await confirm(world, checkout)
        assert world.row(checkout).attention == "open_invoice"


class TestUnknown:
    @pytest.mark.parametrize("call", ["charge", "book"])
    async def test_an_answer_lost_is_found_and_not_sent_again(self, call: str) -> None:
        world = World()
        checkout = await parked(world, call, AnswerLost())
        row = await world.settle(checkout)
        assert row.state is S.CONFIRMED
        assert world.tape.calls().count(call) == 1
        world.assert_right(checkout)

    @pytest.mark.parametrize(("call", "look"), [("charge", "find_charge"), ("book", "find_appointment")])
    async def test_a_request_lost_is_looked_for_and_then_sent_again(self, call: str, look: str) -> None:
        world = World()
        checkout = await parked(world, call, Lost())
        row = await world.settle(checkout)
        assert row.state is S.CONFIRMED
        calls = [name for name in world.tape.calls() if name in {call, look}]
        assert calls == [call, look, call]
        world.assert_right(checkout)

    async def test_a_charge_sent_again_bears_the_same_upstream_key(self) -> None:
        world = World()
        checkout = await parked(world, "charge", Lost())
        row = await world.settle(checkout)
        assert row.attempt == 1
        assert [charge.key for charge in world.books.charges] == [checkout.upstream_key]

    @pytest.mark.parametrize("call", ["charge", "book"])
    async def test_nobody_looks_or_sends_before_what_was_sent_has_settled(self, call: str) -> None:
        world = World()
        checkout = await parked(world, call, Lost())
        calls = world.tape.calls()
        world.clock.advance(seconds=SETTLE.total_seconds() - 1)
        await world.a_saga().resume(checkout.id)
        await confirm(world, checkout)  # nor does the patient's impatience change that
        assert world.tape.calls() == calls

    @pytest.mark.parametrize("call", ["charge", "book"])
    async def test_what_is_sent_again_settles_again(self, call: str) -> None:
        world = World()
        checkout = await parked(world, call, Lost())
        world.books.fail(call, Lost())
        world.clock.advance(seconds=SETTLE.total_seconds())
        await world.a_saga().resume(checkout.id)
        calls = world.tape.calls()
        assert calls.count(call) == 2
        world.clock.advance(seconds=SETTLE.total_seconds() - 1)
        await world.a_saga().resume(checkout.id)
        assert world.tape.calls() == calls

    @pytest.mark.parametrize("call", ["charge", "book"])
    async def test_a_row_taken_up_too_early_is_not_looked_at(self, call: str) -> None:
        world = World()
        checkout = await parked(world, call, Lost())
        calls = world.tape.calls()
        world.put(world.row(checkout).changed(due_at=world.clock.now()))
        await world.a_saga().resume(checkout.id)
        assert world.tape.calls() == calls

    async def test_what_never_gets_as_far_as_money_ends_at_the_deadline(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("find_patient", *[UpstreamUnavailable("users")] * MAX_TRIES)
        await confirm(world, checkout)
        started = world.clock.now()
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.EXPIRED, EndReason.HOLD_EXPIRED)
        assert world.clock.now() - started < timedelta(minutes=20)
        world.assert_right(checkout)

    async def test_a_look_that_fails_is_no_proof_that_nothing_landed(self) -> None:
        world = World()
        checkout = await parked(world, "charge", AnswerLost())
        world.books.fail("find_charge", UpstreamUnavailable("billingItems"))
        row = await world.settle(checkout)
        assert row.state is S.CONFIRMED
        assert len(world.books.charges) == 1

    async def test_after_the_deadline_a_charge_is_looked_for_and_not_sent(self) -> None:
        world = World()
        checkout = await parked(world, "charge", Lost())
        world.clock.advance(minutes=15)
        await world.a_saga().resume(checkout.id)
        assert world.row(checkout).state is S.EXPIRED
        assert world.books.charges == []
        world.assert_right(checkout)

    async def test_a_charge_found_after_the_deadline_still_books_the_visit(self) -> None:
        world = World()
        checkout = await parked(world, "charge", AnswerLost())
        world.clock.advance(minutes=16)
        assert (await world.settle(checkout)).state is S.CONFIRMED

    async def test_a_booking_that_never_landed_by_the_deadline_gives_the_money_back(self) -> None:
        world = World()
        checkout = await parked(world, "book", Lost())
        world.clock.advance(minutes=15)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.BOOKING_TIMED_OUT)
        assert world.tape.calls().count("book") == 1

    async def test_a_deadline_that_passes_before_the_charge_ends_it_uncharged(self) -> None:
        world = World()
        checkout = await world.start()

        async def a_long_wait() -> None:
            world.clock.advance(minutes=15)

        world.books.during["attach_card"] = a_long_wait
        with pytest.raises(Exception, match="over"):
            await confirm(world, checkout)
        assert world.row(checkout).state is S.EXPIRED
        assert "charge" not in world.tape.calls()

    @pytest.mark.parametrize("call", ["refund", "cancel_recurring", "delete"])
    @pytest.mark.parametrize("fault", [Lost, AnswerLost])
    async def test_a_compensation_of_unknown_outcome_is_repeated(
        self, call: str, fault: type[Exception]
    ) -> None:
        world = World()
        world.books.booked_provider, world.books.plan_recurs = "c2", True
        world.books.fail(call, fault())
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=MONTHLY.id)
        await confirm(world, checkout)
        row = await world.settle(checkout)
        assert row.state is S.REFUNDED
        assert world.tape.calls().count(call) == 2
        world.assert_right(checkout)

    async def test_a_step_that_never_succeeds_is_given_to_a_person(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail("refund", *[OutcomeUnknown("refund")] * (MAX_TRIES + 1))
        await confirm(world, checkout)
        row = await world.settle(checkout)
        assert (row.state, row.attention) == (S.NEEDS_ATTENTION, "out_of_tries")
        assert world.tape.calls().count("refund") == MAX_TRIES

    async def test_an_error_of_our_own_parks_the_row_and_is_raised(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("charge", ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await confirm(world, checkout)
        assert world.row(checkout).tries == 1
        assert (await world.settle(checkout)).state is S.CONFIRMED


class TestCancel:
    @pytest.mark.parametrize(
        ("call", "ends"),
        [
            ("find_patient", S.CANCELLED),
            ("attach_card", S.CANCELLED),
            ("charge", S.REFUNDED),
            ("book", S.REFUNDED),
        ],
    )
    async def test_a_cancel_while_a_call_is_out_is_undone_when_its_outcome_is_known(
        self, call: str, ends: S
    ) -> None:
        world = World()
        checkout = await world.start()

        async def cancel() -> None:
            marked = await world.checkouts.cancel(as_guest(checkout), checkout.id)
            assert marked.cancel_requested
            assert not at_rest(marked)

        world.books.during[call] = cancel
        with pytest.raises(CheckoutClosed):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (ends, EndReason.CANCELLED_BY_PATIENT)
        world.assert_right(checkout)
        assert world.holds.live == []

    @pytest.mark.parametrize(("call", "kind"), [("attach_card", "refused"), ("charge", "declined")])
    async def test_a_cancel_while_a_card_is_declined_ends_the_checkout(self, call: str, kind: str) -> None:
        world = World()
        checkout = await world.start()

        async def cancel() -> None:
            await world.checkouts.cancel(as_guest(checkout), checkout.id)

        world.books.during[call] = cancel
        with pytest.raises(CheckoutClosed):
            await confirm(world, checkout, kind)
        assert world.row(checkout).state is S.CANCELLED
        world.assert_right(checkout)

    @pytest.mark.parametrize("state", ["card_ready", "charged", "booked"])
    async def test_a_cancel_between_two_calls_is_never_forgotten(self, state: str) -> None:
        world = World()
        checkout = await world.start()
        world.tape.after_commit[state] = lambda: _mark(world, checkout)
        with pytest.raises(CheckoutClosed):
            await confirm(world, checkout)
        assert world.row(checkout).end_reason is EndReason.CANCELLED_BY_PATIENT
        assert ("charge" in world.tape.calls()) == (state != "card_ready")
        assert ("book" in world.tape.calls()) == (state == "booked")
        world.assert_right(checkout)

    async def test_a_cancel_while_the_charge_is_unknown_sends_none(self) -> None:
        world = World()
        checkout = await parked(world, "charge", Lost())
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.CANCELLED_BY_PATIENT)
        assert world.books.charges == []

    async def test_a_cancel_while_another_payment_wins_ends_the_checkout(self) -> None:
        world = World()
        first, second = await world.start(PATIENT), await world.start(PATIENT, a_slot(hours=48))

        async def pay_and_leave() -> None:
            world.tape.after_commit["patient_ready"] = lambda: _mark(world, second)
            with pytest.raises((CheckoutClosed, PaymentInProgress)):
                await world.checkouts.confirm(PATIENT, second.id, world.token())

        world.books.during["charge"] = pay_and_leave
        await world.checkouts.confirm(PATIENT, first.id, world.token())
        assert (await world.settle(second)).state is S.CANCELLED


def _mark(world: World, checkout: Checkout) -> None:
    """What `cancel` writes on a row that is being driven."""
    row = world.row(checkout)
    world.put(row.changed(version=row.version + 1, cancel_requested=True))


class TestDrivers:
    async def test_a_row_with_a_live_lease_is_left_to_its_driver(self) -> None:
        world = World()
        checkout = await world.start()
        calls: list[list[str]] = []

        async def another_drives() -> None:
            before = world.tape.calls()
            row = await world.a_saga().drive(checkout.id)
            calls.append(world.tape.calls()[len(before) :])
            assert row.state is S.CHARGE_INTENDED

        world.books.during["charge"] = another_drives
        await confirm(world, checkout)
        assert calls == [[]]

    async def test_a_driver_that_lost_its_lease_writes_nothing(self) -> None:
        world = World()
        checkout = await world.start()
        finished: list[Checkout] = []

        async def others_finish() -> None:
            world.clock.advance(seconds=LEASE.total_seconds() + 1)
            await world.a_saga().resume(checkout.id)
            finished.append(world.row(checkout))

        world.books.during["book"] = others_finish
        world.books.fail("book", UpstreamRefused("book", "late answer of a driver that is stale"))
        with structlog.testing.capture_logs() as logs:
            row = await confirm(world, checkout)
        assert row == finished[0] == world.row(checkout)
        assert row.state is S.CONFIRMED
        assert "checkout.parked" not in {entry["event"] for entry in logs}
        world.assert_right(checkout)

    async def test_a_driver_with_little_left_of_its_lease_renews_it_before_it_sends(self) -> None:
        world = World()
        checkout = await world.start()
        left: list[timedelta] = []
        world.tape.after_commit["charge_intended"] = lambda: world.clock.advance(
            seconds=(LEASE - STEP_BUDGET).total_seconds() + 1
        )

        async def look() -> None:
            until = world.row(checkout).lease_until
            assert until is not None
            left.append(until - world.clock.now())

        world.books.during["charge"] = look
        assert (await confirm(world, checkout)).state is S.CONFIRMED
        assert left == [LEASE]

    async def test_a_driver_that_slept_past_its_lease_does_not_send(self) -> None:
        world = World()
        checkout = await world.start()

        def sleep_while_another_takes_over() -> None:
            world.clock.advance(seconds=LEASE.total_seconds() + 1)
            row = world.row(checkout)
            world.put(
                row.changed(
                    version=row.version + 1,
                    lease_owner="another",
                    lease_until=world.clock.now() + LEASE,
                    due_at=world.clock.now() + LEASE,
                )
            )

        world.tape.after_commit["charge_intended"] = sleep_while_another_takes_over
        row = await world.saga.drive(world.confirmed(checkout).id)
        assert row.lease_owner == "another"
        assert "charge" not in world.tape.calls()

    async def test_a_renewed_lease_does_not_hide_an_unknown_outcome(self) -> None:
        world = World()
        checkout = await world.start()
        world.tape.after_commit["charge_intended"] = lambda: world.clock.advance(
            seconds=(LEASE - STEP_BUDGET).total_seconds() + 1
        )
        world.books.fail("charge", AnswerLost())
        row = await confirm(world, checkout)
        assert (row.state, row.tries, row.lease_owner) == (S.CHARGE_INTENDED, 1, None)

    async def test_a_slot_lost_after_a_renewed_lease_ends_the_checkout(self) -> None:
        world = World()
        checkout = await world.start()
        world.database.claims["other"] = a_slot()
        world.tape.after_commit["card_ready"] = lambda: world.clock.advance(
            seconds=(LEASE - STEP_BUDGET).total_seconds() + 1
        )
        with pytest.raises(SlotTaken):
            await confirm(world, checkout)
        assert world.row(checkout).state is S.SLOT_LOST

    async def test_the_lease_is_longer_than_a_step_and_a_step_longer_than_settling(self) -> None:
        assert LEASE > STEP_BUDGET > SETTLE


class TestAbandoned:
    async def test_a_checkout_that_nobody_confirms_ends_with_its_hold(self) -> None:
        world = World()
        checkout = await world.start()
        await world.a_saga().resume(checkout.id)
        assert world.row(checkout).state is S.STARTED
        world.clock.advance(minutes=5)
        await world.a_saga().resume(checkout.id)
        assert world.row(checkout).state is S.EXPIRED
        world.assert_right(checkout)

    async def test_an_extended_hold_moves_the_time_at_which_the_row_is_looked_at(self) -> None:
        world = World()
        checkout = await world.start()
        world.clock.advance(minutes=4)
        hold = await world.hold_service.extend(as_guest(checkout), checkout.hold_id)
        await world.a_saga().resume(checkout.id)
        assert world.row(checkout).due_at == hold.expires_at
