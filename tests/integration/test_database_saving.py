"""A row, its history, its claim and its events in one statement on PostgreSQL: all of them or none, and events in the order of commits."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.history import history_entry
from booking.errors import StaleCheckout
from booking.events.model import DomainEvent, EventName
from booking.operations.model import HistoryKind
from booking.resources import Kind, Resource
from booking.slots import Interval
from booking.unit_of_work import Scope
from integrations.database.event_outbox import SqlEventLog
from integrations.database.history import history_of
from integrations.database.unit_of_work import Units, sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_checkout

pytestmark = pytest.mark.postgres

ALL_DAY = Interval(start=NOON - timedelta(days=30), end=NOON + timedelta(days=30))


@pytest.fixture
def units(postgresql_engine: AsyncEngine) -> Units:
    return sql_unit_of_work(postgresql_engine, SEALER)


def an_event(name: str) -> DomainEvent:
    return DomainEvent(
        id=name,
        name=EventName.CHECKOUT_CONFIRMED,
        at=NOON,
        resource=Resource(kind=Kind.CHECKOUT, id="checkout_1"),
        ids={"checkoutId": "checkout_1"},
        by=None,
    )


async def test_all_of_it_is_written_at_once_and_nothing_with_a_row_of_another_version(
    postgresql_engine: AsyncEngine, units: Units
) -> None:
    row = a_checkout().changed(version=1)
    async with units() as unit:
        await unit.checkouts.add(a_checkout())
        await unit.claims.take(row)
        await unit.commit()
    entry = history_entry(row, HistoryKind.MOVED, by="driver")
    clinicians = [row.visit_slot.clinician_id]
    for version, written in ((7, False), (1, True)):
        read = row.changed(version=version)
        async with units(Scope.ONE_WRITE) as unit:
            save = unit.checkouts.save(
                read.changed(tries=2),
                was=read,
                history=[entry],
                frees_claim=True,
                events=[an_event("one"), an_event("two")],
            )
            if written:
                await save
            else:
                with pytest.raises(StaleCheckout):
                    await save
            await unit.commit()
        async with units() as unit:
            assert (await unit.claims.busy(clinicians, ALL_DAY) == []) is written
            stored = await unit.checkouts.get("checkout_1")
            assert stored is not None
            assert stored.tries == (2 if written else row.tries)
        assert await history_of(postgresql_engine, "checkout_1") == ([entry] if written else [])
        told = [one.event.id for one in await SqlEventLog(engine=postgresql_engine).after(0, limit=9)]
        assert told == (["one", "two"] if written else [])


async def test_its_event_waits_for_one_that_is_not_committed_and_is_numbered_after_it(
    postgresql_engine: AsyncEngine, units: Units
) -> None:
    async with units() as unit:
        await unit.checkouts.add(a_checkout())
        await unit.commit()
    row = a_checkout().changed(version=1)

    async def save() -> None:
        async with units(Scope.ONE_WRITE) as unit:
            await unit.checkouts.save(row.changed(tries=2), was=row, events=[an_event("second")])
            await unit.commit()

    async with units() as unit:
        await unit.outbox.add([an_event("first")])
        saving = asyncio.create_task(save())
        done, _ = await asyncio.wait({saving}, timeout=0.3)
        assert not done
        await unit.commit()
    await saving
    told = [one.event.id for one in await SqlEventLog(engine=postgresql_engine).after(0, limit=9)]
    assert told == ["first", "second"]
