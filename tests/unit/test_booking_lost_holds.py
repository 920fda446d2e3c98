"""A hold store that was emptied: who has a checkout keeps the slot until their hold's time is over, and nobody pays for a taken one."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any

import pytest

from booking.checkout.access import CheckoutAccess
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.errors import UpstreamUnavailable
from booking.models import Hold
from booking.operations.model import HistoryKind
from booking.principals import Caller
from booking.refusals import CardDeclined, HoldExpired, HoldInCheckout, SlotTaken
from tests.doubles.booking_steps import confirm
from tests.doubles.booking_world import GUEST, PATIENT, STRANGER, VISITOR, World, a_slot, as_guest


async def views(world: World, checkout: Checkout) -> object:
    return await world.hold_service.view(as_guest(checkout), checkout.hold_id)


async def extends(world: World, checkout: Checkout) -> object:
    return await world.hold_service.extend(as_guest(checkout), checkout.hold_id)


async def starts_again(world: World, checkout: Checkout) -> object:
    return await world.starts.start(VISITOR, hold_id=checkout.hold_id, guest=GUEST)


async def worker(world: World, checkout: Checkout) -> object:
    world.put(world.row(checkout).changed(due_at=world.clock.now()))
    await world.a_saga().resume(checkout.id)
    return None


WAYS = [views, extends, starts_again, worker]
Way = Callable[[World, Checkout], Awaitable[object]]

whichever_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def emptied(world: World, checkout: Checkout, *, minutes: float = 1) -> None:
    world.clock.advance(minutes=minutes)
    world.holds.emptied()
    assert world.row(checkout).state is S.STARTED


class TestTakenAgain:
    async def test_a_confirm_goes_through(self, world: World) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        assert (await confirm(world, checkout)).state is S.CONFIRMED
        world.assert_right(checkout)
        assert world.holds.live == []

    @whichever_way
    async def test_with_the_id_the_owner_and_the_time_that_it_had(self, world: World, way: Way) -> None:
        checkout = await world.start()
        (before,) = world.holds.live
        emptied(world, checkout)
        await way(world, checkout)
        (after,) = world.holds.live
        assert (after.id, after.owner, after.taken_by, after.slot) == (
            before.id,
            before.owner,
            before.taken_by,
            before.slot,
        )
        if way is not extends:
            assert after.expires_at == before.expires_at == world.row(checkout).hold_expires_at
        with pytest.raises(SlotTaken):
            await world.hold(STRANGER)
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_after_a_declined_card_too(self, world: World) -> None:
        checkout = await world.start()
        with pytest.raises(CardDeclined):
            await confirm(world, checkout, "declined")
        world.holds.emptied()
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_lost_between_confirm_and_claim_it_lasts_as_long_as_it_would_have(
        self, world: World
    ) -> None:
        checkout = await world.start()

        async def server_restarts() -> None:
            world.holds.emptied()

        world.books.during["attach_card"] = server_restarts
        with pytest.raises(CardDeclined):
            await confirm(world, checkout, "declined")
        (hold,) = world.holds.live
        assert hold.expires_at == checkout.hold_expires_at

    async def test_for_as_long_as_it_was_extended(self, world: World) -> None:
        checkout = await world.start()
        world.clock.advance(minutes=4)
        extended = await world.hold_service.extend(as_guest(checkout), checkout.hold_id)
        assert world.row(checkout).hold_expires_at == extended.expires_at
        world.clock.advance(minutes=4)
        world.holds.emptied()
        assert await views(world, checkout) is not None
        assert (await confirm(world, checkout)).state is S.CONFIRMED

    async def test_for_as_long_as_it_was_extended_while_the_patient_did_something_else(
        self, world: World
    ) -> None:
        """The row was read before: an extension writes nothing but the hold's end on it, at the same version."""
        checkout = await world.start()
        (hold,) = world.holds.live
        read = world.row(checkout)
        world.clock.advance(minutes=4)
        extended = await world.hold_service.extend(as_guest(checkout), hold.id)
        own = CheckoutAccess(units=world.database, clock=world.clock)
        await own.save(read, read.changed(updated_at=world.clock.now()), HistoryKind.REQUOTED)
        assert world.row(checkout).hold_expires_at == extended.expires_at

    async def test_a_worker_that_sees_it_live_writes_down_its_end(self, world: World) -> None:
        """The process that extended it may have died before it wrote it down."""
        checkout = await world.start()
        (hold,) = world.holds.live
        later = await world.holds.extend(hold, expires_at=hold.expires_at + timedelta(minutes=5))
        await worker(world, checkout)
        assert world.row(checkout).hold_expires_at == later.expires_at

    async def test_lost_in_the_very_moment_of_the_start(self, world: World) -> None:
        hold = await world.hold()
        world.tape.after_commit["started"] = world.holds.emptied
        checkout = await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        (again,) = world.holds.live
        assert (again.id, again.owner) == (hold.id, checkout.owner)

    async def test_it_is_not_given_back_by_itself_while_the_checkout_stands(self, world: World) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        with pytest.raises(HoldInCheckout):
            await world.hold_service.release(as_guest(checkout), checkout.hold_id)


