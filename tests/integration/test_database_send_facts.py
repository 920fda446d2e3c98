"""What the guards of a send read of the database, on both databases."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import SEALER, a_checkout


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


async def test_it_is_read_while_somebody_writes(units: UnitOfWorkFactory, engine: AsyncEngine) -> None:
    async with units() as unit:
        await unit.checkouts.add(a_checkout())
        await unit.commit()
    async with units() as unit:
        await unit.checkouts.save(a_checkout().changed(version=1))
        assert (await SqlSendFactsReader(engine=engine).of(a_checkout())).version == 1
