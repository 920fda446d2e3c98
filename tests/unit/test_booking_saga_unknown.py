"""Unknown outcomes: wait, look, then perhaps send; and what nobody ever confirmed."""

from datetime import timedelta

import pytest

from booking.checkout.model import CheckoutState as S
from booking.checkout.model import EndReason
from booking.checkout.timing import MAX_TRIES, SETTLE
from booking.errors import OutcomeUnknown, UpstreamUnavailable
from booking.refusals import SlotTaken
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import MONTHLY, PLANNED, World, a_slot, as_guest


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

    async def test_a_charge_found_after_the_deadline_is_given_back_since_nothing_is_sent_any_more(
        self,
    ) -> None:
        world = World()
        checkout = await parked(world, "charge", AnswerLost())
        world.clock.advance(minutes=16)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.BOOKING_TIMED_OUT)
        assert "book" not in world.tape.calls()
        world.assert_right(checkout)

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

    async def test_a_lockout_of_an_hour_ends_right_without_a_person(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        # Ten minutes eagerly, then rarely.
        world.books.fail("refund", *[UpstreamUnavailable("backed off")] * 30)
        await confirm(world, checkout)
        began = world.clock.now()
        row = await world.settle(checkout)
        assert (row.state, row.attention) == (S.REFUNDED, ())
        assert timedelta(hours=1) < world.clock.now() - began < timedelta(hours=2)
        world.assert_right(checkout)

    async def test_a_step_that_never_succeeds_is_given_to_a_person(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("book", SlotTaken())
        world.books.fail("refund", *[OutcomeUnknown("refund")] * (MAX_TRIES + 1))
        await confirm(world, checkout)
        row = await world.settle(checkout)
        assert (row.state, row.attention) == (S.NEEDS_ATTENTION, ("out_of_tries",))
        assert world.tape.calls().count("refund") == MAX_TRIES

    @pytest.mark.parametrize("state", ["charged", "booked", "refunded"])
    async def test_an_outcome_that_the_database_refuses_is_looked_for_later(self, state: str) -> None:
        world = World()
        if state == "refunded":
            world.books.booked_provider = "c2"
        checkout = await world.start()
        world.tape.refused_commit[state] = ConnectionError()
        with pytest.raises(ConnectionError):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.tries, row.lease_owner) == (1, None)
        row = await world.settle(checkout)
        assert row.state is (S.REFUNDED if state == "refunded" else S.CONFIRMED)
        assert len(world.books.charges) == len(world.books.appointments) == 1
        world.assert_right(checkout)

    async def test_an_error_of_our_own_parks_the_row_and_is_raised(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("charge", ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await confirm(world, checkout)
        assert world.row(checkout).tries == 1
        assert (await world.settle(checkout)).state is S.CONFIRMED


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
