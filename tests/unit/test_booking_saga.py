"""The driver: intent, commit, call, commit; the slot claim, cards and what is given back."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from booking.catalog.model import ContactType
from booking.checkout.guests import GuestRecords
from booking.checkout.model import CheckoutState as S
from booking.checkout.model import EndReason
from booking.checkout.transitions import at_rest
from booking.errors import AuditUnavailable, UpstreamRefused, UpstreamUnavailable
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.refusals import (
    AmountNotChargeable,
    BookingFailed,
    CardDeclined,
    CheckoutClosed,
    ClinicianNotBookable,
    DeclineReason,
    PaymentInProgress,
    PaymentUnavailable,
    SlotTaken,
)
from tests.doubles.booking_steps import confirm, parked
from tests.doubles.booking_upstream import OTHER_INVOICE, AnswerLost, Lost
from tests.doubles.booking_world import (
    FREE,
    GUEST,
    LOCATION,
    MONTHLY,
    PATIENT,
    PLANNED,
    STRANGER,
    World,
    a_slot,
    as_guest,
)


class TestOrder:
    async def test_each_intent_is_committed_before_its_call_and_each_outcome_after_it(self) -> None:
        world = World()
        await confirm(world, await world.start())
        journey = world.tape.events[world.tape.events.index("commit patient_intended") :]
        assert journey == [
            "commit patient_intended",
            "call find_patient",
            "call create_patient",
            "commit patient_ready card_intended",
            "call attach_card",
            "commit card_ready",
            "call visit_on_sale",
            "commit charge_intended",
            "call charge",
            "commit charged booking_intended",
            "call book",
            "commit booked confirmed",
        ]

    async def test_a_free_visit_goes_from_the_patient_to_the_booking_without_a_card(self) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE))
        row = await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert row.state is S.CONFIRMED
        assert world.tape.calls() == ["find_patient", "create_patient", "visit_on_sale", "book"]

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
        await world.checkouts.confirm(as_guest(checkout), checkout.id, card, quote_id=checkout.quote.id)
        assert seen == ([True] if visit == "free" else [False, True])

    @pytest.mark.parametrize("visit", [a_slot(), a_slot(FREE)], ids=["priced", "free"])
    async def test_a_claim_of_somebody_else_is_slot_taken_before_any_money_moves(self, visit: object) -> None:
        world = World()
        checkout = await world.start(slot=visit)  # type: ignore[arg-type]  # a slot
        world.database.claims["other"] = a_slot(hours=23.75)
        free = checkout.quote.due_today.is_zero
        with pytest.raises(SlotTaken):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, None if free else world.token(), quote_id=checkout.quote.id
            )
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

    @pytest.mark.parametrize("fault", [Lost(), AnswerLost()])
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

    @pytest.mark.parametrize("fault", [UpstreamUnavailable("attach_card"), AuditUnavailable("attach_card")])
    async def test_a_card_that_was_not_sent_is_unavailable_and_not_declined_and_may_be_sent_again(
        self, fault: Exception
    ) -> None:
        world = World()
        checkout = await world.start()
        token = world.token()
        world.books.fail("attach_card", fault)
        with pytest.raises(UpstreamUnavailable):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, token, quote_id=checkout.quote.id)
        row = world.row(checkout)
        assert (row.state, row.declined, at_rest(row)) == (S.PATIENT_READY, None, True)
        again = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, token, quote_id=checkout.quote.id
        )
        assert again.state is S.CONFIRMED
        world.assert_right(checkout)

    async def test_who_joined_a_confirm_whose_card_was_not_sent_is_told_the_same(self) -> None:
        world = World()
        checkout = await world.start(PATIENT)
        world.books.fail("attach_card", UpstreamUnavailable("attach_card"))
        both = [
            service.confirm(PATIENT, checkout.id, world.token(), quote_id=checkout.quote.id)
            for service in (world.checkouts, world.a_service(world.a_saga()))
        ]
        first, second = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(first, UpstreamUnavailable)
        assert isinstance(second, UpstreamUnavailable)

    async def test_a_card_that_was_not_sent_is_gone_when_the_checkout_is_over(self) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("attach_card", UpstreamUnavailable("attach_card"))
        with pytest.raises(UpstreamUnavailable):
            await confirm(world, checkout)
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        world.assert_right(checkout)

    async def test_an_amount_that_the_processor_refuses_is_sent_once_and_ends_the_checkout_as_that(
        self,
    ) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail("charge", AmountNotChargeable())
        with pytest.raises(AmountNotChargeable):
            await confirm(world, checkout)
        row = world.row(checkout)
        assert (row.state, row.end_reason) == (S.CANCELLED, EndReason.AMOUNT_NOT_CHARGEABLE)
        assert world.tape.calls().count("charge") == 1
        assert await world.holds.get(checkout.hold_id) is None
        world.assert_right(checkout)

    @pytest.mark.parametrize("call", ["attach_card", "charge"])
    async def test_a_payment_that_the_practice_cannot_take_ends_the_checkout(self, call: str) -> None:
        world = World()
        checkout = await world.start()
        world.books.fail(call, UpstreamRefused(call, "no_bank_account"))
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
                await world.checkouts.confirm(PATIENT, second.id, world.token(), quote_id=second.quote.id)
            except PaymentInProgress as refusal:
                refused.append(refusal)

        world.books.during["charge"] = pay_for_the_second
        await world.checkouts.confirm(PATIENT, first.id, world.token(), quote_id=first.quote.id)
        assert len(refused) == 1
        world.assert_right(second)
        row = await world.checkouts.confirm(PATIENT, second.id, world.token(), quote_id=second.quote.id)
        assert row.state is S.CONFIRMED

    async def test_a_guest_does_not_learn_that_their_patient_pays_elsewhere(self) -> None:
        world = World(guest_records=GuestRecords.VERIFIED_EMAIL)
        world.books.patients["p1"] = GUEST
        first, second = await world.start(), await world.start(STRANGER, a_slot(hours=48))
        await world.verify(first)
        await world.verify(second)
        told: list[Exception] = []
        token = world.token()

        async def pay_for_the_second() -> None:
            try:
                await world.checkouts.confirm(as_guest(second), second.id, token, quote_id=second.quote.id)
            except UpstreamUnavailable as error:
                told.append(error)

        world.books.during["charge"] = pay_for_the_second
        await world.checkouts.confirm(as_guest(first), first.id, world.token(), quote_id=first.quote.id)
        assert [error.__cause__ for error in told] == [None]
        assert world.row(first).patient_id == world.row(second).patient_id
        world.assert_right(second)
        row = await world.checkouts.confirm(as_guest(second), second.id, token, quote_id=second.quote.id)
        assert row.state is S.CONFIRMED, "the same request again, its card unused so far"

    async def test_a_worker_that_meets_another_payment_of_the_patient_lets_the_row_rest(self) -> None:
        world = World()
        first, second = await world.start(PATIENT), await world.start(PATIENT, a_slot(hours=48))
        world.confirmed(second)

        async def work() -> None:
            await world.a_saga().resume(second.id)

        world.books.during["charge"] = work
        await world.checkouts.confirm(PATIENT, first.id, world.token(), quote_id=first.quote.id)
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

    @pytest.mark.parametrize(
        "differs", [{"contact_type": ContactType.PHONE}, {"location_id": "elsewhere"}], ids=["way", "place"]
    )
    async def test_a_visit_found_in_another_way_or_place_is_undone(self, differs: dict[str, Any]) -> None:
        """Its answer was lost, or not believed for that very difference: what is found is held against what was asked too."""
        world = World()
        there = replace(a_slot(), contact_type=ContactType.IN_PERSON, location_id=LOCATION.id)
        world.offer.free.append(there)
        checkout = await world.start(slot=there)
        world.books.fail("book", AnswerLost())
        await confirm(world, checkout)
        world.books.appointments[0] = replace(world.books.appointments[0], **differs)
        row = await world.settle(checkout)
        assert (row.state, row.end_reason) == (S.REFUNDED, EndReason.BOOKING_REFUSED)
        world.assert_right(checkout)

    async def test_a_visit_found_in_a_way_that_we_have_no_word_for_stands(self) -> None:
        world = World()
        checkout = await parked(world, "book", AnswerLost())
        world.books.appointments[0] = replace(world.books.appointments[0], contact_type=None)
        assert (await world.settle(checkout)).state is S.CONFIRMED

    async def test_a_free_visit_that_cannot_be_booked_is_not_said_to_be_refunded(self) -> None:
        world = World()
        checkout = await world.start(slot=a_slot(FREE))
        world.books.fail("book", UpstreamRefused("book", "why"))
        with pytest.raises(BookingFailed, match="not been charged"):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)

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
        assert (row.state, row.attention) == (S.NEEDS_ATTENTION, (attention,))
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
        assert world.row(checkout).attention == (AttentionReason.PACKAGE_REMAINS,)

    @pytest.mark.parametrize("provider", [None, "c2"], ids=["booked", "undone"])
    async def test_an_invoice_that_the_booking_raised_is_on_the_attention_list(
        self, provider: str | None
    ) -> None:
        world = World()
        world.books.open_invoice, world.books.booked_provider = OTHER_INVOICE, provider
        checkout = await world.start()
        if provider is None:
            await confirm(world, checkout)
        else:
            with pytest.raises(BookingFailed):
                await confirm(world, checkout)
        assert world.row(checkout).attention == (AttentionReason.OPEN_INVOICE,)
