"""What the change poller reads when much is asked for at once, on both databases."""

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import Checkout
from integrations.database.change_reader import SqlChangeReader
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import SEALER, a_checkout


async def put(engine: AsyncEngine, *rows: Checkout) -> None:
    async with sql_unit_of_work(engine, SEALER)() as unit:
        for row in rows:
            assert await unit.checkouts.add(row) is None
        await unit.commit()


async def test_versions_are_those_of_the_rows_that_were_asked_for(engine: AsyncEngine) -> None:
    await put(engine, *(a_checkout(f"chk_{n}", hold_id=f"h{n}") for n in range(3)))
    changes = SqlChangeReader(engine=engine)
    many = [f"chk_{n}" for n in range(2, 2500)]
    assert await changes.versions(["chk_0", "chk_1", "chk_missing"]) == {"chk_0": 1, "chk_1": 1}
    assert await changes.versions(many) == {"chk_2": 1}
    assert await changes.versions([]) == {}
