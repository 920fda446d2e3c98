import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.refusals import SlotTaken
from booking.slots import Busy, Interval
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.tables.slots import slot_claims
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_row, somebody_waits, take


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
