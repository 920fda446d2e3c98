"""Starting a checkout: who may, what a second start on the hold changes, and that nobody pays a quote they did not see."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.models import Hold
from booking.money import Money
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import (
    GuestDetailsRequired,
    HoldExpired,
    PlanRequired,
    QuoteChanged,
    RecurrenceNotAccepted,
)
from tests.doubles.booking_ports import FakeHolds
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_world import (
    GUEST,
    MONTHLY,
    ONCE,
    PATIENT,
    PLANNED,
    STRANGER,
    TEN_OFF,
    VISITOR,
    World,
    a_slot,
    as_guest,
)


class TestStart:
    async def test_a_guest_gets_a_checkout_that_only_its_own_token_opens(self, world: World) -> None:
        checkout = await world.start()
        assert checkout.state is S.STARTED
        assert checkout == world.row(checkout)
        assert await world.checkouts.view(as_guest(checkout), checkout.id) == checkout
        assert await world.checkouts.view(STRANGER, checkout.id) is None

    async def test_the_hold_goes_over_to_the_checkout(self, world: World) -> None:
        checkout = await world.start()
        (hold,) = world.holds.live
        assert (hold.id, hold.owner) == (checkout.hold_id, checkout.owner)

    async def test_a_patient_needs_no_details_and_gives_none(self, world: World) -> None:
        hold = await world.hold(PATIENT)
        checkout = await world.starts.start(PATIENT, hold_id=hold.id, guest=GUEST)
        assert checkout.patient_id == PATIENT.principal.id
        assert checkout.guest is None

    async def test_a_visitor_who_signs_in_keeps_the_hold(self, world: World) -> None:
        hold = await world.hold(VISITOR)
        signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
        checkout = await world.starts.start(signed_in, hold_id=hold.id)
        assert checkout.owner == PATIENT.principal.key

    async def test_nobody_checks_out_without_saying_who_they_are(self, world: World) -> None:
        hold = await world.hold()
        with pytest.raises(GuestDetailsRequired):
            await world.starts.start(VISITOR, hold_id=hold.id)
        assert world.database.rows == {}

    async def test_a_foreign_and_a_missing_hold_answer_alike(self, world: World) -> None:
        hold = await world.hold()
        answers = []
        for caller, hold_id in ((STRANGER, hold.id), (STRANGER, "hold_missing")):
            with pytest.raises(HoldExpired) as refusal:
                await world.starts.start(caller, hold_id=hold_id, guest=GUEST)
            answers.append(str(refusal.value))
        await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        with pytest.raises(HoldExpired) as refusal:
            await world.starts.start(STRANGER, hold_id=hold.id, guest=GUEST)
        assert {*answers, str(refusal.value)} == {HoldExpired.message}

    async def test_a_hold_that_ran_out_starts_nothing(self, world: World) -> None:
        hold = await world.hold()
        world.clock.advance(minutes=5)
        with pytest.raises(HoldExpired):
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)

    async def test_a_hold_that_runs_out_while_starting_ends_the_checkout(self, world: World) -> None:
        hold = await world.hold()
        world.tape.after_commit["started"] = lambda: world.clock.advance(minutes=5)
        with pytest.raises(HoldExpired):
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        (row,) = world.database.rows.values()
        assert row.state is S.EXPIRED
        assert row.guest is None

    async def test_a_second_start_joins_the_first(self, world: World) -> None:
        checkout = await world.start()
        assert await world.starts.start(VISITOR, hold_id=checkout.hold_id, guest=GUEST) == checkout
        assert len(world.database.rows) == 1

    async def test_what_a_patient_started_is_not_there_for_who_uses_their_browser_next(
        self, world: World
    ) -> None:
        browser = VISITOR.principal
        hold = await world.hold(VISITOR)
        patient = replace(PATIENT, visitor=browser)
        checkout = await world.starts.start(patient, hold_id=hold.id)
        assert checkout.started_by == browser.key
        another = Principal(kind=PrincipalKind.PATIENT, id="another")
        for next_one in (VISITOR, Caller(principal=another, visitor=browser)):
            with pytest.raises(HoldExpired):
                await world.starts.start(next_one, hold_id=hold.id, plan_id=ONCE.id, guest=GUEST)
        assert await world.starts.start(patient, hold_id=hold.id) == checkout == world.row(checkout)

    async def test_a_second_start_with_a_promo_code_quotes_the_same_checkout_anew(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        again = await world.starts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code="TENOFF", guest=GUEST
        )
        assert again.id == checkout.id
        assert again.quote.due_today == TEN_OFF.discounted
        assert world.row(checkout) == again
        assert world.database.history(checkout)[-1] == "requoted started"
        joined = await world.starts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code=" tenoff ", guest=GUEST
        )
        assert joined == again

    async def test_a_second_start_replaces_plan_and_guest(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        other = replace(GUEST, first_name="Example")
        again = await world.starts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=other, accept_recurrence=True
        )
        assert (again.id, again.quote.plan_id, again.guest) == (checkout.id, MONTHLY.id, other)

    async def test_a_second_start_is_bound_by_the_rules_of_the_first(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        with pytest.raises(RecurrenceNotAccepted):
            await world.starts.start(VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=GUEST)
        with pytest.raises(HoldExpired):
            await world.starts.start(STRANGER, hold_id=checkout.hold_id, plan_id=ONCE.id, guest=GUEST)
        assert world.row(checkout) == checkout

    async def test_a_confirmed_quote_is_joined_and_never_changed(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        seen: list[Checkout] = []

        async def start_again() -> None:
            seen.append(
                await world.starts.start(
                    VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code="TENOFF", guest=GUEST
                )
            )

        world.books.during["charge"] = start_again
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert [one.quote for one in seen] == [checkout.quote]

    async def test_a_confirm_does_not_pay_a_quote_that_came_in_between(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)

        async def quoted_anew() -> None:
            await world.starts.start(
                VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=GUEST, accept_recurrence=True
            )

        class Interrupted(FakeHolds):
            async def get(self, hold_id: str) -> Hold | None:
                await quoted_anew()
                return await world.holds.get(hold_id)

        interrupted = CheckoutHolds(holds=Interrupted(world.clock), units=world.database, clock=world.clock)
        service = world.a_service(world.saga, checkout_holds=interrupted)
        with pytest.raises(QuoteChanged):
            await service.confirm(as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id)
        assert world.books.charges == []

    @pytest.mark.parametrize(
        "other",
        [
            {"plan_id": ONCE.id},
            {"plan_id": MONTHLY.id, "accept_recurrence": True},
        ],
        ids=["dearer", "and bills again"],
    )
    async def test_nobody_pays_a_quote_that_another_tab_changed(
        self, world: World, other: dict[str, Any]
    ) -> None:
        hold = await world.hold(slot=a_slot(PLANNED))
        start = world.starts.start
        seen = await start(VISITOR, hold_id=hold.id, plan_id=ONCE.id, promo_code="TENOFF", guest=GUEST)
        changed = await start(VISITOR, hold_id=hold.id, guest=GUEST, **other)
        assert changed.id == seen.id
        with pytest.raises(QuoteChanged) as refusal:
            await world.checkouts.confirm(as_guest(seen), seen.id, world.token(), quote_id=seen.quote.id)
        assert refusal.value.quote == changed.quote
        assert world.tape.calls() == []
        assert world.attempts.counted == []
        assert world.row(seen) == changed
        assert await world.holds.get(hold.id) is not None
        paid = await world.checkouts.confirm(
            as_guest(seen), seen.id, world.token(), quote_id=refusal.value.quote.id
        )
        assert paid.charge is not None
        assert paid.charge.net == changed.quote.due_today

    async def test_what_is_paid_already_is_answered_whatever_quote_is_accepted(self, world: World) -> None:
        checkout = await world.start()
        row = await confirm(world, checkout)
        again = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id="another"
        )
        assert again == row
        assert len(world.books.charges) == 1

    async def test_two_starts_at_once_are_one_checkout(self, world: World) -> None:
        hold = await world.hold()
        start = world.starts.start
        first, second = await asyncio.gather(
            start(VISITOR, hold_id=hold.id, guest=GUEST), start(VISITOR, hold_id=hold.id, guest=GUEST)
        )
        assert first.id == second.id
        assert len(world.database.rows) == 1

    async def test_a_plan_that_bills_again_must_be_accepted_as_such(self, world: World) -> None:
        hold = await world.hold(slot=a_slot(PLANNED))
        with pytest.raises(RecurrenceNotAccepted):
            await world.starts.start(VISITOR, hold_id=hold.id, plan_id=MONTHLY.id, guest=GUEST)
        checkout = await world.starts.start(
            VISITOR, hold_id=hold.id, plan_id=MONTHLY.id, guest=GUEST, accept_recurrence=True
        )
        assert checkout.quote.recurrence is not None

    async def test_a_visit_that_plans_sell_is_not_sold_alone(self, world: World) -> None:
        with pytest.raises(PlanRequired):
            await world.start(slot=a_slot(PLANNED))

    async def test_the_quote_is_frozen_with_the_checkout(self, world: World) -> None:
        hold = await world.hold(slot=a_slot(PLANNED))
        checkout = await world.starts.start(
            VISITOR, hold_id=hold.id, plan_id="once", promo_code="TENOFF", guest=GUEST
        )
        world.offer.promos["TENOFF"] = replace(TEN_OFF, discounted=Money.of("94", "USD"))
        again = await world.starts.start(
            VISITOR, hold_id=hold.id, plan_id="once", promo_code="TENOFF", guest=GUEST
        )
        assert again.quote == world.row(checkout).quote == checkout.quote
        assert str(again.quote.due_today) == "89.00 USD"
