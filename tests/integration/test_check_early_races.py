"""A webhook's early check and workers after the same parked row, each on connections of its own: one of them takes it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import SETTLE
from integrations.database.unit_of_work import Units, sql_unit_of_work
from tests.doubles.booking_steps import parked
from tests.doubles.booking_upstream import AnswerLost
from tests.doubles.booking_world import World
from tests.integration.database_samples import SEALER


async def moved(world: World, units: Units, checkout: Checkout) -> None:
    """Put the row of the world's own database into a real one."""
    row = world.row(checkout)
    async with units() as unit:
        assert await unit.checkouts.add(row) is None
        await unit.claims.take(row)
        await unit.commit()


@pytest.mark.parametrize("call", ["charge", "book"])
@pytest.mark.parametrize("late", [False, True], ids=["before it is due", "when it is due"])
async def test_early_checks_and_workers_at_once_take_a_parked_row_once(
    engine: AsyncEngine, call: str, *, late: bool
) -> None:
    units, world = sql_unit_of_work(engine, SEALER), World()
    checkout = await parked(world, call, AnswerLost())
    await moved(world, units, checkout)
    if late:
        world.clock.advance(seconds=(SETTLE + timedelta(seconds=1)).total_seconds())
    sagas = [world.a_saga(units) for _ in range(6)]

    await asyncio.gather(
        *(
            saga.check_early(checkout.id) if number % 2 else saga.resume(checkout.id)
            for number, saga in enumerate(sagas)
        )
    )

    async with units() as unit:
        row = await unit.checkouts.get(checkout.id)
    assert row is not None
    assert row.state is S.CONFIRMED
    assert row.lease_owner is None
    assert world.tape.calls().count("charge") == 1
    assert world.tape.calls().count("book") == 1
