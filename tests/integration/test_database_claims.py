import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import Checkout, CheckoutState, LateFinding
from booking.checkout.transitions import LATE
from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.tables.slots import slot_claims
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_checkout, a_slot, somebody_waits


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


async def a_row(
    units: UnitOfWorkFactory,
    name: str,
    *,
    start: datetime = NOON,
    minutes: int = 30,
    clinician: str = "clinician-1",
) -> Checkout:
    checkout = a_checkout(name, slot=a_slot(start=start, minutes=minutes, clinician=clinician))
    async with units() as unit:
        await unit.checkouts.add(checkout)
        await unit.commit()
    return checkout.changed(version=1)


async def take(units: UnitOfWorkFactory, checkout: Checkout) -> None:
    async with units() as unit:
        await unit.claims.take(checkout)
        await unit.commit()


async def busy(units: UnitOfWorkFactory, *clinicians: str) -> list[Busy]:
    day = Interval(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))
    async with units() as unit:
        return list(await unit.claims.busy(clinicians, day))


@pytest.mark.parametrize(("offset", "minutes"), [(0, 30), (-15, 30), (29, 15), (10, 10), (-60, 240)])
async def test_an_overlapping_claim_is_refused(units: UnitOfWorkFactory, offset: int, minutes: int) -> None:
    await take(units, await a_row(units, "first"))
    rival = await a_row(units, "rival", start=NOON + timedelta(minutes=offset), minutes=minutes)
    with pytest.raises(SlotTaken):
        await take(units, rival)
    assert len(await busy(units, "clinician-1")) == 1


async def test_touching_ends_and_other_clinicians_are_free(units: UnitOfWorkFactory) -> None:
    await take(units, await a_row(units, "first"))
    await take(units, await a_row(units, "before", start=NOON - timedelta(minutes=45), minutes=45))
    await take(units, await a_row(units, "after", start=NOON + timedelta(minutes=30)))
    await take(units, await a_row(units, "elsewhere", clinician="clinician-2"))
    assert len(await busy(units, "clinician-1", "clinician-2")) == 4
    assert await busy(units, "clinician-2") == [Busy(clinician_id="clinician-2", interval=a_slot().interval)]


async def test_taking_again_is_no_change(units: UnitOfWorkFactory) -> None:
    mine = await a_row(units, "mine")
    await take(units, mine)
    await take(units, mine)
    assert len(await busy(units, "clinician-1")) == 1


async def test_a_released_claim_frees_the_time(units: UnitOfWorkFactory) -> None:
    first, second = await a_row(units, "first"), await a_row(units, "second")
    await take(units, first)
    async with units() as unit:
        await unit.claims.release(first.id)
        await unit.claims.release(first.id)
        await unit.commit()
    await take(units, second)


async def confirm(units: UnitOfWorkFactory, checkout: Checkout, *, at: datetime) -> None:
    async with units() as unit:
        await unit.checkouts.save(checkout.changed(state=CheckoutState.CONFIRMED, ended_at=at))
        await unit.claims.release(checkout.id)
        await unit.commit()


async def test_a_visit_confirmed_since_the_checkout_began_conflicts_though_its_claim_is_given_back(
    units: UnitOfWorkFactory,
) -> None:
    stalled, booked = (
        await a_row(units, "stalled", start=NOON + timedelta(minutes=15)),
        await a_row(units, "booked"),
    )
    await take(units, booked)
    await confirm(units, booked, at=stalled.created_at + timedelta(seconds=40))
    with pytest.raises(SlotTaken):
        await take(units, stalled)
    assert await busy(units, "clinician-1") == []


@pytest.mark.parametrize("state", sorted(LATE))
async def test_a_confirmed_visit_conflicts_also_while_a_late_finding_of_it_is_undone(
    units: UnitOfWorkFactory, state: CheckoutState
) -> None:
    booked, rival = await a_row(units, "booked"), await a_row(units, "rival")
    late = LateFinding(ended_as=CheckoutState.CONFIRMED, appointment_id="a-twin")
    async with units() as unit:
        await unit.checkouts.save(booked.changed(state=state, late=late, ended_at=booked.created_at))
        await unit.commit()
    with pytest.raises(SlotTaken):
        await take(units, rival)


async def test_a_late_finding_of_what_is_over_keeps_nobody_from_its_time(units: UnitOfWorkFactory) -> None:
    over, rival = await a_row(units, "over"), await a_row(units, "rival")
    late = LateFinding(ended_as=CheckoutState.REFUNDED, appointment_id="a-twin")
    undoing = over.changed(state=CheckoutState.LATE_DELETION_INTENDED, late=late, ended_at=over.created_at)
    async with units() as unit:
        await unit.checkouts.save(undoing)
        await unit.commit()
    await take(units, rival)
    assert len(await busy(units, "clinician-1")) == 1


async def test_a_visit_confirmed_before_the_checkout_began_is_left_to_the_practice(
    units: UnitOfWorkFactory,
) -> None:
    """It may have been cancelled since, and its time is on offer again."""
    booked, later = await a_row(units, "booked"), await a_row(units, "later")
    await confirm(units, booked, at=later.created_at - timedelta(minutes=5))
    await take(units, later)
    assert len(await busy(units, "clinician-1")) == 1


async def test_a_claim_without_commit_is_none(units: UnitOfWorkFactory) -> None:
    first = await a_row(units, "first")
    async with units() as unit:
        await unit.claims.take(first)
    assert await busy(units, "clinician-1") == []


async def test_a_refused_transaction_stays_usable(units: UnitOfWorkFactory) -> None:
    await take(units, await a_row(units, "first"))
    rival = await a_row(units, "rival")
    async with units() as unit:
        with pytest.raises(SlotTaken):
            await unit.claims.take(rival)
        await unit.checkouts.save(rival.changed(state=CheckoutState.SLOT_LOST))
        await unit.commit()
    async with units() as unit:
        lost = await unit.checkouts.get("rival")
    assert lost is not None
    assert lost.state is CheckoutState.SLOT_LOST


async def test_of_50_overlapping_claims_at_once_exactly_one_wins(units: UnitOfWorkFactory) -> None:
    rivals = [
        await a_row(units, f"rival_{n}", start=NOON + timedelta(minutes=n % 7), minutes=15 + n % 5)
        for n in range(50)
    ]
    answers = await asyncio.gather(*(take(units, rival) for rival in rivals), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, SlotTaken) for answer in answers) == 49


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
