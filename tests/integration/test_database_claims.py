import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.changes.model import ActionState, ChangeState
from booking.changes.repository import RescheduleClaim
from booking.checkout.model import Checkout, CheckoutState
from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory
from integrations.database.change_reader import SqlChangeReader
from integrations.database.tables.changes import requested_changes
from integrations.database.tables.slots import slot_claims
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.change_samples import (
    a_cancellation,
    a_reschedule,
    added_change,
    saved_change,
    with_done,
)
from tests.integration.database_samples import (
    NOON,
    SEALER,
    a_checkout,
    a_row,
    a_slot,
    added,
    somebody_waits,
    take,
)


async def busy(units: UnitOfWorkFactory, *clinicians: str) -> list[Busy]:
    day = Interval(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))
    async with units() as unit:
        return list(await unit.claims.busy(clinicians, day))


@pytest.mark.postgres
@pytest.mark.parametrize("first_commits", [True, False])
async def test_a_claim_waits_for_an_uncommitted_rival(
    postgresql_engine: AsyncEngine, *, first_commits: bool
) -> None:
    units = sql_unit_of_work(postgresql_engine, SEALER)
    first = await a_row(units, "first")
    second = await a_row(units, "second", start=NOON + timedelta(minutes=15))
    async with units() as unit:
        await unit.claims.take(first)
        rival = asyncio.create_task(take(units, second))
        await somebody_waits(postgresql_engine)
        if first_commits:
            await unit.commit()
    if first_commits:
        with pytest.raises(SlotTaken):
            await rival
    else:
        await rival
    assert len(await busy(units, "clinician-1")) == 1


@pytest.mark.postgres
async def test_postgresql_itself_refuses_what_overlaps(postgresql_engine: AsyncEngine) -> None:
    units = sql_unit_of_work(postgresql_engine, SEALER)
    await take(units, await a_row(units, "first"))
    await a_row(units, "second")
    row = {
        "checkout_id": "second",
        "clinician_id": "clinician-1",
        "starts_at": NOON + timedelta(minutes=29),
        "ends_at": NOON + timedelta(minutes=59),
    }
    with pytest.raises(IntegrityError, match="slot_claims_no_overlap"):
        async with postgresql_engine.begin() as connection:
            await connection.execute(insert(slot_claims).values(row))


TOMORROW = NOON + timedelta(days=1)


async def claimed_by(units: UnitOfWorkFactory, owner: str) -> None:
    """Whoever of these wants tomorrow noon, takes it."""
    if owner == "checkout":
        await take(units, await a_row(units, "checkout_1", start=TOMORROW + timedelta(minutes=15)))
    else:
        await added_change(units, a_reschedule())


