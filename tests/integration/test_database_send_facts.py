"""What the guards of a send read of the database, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.guards import SendFacts
from booking.checkout.model import CheckoutState
from booking.operations.model import ClinicianBlock
from booking.unit_of_work import Scope, UnitOfWorkFactory
from integrations.database.send_facts import FRESH, SendFactsCache, SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_checkout


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


class Watch:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class TestFreshFacts:
    FACTS = SendFacts(version=2, has_claim=True, is_blocked=False)

    def test_they_are_taken_once(self) -> None:
        fresh = SendFactsCache()
        fresh.note("chk_1", self.FACTS)
        row = a_checkout(id="chk_1", version=2)
        assert fresh.take(row) == self.FACTS
        assert fresh.take(row) is None

    def test_those_of_another_version_do_not_count(self) -> None:
        fresh = SendFactsCache()
        fresh.note("chk_1", self.FACTS)
        assert fresh.take(a_checkout(id="chk_1", version=3)) is None

    def test_those_of_a_process_that_was_stopped_since_do_not_count(self) -> None:
        watch = Watch()
        fresh = SendFactsCache(monotonic=watch)
        fresh.note("chk_1", self.FACTS)
        watch.seconds += FRESH + 0.001
        assert fresh.take(a_checkout(id="chk_1", version=2)) is None

    def test_only_so_many_are_kept(self) -> None:
        fresh = SendFactsCache()
        for number in range(1001):
            fresh.note(f"chk_{number}", self.FACTS)
        assert fresh.take(a_checkout(id="chk_0", version=2)) is None
        assert fresh.take(a_checkout(id="chk_1", version=2)) == self.FACTS


@pytest.mark.postgres
class TestFactsOfAWrite:
    async def test_a_write_leaves_what_a_read_would_find(self, postgresql_engine: AsyncEngine) -> None:
        fresh = SendFactsCache()
        units = sql_unit_of_work(postgresql_engine, SEALER, fresh=fresh)
        async with units() as unit:
            await unit.checkouts.add(a_checkout())
            await unit.commit()
        row = a_checkout().changed(version=1)
        block = ClinicianBlock(
            clinician_id=row.visit_slot.clinician_id,
            reason="sample",
            checkout_id="chk_other",
            blocked_at=NOON,
        )
        for claims, blocked in ((False, False), (True, False), (True, True)):
            async with units() as unit:
                if claims:
                    await unit.claims.take(row)
                if blocked:
                    await unit.blocks.block(block)
                await unit.commit()
            async with units(Scope.ONE_WRITE) as unit:
                later = row.changed(updated_at=NOON + timedelta(seconds=row.version))
                row = await unit.checkouts.save(later, was=row)
                await unit.commit()
            left = fresh.take(row)
            assert left == SendFacts(version=row.version, has_claim=claims, is_blocked=blocked)
            assert left == await SqlSendFactsReader(engine=postgresql_engine).of(row)

    async def test_nothing_is_left_by_a_write_that_is_not_committed(
        self, postgresql_engine: AsyncEngine
    ) -> None:
        fresh = SendFactsCache()
        units = sql_unit_of_work(postgresql_engine, SEALER, fresh=fresh)
        async with units() as unit:
            await unit.checkouts.add(a_checkout())
            await unit.commit()
        async with units() as unit:
            saved = await unit.checkouts.save(
                a_checkout().changed(version=1, state=CheckoutState.PATIENT_INTENDED)
            )
        assert fresh.take(saved) is None