class TestNotTakenAgain:
    @whichever_way
    async def test_what_ran_out(self, world: World, way: Way) -> None:
        checkout = await world.start()
        emptied(world, checkout, minutes=5)
        if way is extends:
            with pytest.raises(HoldExpired):
                await way(world, checkout)
        else:
            await way(world, checkout)
        assert world.holds.live == []
        with pytest.raises(HoldExpired):
            await confirm(world, checkout)
        assert world.row(checkout).end_reason is EndReason.HOLD_EXPIRED

    async def test_a_row_of_before_this_was_written_down(self, world: World) -> None:
        checkout = await world.start()
        world.put(world.row(checkout).changed(hold_expires_at=None))
        world.holds.emptied()
        with pytest.raises(HoldExpired):
            await confirm(world, checkout)
        assert world.row(checkout).state is S.EXPIRED

    @whichever_way
    async def test_what_somebody_else_holds_by_now(self, world: World, way: Way) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        theirs = await world.hold(STRANGER)
        if way is extends:
            with pytest.raises(HoldExpired):
                await way(world, checkout)
        else:
            await way(world, checkout)
        assert world.holds.live == [theirs]
        with pytest.raises(SlotTaken):
            await confirm(world, checkout)
        assert (world.row(checkout).state, world.row(checkout).end_reason) == (
            S.SLOT_LOST,
            EndReason.SLOT_TAKEN,
        )
        assert world.tape.calls() == []
        world.assert_right(checkout)

    @whichever_way
    async def test_what_somebody_else_has_booked_meanwhile(self, world: World, way: Way) -> None:
        """Their hold and their claim are gone again: it is their confirmed checkout that stands in the way."""
        checkout = await world.start()
        emptied(world, checkout)
        theirs = await world.start(PATIENT)
        paid = await world.checkouts.confirm(PATIENT, theirs.id, world.token(), quote_id=theirs.quote.id)
        assert paid.state is S.CONFIRMED
        if way is extends:
            with pytest.raises(HoldExpired):
                await way(world, checkout)
        else:
            await way(world, checkout)
        assert world.holds.live == []
        with pytest.raises(SlotTaken):
            await confirm(world, checkout)
        assert len(world.books.charges) == 1
        world.assert_right(checkout)

    async def test_what_somebody_else_is_paying_for(self, world: World) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        world.database.claims["another"] = a_slot(hours=23.75)
        with pytest.raises(SlotTaken):
            await confirm(world, checkout)
        assert world.holds.live == []

    @pytest.mark.parametrize("way", [views, extends, starts_again], ids=lambda way: way.__name__)
    async def test_for_a_checkout_that_ends_in_this_moment(self, world: World, way: Way) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        acquire = world.holds.acquire

        async def cancelled_first(hold: Hold, **limits: Any) -> Hold:
            world.holds.acquire = acquire  # type: ignore[method-assign]
            await world.checkouts.cancel(as_guest(checkout), checkout.id)
            return await acquire(hold, limit=None)

        world.holds.acquire = cancelled_first  # type: ignore[method-assign]
        if way is extends:
            with pytest.raises(HoldExpired):
                await way(world, checkout)
        else:
            await way(world, checkout)
        assert world.holds.live == []

    async def test_for_a_stranger(self, world: World) -> None:
        checkout = await world.start()
        emptied(world, checkout)
        assert await world.hold_service.view(STRANGER, checkout.hold_id) is None
        assert world.holds.live == []

    @whichever_way
    async def test_from_a_store_that_does_not_answer(self, world: World, way: Way) -> None:
        """Nothing is ended for it: the next one who asks may be luckier."""
        checkout = await world.start()
        emptied(world, checkout)

        async def down(hold: Hold, **limits: Any) -> Hold:
            raise UpstreamUnavailable("hold store")

        world.holds.acquire = down  # type: ignore[method-assign]
        if way in (views, extends):
            with pytest.raises(UpstreamUnavailable):
                await way(world, checkout)
        else:
            await way(world, checkout)
        del world.holds.acquire
        assert (await confirm(world, checkout)).state is S.CONFIRMED


