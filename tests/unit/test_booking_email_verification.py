"""A guest verifies their email address: the code that was mailed there, few tries, ten minutes, and no other address."""

import asyncio
import re
from dataclasses import replace

import pytest

from booking.checkout.attempt_limits import AttemptKind
from booking.checkout.email_verification import DIGITS, GOOD_FOR, TRIES, EmailVerification
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.errors import NotFound
from booking.operations.model import HistoryKind
from booking.refusals import (
    CardDeclined,
    CheckoutClosed,
    EmailCodeInvalid,
    EmailNotSent,
    EmailVerificationUnavailable,
    TooManyAttempts,
)
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_world import GUEST, PATIENT, STRANGER, VISITOR, World, a_slot, as_guest

WRONG = "x" * DIGITS


async def asked(world: World) -> tuple[Checkout, str]:
    """A checkout whose guest has asked for a code, and the code."""
    checkout = await world.start()
    checkout = await world.email_verification.request(as_guest(checkout), checkout.id)
    return checkout, world.mail.sent[-1][1]


async def give(world: World, checkout: Checkout, code: str) -> Checkout:
    return await world.email_verification.verify(as_guest(checkout), checkout.id, code)


class TestCode:
    async def test_is_mailed_to_the_guest_and_counts_once(self, world: World) -> None:
        checkout, code = await asked(world)
        assert world.mail.sent == [(GUEST.email, code)]
        assert re.fullmatch(rf"[0-9]{{{DIGITS}}}", code)
        verified = await give(world, checkout, code)
        assert verified.email_verified_at == world.clock.now()
        assert world.row(checkout).email_code is None
        kinds = [one.kind for one in world.database.events]
        assert kinds == [HistoryKind.STARTED, HistoryKind.EMAIL_CODE_SENT, HistoryKind.EMAIL_VERIFIED]

    async def test_is_at_rest_nowhere(self, world: World) -> None:
        checkout, code = await asked(world)
        assert code not in repr(world.row(checkout))
        assert code not in repr(world.database.events)

    async def test_of_a_verified_email_is_asked_for_no_more(self, world: World) -> None:
        checkout, code = await asked(world)
        await give(world, checkout, code)
        again = await world.email_verification.request(as_guest(checkout), checkout.id)
        assert again.email_verified_at is not None
        assert (await give(world, checkout, WRONG)).email_verified_at is not None, "a second tab, a replay"
        assert len(world.mail.sent) == 1

    async def test_is_good_for_ten_minutes(self, world: World) -> None:
        checkout, code = await asked(world)
        world.clock.advance(seconds=GOOD_FOR.total_seconds())
        with pytest.raises(EmailCodeInvalid) as told:
            await give(world, checkout, code)
        assert told.value.tries_left == 0

    async def test_takes_five_tries_and_then_not_even_itself(self, world: World) -> None:
        checkout, code = await asked(world)
        for left in reversed(range(TRIES)):
            with pytest.raises(EmailCodeInvalid) as told:
                await give(world, checkout, WRONG)
            assert told.value.tries_left == left
        with pytest.raises(EmailCodeInvalid):
            await give(world, checkout, code)

    async def test_tries_at_once_are_no_more_than_one_after_the_other(self, world: World) -> None:
        checkout, code = await asked(world)
        tries = [give(world, checkout, WRONG) for _ in range(50)]
        told = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(one) for one in told} == {EmailCodeInvalid}
        kept = world.row(checkout).email_code
        assert kept is not None
        assert kept.tries == TRIES
        with pytest.raises(EmailCodeInvalid):
            await give(world, checkout, code)

    async def test_a_fresh_one_takes_the_place_of_the_former(self, world: World) -> None:
        checkout, former = await asked(world)
        await world.email_verification.request(as_guest(checkout), checkout.id)
        fresh = world.mail.sent[-1][1]
        if former != fresh:
            with pytest.raises(EmailCodeInvalid):
                await give(world, checkout, former)
        assert (await give(world, checkout, fresh)).email_verified_at is not None

    async def test_of_another_checkout_is_none(self, world: World) -> None:
        _, code = await asked(world)
        other = await world.start(STRANGER, a_slot(hours=48))
        await world.email_verification.request(as_guest(other), other.id)
        if world.mail.sent[-1][1] != code:
            with pytest.raises(EmailCodeInvalid):
                await give(world, other, code)

    async def test_opens_nothing_for_somebody_else(self, world: World) -> None:
        checkout, code = await asked(world)
        for ask in (
            world.email_verification.verify(STRANGER, checkout.id, code),
            world.email_verification.request(STRANGER, checkout.id),
        ):
            with pytest.raises(NotFound):
                await ask
        assert world.row(checkout).email_verified_at is None


