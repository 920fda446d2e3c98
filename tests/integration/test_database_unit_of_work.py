"""One transaction, and the repositories that it builds."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.change_signals import LocalChangeSignals
from integrations.database.unit_of_work import SqlUnitOfWork, sql_unit_of_work
from tests.integration.database_samples import SEALER

REPOSITORIES = {name for name in dir(SqlUnitOfWork) if not name.startswith("_")} - {"commit"}


def built(unit: SqlUnitOfWork) -> set[str]:
    return REPOSITORIES & vars(unit).keys()


async def test_only_the_repositories_that_are_asked_for_are_built(sqlite_engine: AsyncEngine) -> None:
    async with sql_unit_of_work(sqlite_engine, SEALER, LocalChangeSignals())() as unit:
        assert built(unit) == set()
        await unit.alerts.forget("nothing")
        await unit.commit()
        assert built(unit) == {"alerts"}


async def test_each_is_built_once(sqlite_engine: AsyncEngine) -> None:
    async with sql_unit_of_work(sqlite_engine, SEALER)() as unit:
        for name in REPOSITORIES:
            assert getattr(unit, name) is getattr(unit, name)
        assert built(unit) == REPOSITORIES


async def test_there_is_none_before_the_transaction_begins(sqlite_engine: AsyncEngine) -> None:
    unit = sql_unit_of_work(sqlite_engine, SEALER)()
    for name in REPOSITORIES:
        with pytest.raises(AttributeError):
            getattr(unit, name)
