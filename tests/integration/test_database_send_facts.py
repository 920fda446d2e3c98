"""What the guards of a send read of the database, on both databases."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.guards import SendFacts
from booking.operations.model import ClinicianBlock
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_checkout, a_slot


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


async def test_a_ground_is_the_rows_version_its_own_claim_and_its_own_clinicians_block(
    units: UnitOfWorkFactory, engine: AsyncEngine
) -> None:
    mine = a_checkout("mine").changed(version=1)
    other = a_checkout("other", slot=a_slot(clinician="clinician-2"))
    send_facts = SqlSendFactsReader(engine=engine)
    async with units() as unit:
        for row in (mine, other):
            await unit.checkouts.add(row)
        await unit.claims.take(other)
        await unit.blocks.block(
            ClinicianBlock(clinician_id="clinician-2", reason="x", checkout_id="other", blocked_at=NOON)
        )
        await unit.commit()
    assert await send_facts.of(mine) == SendFacts(version=1, has_claim=False, is_blocked=False)
    assert await send_facts.of(other) == SendFacts(version=1, has_claim=True, is_blocked=True)
    async with units() as unit:
        await unit.claims.take(mine)
        await unit.checkouts.save(mine)
        await unit.commit()
    assert await send_facts.of(mine) == SendFacts(version=2, has_claim=True, is_blocked=False)


async def test_it_is_read_while_somebody_writes(units: UnitOfWorkFactory, engine: AsyncEngine) -> None:
    async with units() as unit:
        await unit.checkouts.add(a_checkout())
        await unit.commit()
    async with units() as unit:
        await unit.checkouts.save(a_checkout().changed(version=1))
        assert (await SqlSendFactsReader(engine=engine).of(a_checkout())).version == 1
