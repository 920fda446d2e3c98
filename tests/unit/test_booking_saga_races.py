"""Cancelling while a call is out, and drivers that lose their lease: one at a time, and nothing forgotten."""

from datetime import timedelta

import pytest
import structlog

from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import CREATE_PATIENT_BUDGET, LEASE, SETTLE, STEP_BUDGET
from booking.checkout.transitions import at_rest
from booking.errors import UpstreamRefused
from booking.ports import PATIENT_EXISTS
from booking.refusals import CheckoutClosed, PaymentInProgress, SlotTaken
from tests.doubles.booking_steps import confirm, mark, parked
from tests.doubles.booking_upstream import AnswerLost, Lost
from tests.doubles.booking_world import PATIENT, World, a_slot, as_guest


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

    @pytest.mark.parametrize("state", ["card_ready", "charged"])
    async def test_a_cancel_between_two_calls_is_never_forgotten(self, state: str) -> None:
        world = World()
        checkout = await world.start()
        world.tape.after_commit[state] = lambda: mark(world, checkout)
        with pytest.raises(CheckoutClosed):
            await confirm(world, checkout)
        assert world.row(checkout).end_reason is EndReason.CANCELLED_BY_PATIENT
        assert ("charge" in world.tape.calls()) == (state != "card_ready")
        assert "book" not in world.tape.calls()
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
            world.tape.after_commit["patient_ready"] = lambda: mark(world, second)
            with pytest.raises((CheckoutClosed, PaymentInProgress)):
                await world.checkouts.confirm(PATIENT, second.id, world.token(), quote_id=second.quote.id)

        world.books.during["charge"] = pay_and_leave
        await world.checkouts.confirm(PATIENT, first.id, world.token(), quote_id=first.quote.id)
        assert (await world.settle(second)).state is S.CANCELLED


class TestDrivers:
    async def test_a_row_with_a_live_lease_is_left_to_its_driver(self) -> None:
        world = World()
        checkout = await world.start()
        calls: list[list[str]] = []

        async def another_drives() -> None:
            before = world.tape.calls()
            row = await world.a_saga().drive(world.row(checkout))
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
        row = await world.saga.drive(world.confirmed(checkout))
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

    @pytest.mark.parametrize("call", ["find_patient", "create_patient"])
    async def test_a_record_is_not_made_with_little_left_of_the_lease(self, call: str) -> None:
        """A record that lands when another driver has looked already would be followed by a second one."""
        world = World()
        checkout = await world.start()
        if call == "create_patient":
            world.books.fail(call, UpstreamRefused(call, PATIENT_EXISTS))

        async def be_slow() -> None:
            world.clock.advance(seconds=(LEASE - CREATE_PATIENT_BUDGET).total_seconds() + 1)

        world.books.during[call] = be_slow
        row = await confirm(world, checkout)
        assert (row.state, row.tries, row.lease_owner) == (S.PATIENT_INTENDED, 1, None)
        assert world.tape.calls().count("create_patient") == (call == "create_patient")
        assert (await world.settle(checkout)).state is S.CONFIRMED
        assert len(world.books.patients) == 1

    async def test_the_lease_is_longer_than_a_step_and_a_step_longer_than_settling(self) -> None:
        assert LEASE > STEP_BUDGET > SETTLE
