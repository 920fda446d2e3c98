"""Checkouts as patients meet them: who may start, join, pay, look and leave, and what they are told."""

import asyncio
import base64
import gc
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from booking.checkout import CheckoutRules
from booking.models import Card, CardChoice, Checkout, GuestDetails, Hold
from booking.models import CheckoutState as S
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import (
    CardDeclined,
    CardRequired,
    CheckoutClosed,
    GuestDetailsRequired,
    HoldExpired,
    NotFound,
    PlanRequired,
    QuoteChanged,
    RecurrenceNotAccepted,
    UpstreamUnavailable,
)
from booking.saga import at_rest
from tests.unit.booking_doubles import FakeHolds
from tests.unit.booking_steps import confirm
from tests.unit.booking_world import (
    FREE,
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

HURRIED = CheckoutRules(answer_within=timedelta(milliseconds=20))


@pytest.fixture
def world() -> World:
    return World()


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
        checkout = await world.checkouts.start(PATIENT, hold_id=hold.id, guest=GUEST)
        assert checkout.patient_id == PATIENT.principal.id
        assert checkout.guest is None

    async def test_a_visitor_who_signs_in_keeps_the_hold(self, world: World) -> None:
        hold = await world.hold(VISITOR)
        signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
        checkout = await world.checkouts.start(signed_in, hold_id=hold.id)
        assert checkout.owner == PATIENT.principal.key

    async def test_nobody_checks_out_without_saying_who_they_are(self, world: World) -> None:
        hold = await world.hold()
        with pytest.raises(GuestDetailsRequired):
            await world.checkouts.start(VISITOR, hold_id=hold.id)
        assert world.database.rows == {}

    async def test_a_foreign_and_a_missing_hold_answer_alike(self, world: World) -> None:
        hold = await world.hold()
        answers = []
        for caller, hold_id in ((STRANGER, hold.id), (STRANGER, "hold_missing")):
            with pytest.raises(HoldExpired) as refusal:
                await world.checkouts.start(caller, hold_id=hold_id, guest=GUEST)
            answers.append(str(refusal.value))
        await world.checkouts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        with pytest.raises(HoldExpired) as refusal:
            await world.checkouts.start(STRANGER, hold_id=hold.id, guest=GUEST)
        assert {*answers, str(refusal.value)} == {HoldExpired.message}

    async def test_a_hold_that_ran_out_starts_nothing(self, world: World) -> None:
        hold = await world.hold()
        world.clock.advance(minutes=5)
        with pytest.raises(HoldExpired):
            await world.checkouts.start(VISITOR, hold_id=hold.id, guest=GUEST)

    async def test_a_hold_lost_while_starting_ends_the_checkout(self, world: World) -> None:
        hold = await world.hold()
        world.tape.after_commit["started"] = world.holds.emptied
        with pytest.raises(HoldExpired):
            await world.checkouts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        (row,) = world.database.rows.values()
        assert row.state is S.EXPIRED
        assert row.guest is None

    async def test_a_second_start_joins_the_first(self, world: World) -> None:
        checkout = await world.start()
        assert await world.checkouts.start(VISITOR, hold_id=checkout.hold_id, guest=GUEST) == checkout
        assert len(world.database.rows) == 1

    async def test_what_a_patient_started_is_not_there_for_who_uses_their_browser_next(
        self, world: World
    ) -> None:
        browser = VISITOR.principal
        hold = await world.hold(VISITOR)
        patient = replace(PATIENT, visitor=browser)
        checkout = await world.checkouts.start(patient, hold_id=hold.id)
        assert checkout.started_by == browser.key
        another = Principal(kind=PrincipalKind.PATIENT, id="another")
        for next_one in (VISITOR, Caller(principal=another, visitor=browser)):
            with pytest.raises(HoldExpired):
                await world.checkouts.start(next_one, hold_id=hold.id, plan_id=ONCE.id, guest=GUEST)
        assert await world.checkouts.start(patient, hold_id=hold.id) == checkout == world.row(checkout)

    async def test_a_second_start_with_a_promo_code_quotes_the_same_checkout_anew(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        again = await world.checkouts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code="TENOFF", guest=GUEST
        )
        assert again.id == checkout.id
        assert again.quote.due_today == TEN_OFF.discounted
        assert world.row(checkout) == again
        assert world.database.story(checkout)[-1] == "requoted started"
        joined = await world.checkouts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=ONCE.id, promo_code=" tenoff ", guest=GUEST
        )
        assert joined == again

    async def test_a_second_start_replaces_plan_and_guest(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        other = replace(GUEST, first_name="Example")
        again = await world.checkouts.start(
            VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=other, accept_recurrence=True
        )
        assert (again.id, again.quote.plan_id, again.guest) == (checkout.id, MONTHLY.id, other)

    async def test_a_second_start_is_bound_by_the_rules_of_the_first(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        with pytest.raises(RecurrenceNotAccepted):
            await world.checkouts.start(VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=GUEST)
        with pytest.raises(HoldExpired):
            await world.checkouts.start(STRANGER, hold_id=checkout.hold_id, plan_id=ONCE.id, guest=GUEST)
        assert world.row(checkout) == checkout

    async def test_a_confirmed_quote_is_joined_and_never_changed(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(PLANNED), plan_id=ONCE.id)
        seen: list[Checkout] = []

        async def start_again() -> None:
            seen.append(
                await world.checkouts.start(
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
            await world.checkouts.start(
                VISITOR, hold_id=checkout.hold_id, plan_id=MONTHLY.id, guest=GUEST, accept_recurrence=True
            )

        class Interrupted(FakeHolds):
            async def get(self, hold_id: str) -> Hold | None:
                await quoted_anew()
                return await world.holds.get(hold_id)

        service = world.a_service(world.saga)
        service._holds = Interrupted(world.clock)
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
        start = world.checkouts.start
        seen = await start(VISITOR, hold_id=hold.id, plan_id=ONCE.id, promo_code="TENOFF", guest=GUEST)
        changed = await start(VISITOR, hold_id=hold.id, guest=GUEST, **other)
        assert changed.id == seen.id
        with pytest.raises(QuoteChanged) as refusal:
            await world.checkouts.confirm(as_guest(seen), seen.id, world.token(), quote_id=seen.quote.id)
        assert refusal.value.quote == changed.quote
        assert world.tape.calls() == []
        assert world.trials.counted == []
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
        start = world.checkouts.start
        first, second = await asyncio.gather(
            start(VISITOR, hold_id=hold.id, guest=GUEST), start(VISITOR, hold_id=hold.id, guest=GUEST)
        )
        assert first.id == second.id
        assert len(world.database.rows) == 1

    async def test_a_plan_that_bills_again_must_be_accepted_as_such(self, world: World) -> None:
        hold = await world.hold(slot=a_slot(PLANNED))
        with pytest.raises(RecurrenceNotAccepted):
            await world.checkouts.start(VISITOR, hold_id=hold.id, plan_id=MONTHLY.id, guest=GUEST)
        checkout = await world.checkouts.start(
            VISITOR, hold_id=hold.id, plan_id=MONTHLY.id, guest=GUEST, accept_recurrence=True
        )
        assert checkout.quote.recurrence is not None

    async def test_a_visit_that_plans_sell_is_not_sold_alone(self, world: World) -> None:
        with pytest.raises(PlanRequired):
            await world.start(slot=a_slot(PLANNED))

    async def test_the_quote_is_frozen_with_the_checkout(self, world: World) -> None:
        hold = await world.hold(slot=a_slot(PLANNED))
        checkout = await world.checkouts.start(
            VISITOR, hold_id=hold.id, plan_id="once", promo_code="TENOFF", guest=GUEST
        )
        world.offer.promos.clear()
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert str(row.quote.due_today) == "89.00 USD"
        assert [charge.net for charge in world.books.charges] == [checkout.quote.due_today]


class TestConfirm:
    async def test_a_patient_pays_with_a_card_on_file(self, world: World) -> None:
        card = Card(id="mine", brand="Visa", last4="4242", expires=None)
        world.books.cards[PATIENT.principal.id].append(card)
        checkout = await world.start(PATIENT)
        row = await world.checkouts.confirm(
            PATIENT, checkout.id, CardChoice(on_file_id="mine"), quote_id=checkout.quote.id
        )
        assert row.state is S.CONFIRMED
        assert [charge.card_id for charge in world.books.charges] == ["mine"]
        assert "attach_card" not in world.tape.calls()

    @pytest.mark.parametrize("caller", [PATIENT, VISITOR])
    async def test_nobody_pays_with_a_card_of_somebody_else(self, world: World, caller: Caller) -> None:
        world.books.cards["another"].append(Card(id="theirs", brand="Visa", last4="4242", expires=None))
        checkout = await world.start(caller)
        payer = caller if caller is PATIENT else as_guest(checkout)
        with pytest.raises(CardRequired):
            await world.checkouts.confirm(
                payer, checkout.id, CardChoice(on_file_id="theirs"), quote_id=checkout.quote.id
            )
        assert world.row(checkout).attempt == 0

    async def test_a_guest_gets_no_use_of_the_cards_of_the_record_that_they_match(self, world: World) -> None:
        world.books.patients["p1"] = GUEST
        world.books.cards["p1"].append(Card(id="theirs", brand="Visa", last4="4242", expires=None))
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token("declined"), quote_id=checkout.quote.id
            )
        assert world.row(checkout).patient_id == "p1"
        with pytest.raises(CardRequired):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, CardChoice(on_file_id="theirs"), quote_id=checkout.quote.id
            )

    async def test_what_is_due_needs_a_card(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardRequired):
            await world.checkouts.confirm(as_guest(checkout), checkout.id, None, quote_id=checkout.quote.id)
        assert world.row(checkout).state is S.STARTED

    async def test_a_card_is_not_kept_where_nothing_is_due(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(FREE))
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert row.state is S.CONFIRMED
        assert not {"attach_card", "charge"} & set(world.tape.calls())

    async def test_a_hold_that_ran_out_before_the_confirm_ends_the_checkout(self, world: World) -> None:
        checkout = await world.start()
        world.clock.advance(minutes=5)
        with pytest.raises(HoldExpired):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert world.row(checkout).state is S.EXPIRED
        assert world.tape.calls() == []

    @pytest.mark.parametrize("caller", [STRANGER, VISITOR, PATIENT])
    async def test_a_foreign_and_a_missing_checkout_answer_alike(self, world: World, caller: Caller) -> None:
        checkout = await world.start()
        for act in (
            world.checkouts.cancel,
            lambda who, one: world.checkouts.confirm(who, one, world.token(), quote_id=checkout.quote.id),
        ):
            for checkout_id in (checkout.id, "chk_missing"):
                with pytest.raises(NotFound, match=r"^checkout not found$"):
                    await act(caller, checkout_id)
        assert await world.checkouts.view(caller, checkout.id) is None
        assert await world.checkouts.view(caller, "chk_missing") is None

    async def test_a_second_confirm_joins_the_first(self, world: World) -> None:
        checkout = await world.start()
        confirm = world.checkouts.confirm
        rows = await asyncio.gather(
            *(
                confirm(as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id)
                for _ in range(3)
            )
        )
        assert {row.state for row in rows} == {S.CONFIRMED}
        assert len(world.books.charges) == 1
        assert world.row(checkout).attempt == 1

    async def test_a_confirm_in_another_process_joins_too(self, world: World) -> None:
        checkout = await world.start()
        others = [world.a_service(world.a_saga()) for _ in range(3)]
        rows = await asyncio.gather(
            *(
                other.confirm(as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id)
                for other in others
            )
        )
        assert {row.state for row in rows} == {S.CONFIRMED}
        assert len(world.books.charges) == 1

    async def test_a_confirmed_checkout_is_answered_again(self, world: World) -> None:
        checkout = await world.start()
        first = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert (
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
            == first
        )
        assert len(world.books.charges) == 1

    async def test_a_slow_upstream_is_answered_as_under_way_and_goes_on(self) -> None:
        world = World(rules=HURRIED)
        checkout = await world.start()
        go_on = asyncio.Event()

        async def slow() -> None:
            await go_on.wait()

        world.books.during["charge"] = slow
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert row.state is S.CHARGE_INTENDED
        assert not at_rest(row)
        go_on.set()
        await world.checkouts.aclose()
        assert world.row(checkout).state is S.CONFIRMED

    async def test_who_only_joined_anothers_drive_looks_on_no_longer_than_they_wait(self) -> None:
        world = World(rules=HURRIED)
        checkout = world.confirmed(await world.start())
        until = world.clock.now() + timedelta(minutes=1)
        world.put(checkout.changed(lease_owner="another process/1", lease_until=until, due_at=until))
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert not at_rest(row)
        async with asyncio.timeout(5):
            await world.checkouts.aclose()

    async def test_a_card_that_cannot_be_looked_up_in_time_is_an_outage_and_nothing_was_done(self) -> None:
        world = World(rules=HURRIED)
        checkout = await world.start(PATIENT)

        async def never() -> None:
            await asyncio.Event().wait()

        world.books.during["cards_on_file"] = never
        with pytest.raises(UpstreamUnavailable):
            await world.checkouts.confirm(
                PATIENT, checkout.id, CardChoice(on_file_id="card-1"), quote_id=checkout.quote.id
            )
        assert world.row(checkout) == checkout

    async def test_a_refusal_that_comes_after_the_answer_is_no_loose_end(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(rules=HURRIED)
        checkout, other = await world.start(), await world.start(PATIENT, a_slot(hours=48))
        go_on = asyncio.Event()

        async def slow() -> None:
            await go_on.wait()
            world.put(world.row(other).changed(state=S.CARD_READY, patient_id="p1"))

        world.books.during["create_patient"] = slow
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        go_on.set()
        await world.checkouts.aclose()
        gc.collect()
        assert world.row(checkout).state is S.PATIENT_READY
        assert "never retrieved" not in caplog.text

    async def test_a_hold_that_runs_out_in_the_moment_of_a_cancel_is_no_error(self, world: World) -> None:
        checkout = await world.start()
        world.clock.advance(minutes=5)
        get = world.holds.get

        async def cancel_meanwhile(hold_id: str) -> object:
            world.holds.get = get  # type: ignore[method-assign]
            await world.checkouts.cancel(as_guest(checkout), checkout.id)
            return await get(hold_id)

        world.holds.get = cancel_meanwhile  # type: ignore[method-assign, assignment]
        with pytest.raises(CheckoutClosed):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )

    async def test_a_worker_that_looks_in_the_moment_of_a_confirm_does_not_undo_it(
        self, world: World
    ) -> None:
        checkout = await world.start()
        get = world.holds.get

        async def look_meanwhile(hold_id: str) -> object:
            world.holds.get = get  # type: ignore[method-assign]
            await world.a_saga().resume(checkout.id)
            return await get(hold_id)

        world.holds.get = look_meanwhile  # type: ignore[method-assign, assignment]
        row = await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert row.state is S.CONFIRMED


class TestCancel:
    async def test_leaving_before_paying_gives_everything_back(self, world: World) -> None:
        checkout = await world.start()
        row = await world.checkouts.cancel(as_guest(checkout), checkout.id)
        assert row.state is S.CANCELLED
        world.assert_right(checkout)
        assert world.holds.live == []
        assert await world.checkouts.cancel(as_guest(checkout), checkout.id) == row

    async def test_what_is_confirmed_is_not_cancelled_here(self, world: World) -> None:
        checkout = await world.start()
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        with pytest.raises(CheckoutClosed) as refusal:
            await world.checkouts.cancel(as_guest(checkout), checkout.id)
        assert refusal.value.state == "confirmed"

    async def test_a_cancelled_checkout_takes_no_payment(self, world: World) -> None:
        checkout = await world.start()
        await world.checkouts.cancel(as_guest(checkout), checkout.id)
        with pytest.raises(CheckoutClosed):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        assert world.tape.calls() == []

    async def test_after_a_decline_the_patient_may_leave(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token("declined"), quote_id=checkout.quote.id
            )
        row = await world.checkouts.cancel(as_guest(checkout), checkout.id)
        assert row.state is S.CANCELLED
        assert world.holds.live == []


class TestPatientData:
    async def test_details_are_forgotten_once_the_patient_is_known(self, world: World) -> None:
        checkout = await world.start()
        seen: list[GuestDetails | None] = []
        world.tape.after_commit["patient_ready"] = lambda: seen.append(world.row(checkout).guest)
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert checkout.guest == GUEST
        assert seen == [None]

    async def test_a_card_token_is_forgotten_once_it_is_used(self, world: World) -> None:
        checkout = await world.start()
        seen: list[CardChoice | None] = []
        world.tape.after_commit["card_ready"] = lambda: seen.append(world.row(checkout).card)
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        assert seen == [None]

    async def test_neither_shows_in_the_text_of_a_row(self, world: World) -> None:
        row = world.confirmed(await world.start())
        assert row.card is not None
        assert row.card.token is not None
        for secret in (GUEST.email, GUEST.first_name, row.card.token):
            assert secret not in repr(row)

    async def test_ids_of_checkouts_and_holds_cannot_be_guessed(self, world: World) -> None:
        checkout = await world.start()
        for name in (checkout.id, checkout.hold_id):
            assert len(base64.urlsafe_b64decode(name.split("_", 1)[1] + "==")) >= 16

    async def test_a_guests_token_opens_a_checkout_a_day_beyond_its_end(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)
        await world.checkouts.cancel(guest, checkout.id)
        world.clock.advance(hours=23, minutes=59)
        assert await world.checkouts.view(guest, checkout.id) is not None
        world.clock.advance(minutes=1)
        assert await world.checkouts.view(guest, checkout.id) is None
        for act in (
            world.checkouts.cancel(guest, checkout.id),
            world.checkouts.confirm(guest, checkout.id, None, quote_id=checkout.quote.id),
        ):
            with pytest.raises(NotFound):
                await act

    async def test_a_guests_token_watches_a_checkout_no_longer_than_it_opens_it(self, world: World) -> None:
        checkout = await world.start()
        guest = as_guest(checkout)
        await world.checkouts.cancel(guest, checkout.id)
        world.clock.advance(hours=23, minutes=59)
        async with aclosing(world.watching().checkout(guest, checkout.id)) as watched:
            assert (await anext(watched)).id == checkout.id
        world.clock.advance(minutes=1)
        async with asyncio.timeout(5), aclosing(world.watching().checkout(guest, checkout.id)) as watched:
            assert await anext(watched, None) is None

    async def test_a_guests_token_opens_a_booked_visit_until_it_is_over(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(hours=48))
        guest = as_guest(checkout)
        await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        world.clock.at = checkout.slot.end - timedelta(seconds=1)
        assert await world.checkouts.view(guest, checkout.id) is not None
        world.clock.at = checkout.slot.end
        assert await world.checkouts.view(guest, checkout.id) is None

    async def test_a_guests_token_opens_what_a_person_sees_to_until_that_is_settled(
        self, world: World
    ) -> None:
        checkout = await world.start()
        now = world.clock.now()
        world.put(world.row(checkout).changed(state=S.NEEDS_ATTENTION, ended_at=now))
        world.clock.advance(days=9)
        assert await world.checkouts.view(as_guest(checkout), checkout.id) is not None

    async def test_a_patient_reads_theirs_however_old(self, world: World) -> None:
        checkout = await world.start(PATIENT)
        await world.checkouts.cancel(PATIENT, checkout.id)
        world.clock.advance(days=99)
        assert await world.checkouts.view(PATIENT, checkout.id) is not None

    async def test_a_staff_token_is_no_patient(self, world: World) -> None:
        staff = Caller(principal=Principal(kind=PrincipalKind.STAFF, id=PATIENT.principal.id))
        checkout = await world.start(PATIENT)
        assert await world.checkouts.view(staff, checkout.id) is None