class TestBothOwners:
    """A checkout and a reschedule that want overlapping times."""

    @pytest.mark.parametrize("first", ["checkout", "reschedule"])
    async def test_the_second_is_told_that_the_slot_is_taken_and_leaves_nothing(
        self, engine: AsyncEngine, first: str
    ) -> None:
        units = sql_unit_of_work(engine, SEALER)
        second = {"checkout": "reschedule", "reschedule": "checkout"}[first]
        await claimed_by(units, first)
        with pytest.raises(SlotTaken):
            await claimed_by(units, second)
        span = Interval(start=NOON, end=TOMORROW + timedelta(hours=1))
        async with units() as unit:
            assert len(await unit.claims.busy(["clinician-1"], span)) == 1
            assert (await unit.changes.get("chg_1") is None) == (first == "checkout")

    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    @pytest.mark.parametrize("first", ["checkout", "reschedule"])
    async def test_the_second_waits_for_the_first_while_that_is_uncommitted(
        self, postgresql_engine: AsyncEngine, first: str, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        checkout = await a_row(units, "checkout_1", start=TOMORROW + timedelta(minutes=15))

        async def take_one(unit: UnitOfWork, owner: str) -> None:
            if owner == "checkout":
                await unit.claims.take(checkout)
                return
            change = a_reschedule()
            assert await unit.changes.add(change) is None
            claim = RescheduleClaim.of(change)
            assert claim is not None
            await unit.claims.take(claim)

        async def rival_takes() -> None:
            async with units() as unit:
                await take_one(unit, {"checkout": "reschedule", "reschedule": "checkout"}[first])
                await unit.commit()

        async with units() as unit:
            await take_one(unit, first)
            rival = asyncio.create_task(rival_takes())
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(SlotTaken):
                await rival
        else:
            await rival
        async with postgresql_engine.connect() as connection:
            owners = (
                await connection.execute(select(slot_claims.c.checkout_id, slot_claims.c.change_id))
            ).all()
        winner = first if first_commits else {"checkout": "reschedule", "reschedule": "checkout"}[first]
        assert owners == [("checkout_1", None) if winner == "checkout" else (None, "chg_1")]

    async def test_each_releases_only_its_own(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await take(units, await a_row(units, "checkout_1"))
        change = await added_change(units, a_reschedule())
        await saved_change(units, change.changed(state=ChangeState.REFUSED), was=change)
        assert len(await busy(units, "clinician-1")) == 1

    async def test_taking_it_again_is_no_second_claim(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        change = await added_change(units, a_reschedule())
        claim = RescheduleClaim.of(change)
        assert claim is not None
        async with units() as unit:
            await unit.claims.take(claim)
            await unit.commit()
            await unit.claims.release(change.id)
            assert await unit.claims.busy(["clinician-1"], claim.slot.interval) == []


class TestNoClaimIsWithoutItsOwner:
    @pytest.mark.parametrize(
        "owner",
        [
            {},
            {"checkout_id": "checkout_1", "change_id": "chg_1"},
            {"checkout_id": "missing"},
            {"change_id": "missing"},
        ],
        ids=["of nobody", "of two", "of a missing checkout", "of a missing change"],
    )
    async def test_the_database_refuses_one(self, engine: AsyncEngine, owner: dict[str, str]) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await a_row(units, "checkout_1")
        await added_change(units, a_cancellation())
        row = {
            "checkout_id": None,
            "change_id": None,
            "clinician_id": "clinician-1",
            "starts_at": NOON,
            "ends_at": NOON + timedelta(minutes=30),
        }
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(insert(slot_claims).values(row | owner))

    async def test_the_owner_of_one_cannot_be_deleted(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await added_change(units, a_reschedule())
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(delete(requested_changes))

    async def test_one_that_waits_for_a_person_is_released_once_the_new_time_has_begun(
        self, engine: AsyncEngine
    ) -> None:
        units = sql_unit_of_work(engine, SEALER)
        for name, state in (("chg_1", ChangeState.NEEDS_ATTENTION), ("chg_2", ChangeState.OPEN)):
            to = a_slot(start=NOON, clinician=f"clinician-of-{name}")
            change = await added_change(units, a_reschedule(name, to=to))
            await saved_change(units, change.changed(state=state), was=change)
        async with units() as unit:
            assert await unit.claims.release_begun(NOON - timedelta(seconds=1)) == 0
            assert await unit.claims.release_begun(NOON) == 1
            await unit.commit()
        assert len(await busy(units, "clinician-of-chg_1", "clinician-of-chg_2")) == 1


MINUTE = timedelta(minutes=1)
# A checkout that was confirmed while another one, which had lost its hold, was under way.
STARTED, CONFIRMED_AT = NOON, NOON + 5 * MINUTE


class TestVisitsBookedMeanwhile:
    """A visit that was booked, or moved, after a checkout began counts as taken for it, as long as it stands there."""

    async def test_one_that_its_patient_cancelled_or_moved_away_does_not_count_any_more(
        self, engine: AsyncEngine
    ) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await confirmed(units)
        late = await a_row(units, "late")
        await raises_slot_taken(units, late)
        row = await added_change(
            units,
            a_cancellation(
                appointment_id="visit-1", checkout_id="checkout_1", created_at=CONFIRMED_AT + MINUTE
            ),
        )
        await raises_slot_taken(units, late)  # nothing is done yet
        row = await saved_change(units, row.with_action(0, state=ActionState.INTENDED), was=row)
        await raises_slot_taken(units, late)
        await saved_change(units, with_done(row, 0), was=row)
        await take(units, late)

    async def test_one_whose_cancellation_was_taken_back_counts_again(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await confirmed(units)
        row = await added_change(units, a_cancellation(appointment_id="visit-1", checkout_id="checkout_1"))
        row = await saved_change(units, with_done(row, 0).changed(state=ChangeState.NEEDS_ATTENTION), was=row)
        undone = row.with_action(0, state=ActionState.UNDONE).changed(state=ChangeState.REFUSED)
        await saved_change(units, undone, was=row)
        await raises_slot_taken(units, await a_row(units, "late"))

    async def test_a_visit_that_was_moved_there_counts(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await moved_to_noon(units)
        await raises_slot_taken(units, await a_row(units, "late"))
        later = NOON + timedelta(minutes=30)
        await take(units, await a_row(units, "beside", start=later))
        await take(units, await a_row(units, "of another", clinician="clinician-2"))
        begun_after = a_checkout("after", created_at=CONFIRMED_AT + timedelta(minutes=2), slot=a_slot())
        await take(units, await added(units, begun_after))

    async def test_a_visit_that_was_moved_there_and_away_again_does_not_count(
        self, engine: AsyncEngine
    ) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await moved_to_noon(units)
        away = await added_change(
            units,
            a_reschedule("chg_2", appointment_id="visit-1", created_at=CONFIRMED_AT + MINUTE),
        )
        await saved_change(
            units,
            with_done(away, 0).changed(state=ChangeState.DONE, ended_at=CONFIRMED_AT + MINUTE),
            was=away,
        )
        await take(units, await a_row(units, "late"))

    async def test_a_visit_that_could_not_be_moved_there_does_not_count(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        row = await added_change(units, a_reschedule(to=a_slot()))
        await saved_change(units, row.changed(state=ChangeState.REFUSED, ended_at=CONFIRMED_AT), was=row)
        await take(units, await a_row(units, "late"))

    async def test_a_reschedule_that_began_before_is_told_too(self, engine: AsyncEngine) -> None:
        units = sql_unit_of_work(engine, SEALER)
        await confirmed(units)
        with pytest.raises(SlotTaken):
            await added_change(units, a_reschedule(to=a_slot()))

    async def test_searches_see_the_same(self, engine: AsyncEngine) -> None:
        units, reader = sql_unit_of_work(engine, SEALER), SqlChangeReader(engine=engine)
        week = Interval(start=NOON - timedelta(days=1), end=NOON + timedelta(days=6))

        async def booked() -> list[datetime]:
            found = await reader.recorded(["clinician-1"], week, since=STARTED)
            return sorted(one.interval.start for one in found.booked)

        await confirmed(units)
        assert await booked() == [NOON]
        moving = await added_change(
            units, a_reschedule(appointment_id="visit-1", checkout_id="checkout_1", created_at=CONFIRMED_AT)
        )
        assert await booked() == [NOON]
        moved = with_done(moving, 0).changed(state=ChangeState.DONE, ended_at=CONFIRMED_AT)
        await saved_change(units, moved, was=moving)
        assert await booked() == [TOMORROW]
        cancelling = await added_change(
            units,
            a_cancellation(
                "chg_2",
                appointment_id="visit-1",
                checkout_id="checkout_1",
                created_at=CONFIRMED_AT + MINUTE,
            ),
        )
        await saved_change(units, with_done(cancelling, 0), was=cancelling)
        assert await booked() == []


async def confirmed(units: UnitOfWorkFactory) -> None:
    ended = a_checkout(
        "checkout_1", state=CheckoutState.CONFIRMED, appointment_id="visit-1", ended_at=CONFIRMED_AT
    )
    await added(units, ended)


async def moved_to_noon(units: UnitOfWorkFactory) -> None:
    row = await added_change(units, a_reschedule(to=a_slot(), appointment_id="visit-1"))
    done = with_done(row, 0).changed(state=ChangeState.DONE, ended_at=CONFIRMED_AT)
    await saved_change(units, done, was=row)


async def raises_slot_taken(units: UnitOfWorkFactory, checkout: Checkout) -> None:
    with pytest.raises(SlotTaken):
        await take(units, checkout)
