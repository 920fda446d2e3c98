"""Checkouts as patients meet them: who may join, pay, look and leave, and what they are told."""

import asyncio
import base64
import gc
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.checkout.guests import GuestRecords
from booking.checkout.model import CheckoutState as S
from booking.checkout.service import CheckoutRules
from booking.checkout.transitions import at_rest
from booking.errors import NotFound, UpstreamUnavailable
from booking.models import Card, CardChoice, GuestDetails, Hold
from booking.operations.model import HistoryKind
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import CardDeclined, CardRequired, CheckoutClosed, HoldExpired
from booking.visits.known import booked_visit
from booking.visits.model import end_of
from tests.doubles.booking_world import (
    FREE,
    GUEST,
    PATIENT,
    STRANGER,
    VISITOR,
    World,
    a_slot,
    as_guest,
)
from tests.doubles.visits import a_snapshot
from tests.simulation.virtual_loop import VirtualLoop, run

HURRIED = CheckoutRules(answer_within=timedelta(milliseconds=20))


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

    async def test_a_guest_gets_no_use_of_the_cards_of_the_record_that_they_match(self) -> None:
        world = World(guest_records=GuestRecords.VERIFIED_EMAIL)
        world.books.patients["p1"] = GUEST
        world.books.cards["p1"].append(Card(id="theirs", brand="Visa", last4="4242", expires=None))
        checkout = await world.start()
        await world.verify(checkout)
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

    async def test_a_confirm_whose_caller_leaves_while_it_is_written_is_driven_to_its_end(
        self, world: World
    ) -> None:
        checkout = await world.start()
        get = world.holds.get

        async def then_nobody_writes(hold_id: str) -> Hold | None:
            world.holds.get = get  # type: ignore[method-assign]
            hold = await get(hold_id)
            await world.database.writer.acquire()
            return hold

        world.holds.get = then_nobody_writes  # type: ignore[method-assign]
        confirm = asyncio.create_task(
            world.checkouts.confirm(
                as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
            )
        )
        for _ in range(50):
            await asyncio.sleep(0)
        confirm.cancel()
        with pytest.raises(asyncio.CancelledError):
            await confirm
        assert world.row(checkout).attempt == 0
        world.database.writer.release()
        for _ in range(500):
            await asyncio.sleep(0)
        assert world.row(checkout).state is S.CONFIRMED
        assert world.attempts.cards == []

    async def test_a_confirm_and_its_first_intent_are_one_write(self, world: World) -> None:
        checkout = await world.start()
        await world.checkouts.confirm(
            as_guest(checkout), checkout.id, world.token(), quote_id=checkout.quote.id
        )
        told = [
            (one.kind, one.before, one.after)
            for one in world.database.events
            if one.checkout_id == checkout.id
        ]
        assert told[1:3] == [
            (HistoryKind.ACCEPTED, S.STARTED, S.STARTED),
            (HistoryKind.MOVED, S.STARTED, S.PATIENT_INTENDED),
        ]
        assert "commit started" not in world.tape.events[1:]

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

    def test_a_slow_upstream_is_answered_as_under_way_and_goes_on(self) -> None:
        """On virtual time: the patience ends when nothing is left to do, however busy the machine is."""

        async def confirmed() -> None:
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

        run(confirmed(), VirtualLoop())

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
        async with aclosing(world.live_queries().checkout(guest, checkout.id)) as live_query:
            assert (await anext(live_query))[0].id == checkout.id
        world.clock.advance(minutes=1)
        async with (
            asyncio.timeout(5),
            aclosing(world.live_queries().checkout(guest, checkout.id)) as live_query,
        ):
            assert await anext(live_query, None) is None

    async def test_a_guests_token_opens_a_booked_visit_until_it_is_over(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(hours=48))
        guest = as_guest(checkout)
        await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        world.clock.at = checkout.visit_slot.end - timedelta(seconds=1)
        assert await world.checkouts.view(guest, checkout.id) is not None
        world.clock.at = checkout.visit_slot.end
        assert await world.checkouts.view(guest, checkout.id) is None

    async def test_a_guests_token_opens_a_visit_that_was_moved_until_that_is_over(self, world: World) -> None:
        checkout = await world.start(slot=a_slot(hours=48))
        guest = as_guest(checkout)
        await world.checkouts.confirm(guest, checkout.id, world.token(), quote_id=checkout.quote.id)
        visit = booked_visit(world.row(checkout))
        assert visit is not None
        moved = replace(visit, start=visit.start + timedelta(days=9))
        seen = a_snapshot(moved)
        world.database.snapshots[seen.resource] = seen
        world.clock.at = end_of(moved) - timedelta(seconds=1)
        assert await world.checkouts.view(guest, checkout.id) is not None
        async with aclosing(world.live_queries().checkout(guest, checkout.id)) as live_query:
            assert (await anext(live_query))[1] == moved
        world.clock.at = end_of(moved)
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
