"""Visits that cost nothing: what is asked of a guest, what is counted, and what is given back."""

import asyncio

import pytest

from booking.checkout.attempt_limits import AttemptKind
from booking.checkout.guests import GuestRecords
from booking.checkout.model import CheckoutState
from booking.checkout.unpaid_visits import UnpaidPolicy
from booking.errors import OutcomeUnknown
from booking.models import CardChoice
from booking.principals import Caller
from booking.refusals import (
    CardDeclined,
    CardRequired,
    EmailVerificationRequired,
    SignInRequired,
    SlotTaken,
    TooManyAttempts,
    UnpaidVisitsUsedUp,
)
from tests.doubles.booking_world import FREE, GUEST, PATIENT, VISITOR, World, a_slot, as_guest

SLOT = a_slot(FREE)
DAY = f"{SLOT.clinician_id} {SLOT.start.date()}"


def counted(world: World) -> list[AttemptKind]:
    return [one[0] for one in world.attempts.counted]


class TestWhatIsCounted:
    async def test_a_visit_that_a_guest_booked(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        guest = Caller(principal=as_guest(checkout).principal, client="a-network")
        await world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id)
        names = frozenset({checkout.owner, VISITOR.principal.key})
        assert world.attempts.counted == [(AttemptKind.UNPAID_VISIT, names, "a-network", False)]
        assert world.attempts.days == [DAY]

    async def test_none_of_somebody_who_has_signed_in(self, world: World) -> None:
        checkout = await world.start(PATIENT, SLOT)
        await world.checkouts.confirm(PATIENT, checkout.id, None, quote_id=checkout.quote.id)
        assert counted(world) == []

    async def test_none_that_is_paid(self, world: World) -> None:
        checkout = await world.start()
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert counted(world) == []

    async def test_a_record_that_was_made_although_no_visit_came_of_it(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        world.tape.refused_commit["booking_intended"] = SlotTaken()
        with pytest.raises(SlotTaken):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert world.row(checkout).patient_created
        assert counted(world) == [AttemptKind.UNPAID_VISIT]

    async def test_a_record_that_was_made_and_a_cancel_at_once(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        guest = as_guest(checkout)

        async def cancel() -> None:
            await world.checkouts.cancel(guest, checkout.id)

        world.books.during["create_patient"] = cancel
        await asyncio.gather(
            world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id),
            return_exceptions=True,
        )
        assert world.row(checkout).state is CheckoutState.CANCELLED
        assert counted(world) == [AttemptKind.UNPAID_VISIT]

    async def test_nothing_when_neither_came_of_it(self) -> None:
        world = World(guest_records=GuestRecords.VERIFIED_EMAIL)
        first = await world.start(slot=SLOT)
        await world.checkouts.confirm(as_guest(first), first.id, None, quote_id=first.quote.id)
        again = await world.start(slot=a_slot(FREE, hours=48))  # the same guest, whose record is there now
        world.put(world.row(again).changed(email_verified_at=world.clock.now()))
        world.tape.refused_commit["booking_intended"] = SlotTaken()
        with pytest.raises(SlotTaken):
            await world.checkouts.confirm(as_guest(again), again.id, None, quote_id=again.quote.id)
        assert not world.row(again).patient_created
        assert counted(world) == [AttemptKind.UNPAID_VISIT]  # the first

    async def test_one_of_many_confirms_of_one_checkout(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        confirm = world.checkouts.confirm
        guest = as_guest(checkout)
        await asyncio.gather(
            *(confirm(guest, checkout.id, None, quote_id=checkout.quote.id) for _ in range(5))
        )
        assert counted(world) == [AttemptKind.UNPAID_VISIT]


class TestRecordsOnTheWayToAPayment:
    async def test_count_when_nothing_was_paid_once_for_a_checkout(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)
        for _ in range(2):
            with pytest.raises(CardDeclined):
                await world.checkouts.confirm(
                    guest, checkout.id, world.token("declined"), quote_id=checkout.quote.id
                )
        assert counted(world).count(AttemptKind.NEW_RECORD) == 1

    async def test_count_when_their_guest_leaves_before_a_card_is_sent(self, world: World) -> None:
        """Else a record a minute is free: no card is counted that was never sent."""
        checkout = await world.start()
        guest = as_guest(checkout)

        async def cancel() -> None:
            await world.checkouts.cancel(guest, checkout.id)

        world.books.during["create_patient"] = cancel
        await asyncio.gather(
            world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id),
            return_exceptions=True,
        )
        assert world.row(checkout).state is CheckoutState.CANCELLED
        assert counted(world) == [AttemptKind.NEW_RECORD]

    async def test_do_not_count_when_nobody_knows_for_now(self, world: World) -> None:
        checkout = await world.start()
        world.books.fail("charge", OutcomeUnknown("charge"))
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert counted(world) == []

    async def test_beyond_the_bound_are_not_made(self, world: World) -> None:
        checkout = await world.start()
        world.attempts.refusing = True
        with pytest.raises(TooManyAttempts):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert "call create_patient" not in world.tape.events


class TestBeyondTheBound:
    async def test_nothing_is_done_and_the_checkout_stays_open(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        before, sent = world.row(checkout), list(world.tape.events)
        world.attempts.refusing = True
        with pytest.raises(UnpaidVisitsUsedUp) as refusal:
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert refusal.value.retry_after == 600
        assert (world.row(checkout), list(world.tape.events)) == (before, sent)

    async def test_patients_who_have_signed_in_go_on(self, world: World) -> None:
        checkout = await world.start(PATIENT, SLOT)
        world.attempts.refusing = True
        confirmed = await world.checkouts.confirm(PATIENT, checkout.id, None, quote_id=checkout.quote.id)
        assert confirmed.state is CheckoutState.CONFIRMED


class TestWhatThePracticeAsks:
    async def test_to_sign_in_is_told_at_the_start(self) -> None:
        world = World(unpaid_policy=UnpaidPolicy.SIGNED_IN)
        hold = await world.hold(VISITOR, SLOT)
        with pytest.raises(SignInRequired):
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        assert (await world.start(PATIENT, a_slot(FREE, hours=48))).quote.due_today.is_zero

    async def test_to_sign_in_holds_for_what_was_started_before(self, world: World) -> None:
        checkout = await world.start(slot=SLOT)
        stricter = world.under(UnpaidPolicy.SIGNED_IN)
        with pytest.raises(SignInRequired):
            await stricter.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert counted(world) == []

    async def test_a_verified_email(self) -> None:
        world = World(unpaid_policy=UnpaidPolicy.VERIFIED_EMAIL)
        checkout = await world.start(slot=SLOT)
        guest = as_guest(checkout)
        with pytest.raises(EmailVerificationRequired):
            await world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id)
        assert counted(world) == []
        await world.email_verification.request(guest, checkout.id)
        await world.email_verification.verify(guest, checkout.id, world.mail.sent[-1][1])
        booked = await world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id)
        assert booked.state is CheckoutState.CONFIRMED

    async def test_a_card_that_is_put_on_file_and_never_charged(self) -> None:
        world = World(unpaid_policy=UnpaidPolicy.CARD)
        checkout = await world.start(slot=SLOT)
        guest = as_guest(checkout)
        with pytest.raises(CardRequired, match="Nothing is charged"):
            await world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id)
        booked = await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        assert booked.state is CheckoutState.CONFIRMED
        assert "call attach_card" in world.tape.events
        assert "call charge" not in world.tape.events
        world.assert_right(checkout)
        # What a bank says of a card that is put on file is worth as much as what it says of a charge.
        assert sorted(counted(world)) == [AttemptKind.CARD, AttemptKind.UNPAID_VISIT]

    async def test_another_card_when_the_first_is_declined(self) -> None:
        world = World(unpaid_policy=UnpaidPolicy.CARD)
        checkout = await world.start(slot=SLOT)
        guest = as_guest(checkout)
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                guest, checkout.id, world.token("refused"), quote_id=checkout.quote.id
            )
        booked = await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        assert booked.state is CheckoutState.CONFIRMED
        assert sorted(counted(world)) == [AttemptKind.CARD, AttemptKind.CARD, AttemptKind.UNPAID_VISIT]

    async def test_none_of_patients_who_have_signed_in(self) -> None:
        world = World(unpaid_policy=UnpaidPolicy.CARD)
        checkout = await world.start(PATIENT, SLOT)
        ignored = CardChoice(token="tok_ok_1")
        booked = await world.checkouts.confirm(PATIENT, checkout.id, ignored, quote_id=checkout.quote.id)
        assert booked.state is CheckoutState.CONFIRMED
        assert counted(world) == []
