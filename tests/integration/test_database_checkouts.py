import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.model import Checkout, CheckoutState
from booking.errors import StaleCheckout
from booking.models import CardChoice
from booking.refusals import PaymentInProgress
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.sealing import SealBroken
from integrations.database.unit_of_work import sql_unit_of_work
from tests.integration.database_samples import (
    GUEST,
    NOON,
    SEALER,
    a_checkout,
    a_full_checkout,
    added,
    saved,
    somebody_waits,
    stored,
)

S = CheckoutState


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


class TestRoundTrip:
    async def test_patient_data_leaves_the_row_with_the_value(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        row = await added(units, a_checkout(guest=GUEST))
        await saved(units, row.changed(guest=None, patient_id="patient-1"))
        async with engine.connect() as connection:
            whole = (await connection.execute(text("SELECT * FROM checkouts"))).mappings().one()
        assert whole["guest"] is None
        assert "example.com" not in str(dict(whole))

    async def test_patient_data_and_card_tokens_cannot_be_read_at_rest(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added(units, a_checkout(guest=GUEST, card=CardChoice(token="tok_sample")))
        async with engine.connect() as connection:
            whole = str(dict((await connection.execute(text("SELECT * FROM checkouts"))).mappings().one()))
        secrets = [GUEST.email, GUEST.first_name, GUEST.phone, "1990", "tok_sample"]
        assert [one for one in secrets if one and one in whole] == []

    async def test_details_that_are_moved_to_another_checkout_do_not_open(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await added(units, a_checkout("from", guest=GUEST))
        await added(units, a_checkout("to", guest=GUEST))
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE checkouts SET guest = (SELECT guest FROM checkouts WHERE id = 'from') WHERE id = 'to'"
                )
            )
        assert await stored(units, "from") is not None
        with pytest.raises(SealBroken):
            await stored(units, "to")


class TestSave:
    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_a_lease_waits_for_an_uncommitted_rival_and_is_stale_when_that_commits(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        """Under READ COMMITTED both have read the same version; the second must see what the first has written."""
        units = sql_unit_of_work(postgresql_engine, SEALER)
        row = await added(units, a_checkout(due_at=NOON))
        async with units() as unit:
            await unit.checkouts.save(row.changed(lease_owner="driver-1"))
            rival = asyncio.create_task(saved(units, row.changed(lease_owner="driver-2")))
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(StaleCheckout):
                await rival
        else:
            assert (await rival).lease_owner == "driver-2"
        kept = await stored(units)
        assert kept
        assert kept.lease_owner == ("driver-1" if first_commits else "driver-2")
        assert kept.version == 2


class TestOneLiveCheckoutPerHold:
    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_two_transactions_at_once(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        first, second = a_checkout(), a_checkout("checkout_2", hold_id="hold_of_checkout_1")

        async def start_second() -> Checkout | None:
            async with units() as unit:
                standing = await unit.checkouts.add(second)
                await unit.commit()
            return standing

        async with units() as unit:
            await unit.checkouts.add(first)
            rival = asyncio.create_task(start_second())
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        standing = await rival
        assert (standing.id if standing else None) == ("checkout_1" if first_commits else None)


class TestWritingWhatDiffers:
    """Given the row as it was, a write that says less says the same."""

    async def test_what_was_sealed_still_opens(self, units: UnitOfWorkFactory) -> None:
        full = await added(units, a_full_checkout())
        moved = await saved(units, full.changed(tries=9), was=full)
        assert moved.guest is not None
        assert await stored(units, full.id) == moved


class TestOneInFlightPerPatient:
    @pytest.mark.postgres
    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_two_transactions_at_once(
        self, postgresql_engine: AsyncEngine, *, first_commits: bool
    ) -> None:
        units = sql_unit_of_work(postgresql_engine, SEALER)
        first = await added(units, a_checkout(patient_id="patient-1"))
        second = await added(units, a_checkout("checkout_2", patient_id="patient-1"))
        async with units() as unit:
            await unit.checkouts.save(first.changed(state=S.CARD_INTENDED))
            rival = asyncio.create_task(saved(units, second.changed(state=S.CARD_INTENDED)))
            await somebody_waits(postgresql_engine)
            if first_commits:
                await unit.commit()
        if first_commits:
            with pytest.raises(PaymentInProgress):
                await rival
        else:
            assert (await rival).state is S.CARD_INTENDED


@pytest.mark.parametrize(
    ("stood", "rests"),
    [
        (timedelta(0), timedelta(seconds=5)),
        (timedelta(seconds=40), timedelta(seconds=40)),
        (timedelta(days=1), timedelta(minutes=5)),
    ],
)
async def test_what_cannot_be_read_is_put_off_as_long_as_it_has_stood_within_bounds(
    engine: AsyncEngine, stood: timedelta, rests: timedelta
) -> None:
    units = sql_unit_of_work(engine, SEALER)
    await added(units, a_checkout(guest=GUEST, due_at=NOON, updated_at=NOON - stood))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE checkouts SET guest = '\"torn\"'"))
    async with units() as unit:
        await unit.checkouts.defer("checkout_1", now=NOON)
        await unit.commit()
    async with units() as unit:
        assert await unit.checkouts.due(NOON + rests - timedelta(microseconds=1), limit=1) == []
        assert await unit.checkouts.due(NOON + rests, limit=1) == ["checkout_1"]