class TestTwins:
    async def test_a_start_whose_twin_comes_between_its_looks_joins_it(self, world: World) -> None:
        """It saw no checkout, and then a hold that is the twin's already."""
        hold = await world.hold()
        get, started = world.holds.get, []

        async def twin_first(hold_id: str) -> Hold | None:
            world.holds.get = get  # type: ignore[method-assign]
            started.append(await world.starts.start(VISITOR, hold_id=hold_id, guest=GUEST))
            return await get(hold_id)

        world.holds.get = twin_first  # type: ignore[method-assign]
        joined = await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)
        assert [joined] == started
        assert len(world.database.rows) == 1

    async def test_a_start_whose_twin_has_ended_by_then_is_told_that_the_hold_is_over(
        self, world: World
    ) -> None:
        hold = await world.hold()
        get = world.holds.get

        async def twin_came_and_went(hold_id: str) -> Hold | None:
            world.holds.get = get  # type: ignore[method-assign]
            twin = await world.starts.start(VISITOR, hold_id=hold_id, guest=GUEST)
            await world.checkouts.cancel(as_guest(twin), twin.id)
            return await get(hold_id)

        world.holds.get = twin_came_and_went  # type: ignore[method-assign]
        with pytest.raises(HoldExpired):
            await world.starts.start(VISITOR, hold_id=hold.id, guest=GUEST)

    async def test_the_hold_of_a_strangers_checkout_is_not_there(self, world: World) -> None:
        hold = await world.hold()
        get = world.holds.get

        async def owner_starts(hold_id: str) -> Hold | None:
            world.holds.get = get  # type: ignore[method-assign]
            await world.starts.start(VISITOR, hold_id=hold_id, guest=GUEST)
            return await get(hold_id)

        world.holds.get = owner_starts  # type: ignore[method-assign]
        with pytest.raises(HoldExpired):
            await world.starts.start(STRANGER, hold_id=hold.id, guest=GUEST)

    async def test_a_hold_that_is_handed_to_its_patient_in_between_is_extended_all_the_same(
        self, world: World
    ) -> None:
        signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
        hold = await world.hold(VISITOR)
        get = world.holds.get

        async def started_meanwhile(hold_id: str) -> Hold | None:
            world.holds.get = get  # type: ignore[method-assign]
            read = await get(hold_id)
            await world.starts.start(signed_in, hold_id=hold_id)
            return read

        world.holds.get = started_meanwhile  # type: ignore[method-assign]
        world.clock.advance(minutes=1)
        extended = await world.hold_service.extend(signed_in, hold.id)
        assert (extended.owner, extended.extensions) == (PATIENT.principal.key, 1)
        (row,) = world.database.rows.values()
        assert row.hold_expires_at == extended.expires_at

    async def test_a_hold_that_is_handed_to_a_checkout_in_between_is_not_told_to_be_released(
        self, world: World
    ) -> None:
        hold = await world.hold()
        release = world.holds.release

        async def started_meanwhile(hold_id: str, *, owners: Collection[str]) -> Hold | None:
            world.holds.release = release  # type: ignore[method-assign]
            await world.starts.start(VISITOR, hold_id=hold_id, guest=GUEST)
            return await release(hold_id, owners=owners)

        world.holds.release = started_meanwhile  # type: ignore[method-assign]
        with pytest.raises(HoldInCheckout):
            await world.hold_service.release(VISITOR, hold.id)
        assert len(world.holds.live) == 1