class TestAnotherGuest:
    async def test_on_the_same_checkout_has_proved_nothing(self, world: World) -> None:
        checkout, code = await asked(world)
        await give(world, checkout, code)
        row = await self.started_again(world, checkout, replace(GUEST, email="sample.other@example.com"))
        assert (row.email_verified_at, row.email_code) == (None, None)

    async def test_is_not_opened_by_a_code_that_is_on_its_way(self, world: World) -> None:
        checkout, code = await asked(world)
        await self.started_again(world, checkout, replace(GUEST, email="sample.other@example.com"))
        with pytest.raises(EmailCodeInvalid):
            await give(world, checkout, code)

    async def test_of_the_same_email_has_verified_it(self, world: World) -> None:
        checkout, code = await asked(world)
        await give(world, checkout, code)
        other = replace(GUEST, email=GUEST.email.upper(), first_name="Simple")
        assert (await self.started_again(world, checkout, other)).email_verified_at is not None

    async def test_of_a_mailbox_that_only_a_speller_takes_for_the_same_has_proved_nothing(
        self, world: World
    ) -> None:
        """Both are domains of their own (IDNA 2008), and anybody may have registered the one that is like a patient's."""
        hold = await world.hold()
        mine = replace(GUEST, email="sample@strasse.example")
        checkout = await world.starts.start(VISITOR, hold_id=hold.id, guest=mine)
        await world.email_verification.request(as_guest(checkout), checkout.id)
        await give(world, checkout, world.mail.sent[-1][1])
        row = await self.started_again(world, checkout, replace(GUEST, email="sample@stra\u00dfe.example"))
        assert row.email_verified_at is None

    async def started_again(self, world: World, checkout: Checkout, guest: object) -> Checkout:
        """Start on the same hold as another guest."""
        await world.starts.start(VISITOR, hold_id=checkout.hold_id, guest=guest)  # type: ignore[arg-type]  # details
        return world.row(checkout)


class TestBounds:
    async def test_a_mail_counts_for_checkout_visitor_address_and_network(self, world: World) -> None:
        checkout, _ = await asked(world)
        ((what, names, client, signed_in),) = world.attempts.counted
        assert (what, client, signed_in) == (AttemptKind.EMAIL_CODE, None, False)
        assert {checkout.owner, checkout.started_by} < names
        (address,) = names - {checkout.owner, checkout.started_by}
        assert address.startswith("email:")
        assert "sample" not in address.casefold()

    async def test_beyond_them_nothing_is_sent(self, world: World) -> None:
        checkout = await world.start()
        world.attempts.refusing = True
        with pytest.raises(TooManyAttempts):
            await world.email_verification.request(as_guest(checkout), checkout.id)
        assert world.mail.sent == []
        assert world.row(checkout).email_code is None

    async def test_a_mail_that_was_not_taken_counts_for_nothing(self, world: World) -> None:
        checkout = await world.start()
        world.mail.down = True
        with pytest.raises(EmailNotSent):
            await world.email_verification.request(as_guest(checkout), checkout.id)
        assert world.attempts.counted == []


class TestUnavailable:
    async def test_where_nobody_sends_mail_a_guest_books_without(self, world: World) -> None:
        silent = EmailVerification(
            sender=None, units=world.database, clock=world.clock, attempts=world.attempts, digest=str
        )
        checkout = await world.start()
        with pytest.raises(EmailVerificationUnavailable):
            await silent.request(as_guest(checkout), checkout.id)
        with pytest.raises(EmailVerificationUnavailable):
            await silent.verify(as_guest(checkout), checkout.id, "123456")
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_to_who_has_signed_in(self, world: World) -> None:
        checkout = await world.start(PATIENT)
        with pytest.raises(EmailVerificationUnavailable):
            await world.email_verification.request(PATIENT, checkout.id)

    async def test_once_it_is_settled_whose_record_it_is(self, world: World) -> None:
        checkout, code = await asked(world)
        await confirm(world, checkout)
        for ask in (
            world.email_verification.request(as_guest(checkout), checkout.id),
            give(world, checkout, code),
        ):
            with pytest.raises(CheckoutClosed):
                await ask

    async def test_after_a_declined_card(self, world: World) -> None:
        checkout, code = await asked(world)
        with pytest.raises(CardDeclined):
            await confirm(world, checkout, "declined")
        with pytest.raises(EmailVerificationUnavailable):
            await give(world, checkout, code)
