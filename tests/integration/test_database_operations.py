"""History, alerts, clinician blocks and the queries of the worker, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.access import CheckoutAccess
from booking.checkout.model import Attempt, Checkout, CheckoutState
from booking.errors import UnknownState
from booking.operations.model import AttentionReason, HistoryKind
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.audit import SqlAuditTrail
from integrations.database.history import history_of
from integrations.database.tables.checkouts import checkouts
from integrations.database.unit_of_work import SqlUnitOfWork, sql_unit_of_work
from tests.doubles.audit_samples import KEY, an_entry
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import NOON, SEALER, a_checkout, a_history_entry

S = CheckoutState
SECOND = timedelta(seconds=1)


@pytest.fixture
def units(engine: AsyncEngine) -> UnitOfWorkFactory:
    return sql_unit_of_work(engine, SEALER)


async def add(units: UnitOfWorkFactory, *rows: Checkout) -> None:
    async with units() as unit:
        for row in rows:
            await unit.checkouts.add(row)
        await unit.commit()


class TestHistory:
    async def test_what_a_newer_version_noted_is_told(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(units, a_checkout())
        async with units() as unit:
            await unit.history.add(a_history_entry(kind=Unknown("of_tomorrow"), after="of_tomorrow"))
            await unit.commit()
        (sent,) = await history_of(engine, "checkout_1")
        assert sent.kind == "of_tomorrow"

    async def test_it_is_told_in_order_with_the_calls(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        first, second = a_history_entry(), a_history_entry(at=NOON + 2 * SECOND, note="By hand.")
        answered = an_entry(2, at=NOON + SECOND, checkout_id="checkout_1")
        unanswered = an_entry(3, at=NOON + 3 * SECOND, checkout_id="checkout_1")
        await add(units, a_checkout(), a_checkout("checkout_2"))
        async with units() as unit:
            await unit.history.add(first)
            await unit.history.add(second)
            await unit.history.add(a_history_entry(checkout_id="checkout_2"))
            await unit.commit()
        trail = SqlAuditTrail(engine=engine, key=KEY)
        await trail.record(an_entry(1, at=NOON + SECOND, checkout_id="checkout_1"))
        for entry in (answered, unanswered, an_entry(5, checkout_id="checkout_2")):
            await trail.record(entry)
        assert await history_of(engine, "checkout_1") == [first, answered, second, unanswered]


class TestRows:
    async def test_a_row_at_a_state_of_another_version_is_told_and_keeps_nobody_from_working(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(
            units, a_checkout("strange", due_at=NOON, patient_id="p1"), a_checkout("known", due_at=NOON)
        )
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE checkouts SET state = 'of_tomorrow' WHERE id = 'strange'"))
        async with units() as unit:
            assert await unit.checkouts.due(NOON, limit=1) == ["known"]
            assert await unit.checkouts.of_unknown_state() == ["strange"]
            (others,) = await unit.checkouts.of_patient("p1", besides="known")
            strange = await unit.checkouts.get("strange")
        assert strange == others
        assert strange is not None
        assert (strange.state, type(strange.state)) == ("of_tomorrow", Unknown)
        for after in (strange.changed(tries=1), strange.changed(state=CheckoutState.CANCELLED)):
            async with units() as unit:
                with pytest.raises(UnknownState, match="strange"):
                    await unit.checkouts.save(after, was=strange)
        async with SqlUnitOfWork(engine, SEALER) as listing:
            listed = await listing.checkouts.listed(state=None, attention=False, limit=9)
        assert {row.state for row in listed} == {"of_tomorrow", "started"}

    async def test_reasons_of_another_version_are_listed_and_stay_whoever_writes_the_row(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(units, a_checkout("strange"))
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE checkouts SET attention = 'refund_failed,of_tomorrow', end_reason = 'of_tomorrow',"
                    " declined = 'of_tomorrow', attention_from = 'of_tomorrow'"
                )
            )
        async with units() as unit:
            read = await unit.checkouts.get("strange")
            assert read is not None
            await unit.checkouts.save(read.flagged(AttentionReason.OPEN_INVOICE))  # all of it is written
            await unit.commit()
        async with units() as unit:
            (listed,) = await unit.checkouts.listed(state=None, attention=True, limit=9)
            after = await unit.checkouts.get("strange")
        assert listed.attention == ("refund_failed", "of_tomorrow", "open_invoice")
        assert after is not None
        assert {after.end_reason, after.declined, after.attention_from} == {"of_tomorrow"}

    async def test_what_another_version_wrote_into_documents_stays_whoever_writes_the_row(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        first = Attempt(number=1, card_id="card-1", intended_at=NOON)
        await add(units, a_checkout("strange", attempts=(first,)))
        columns = ("quote", "slot", "attempts")
        async with engine.begin() as connection:
            row = (
                (await connection.execute(select(*(checkouts.c[name] for name in columns)))).mappings().one()
            )
            sent = {
                "quote": row["quote"] | {"of_tomorrow": 7},
                "slot": row["slot"] | {"of_tomorrow": 7},
                "attempts": [row["attempts"][0] | {"of_tomorrow": 7}],
            }
            await connection.execute(update(checkouts).values(sent))
        async with units() as unit:
            read = await unit.checkouts.get("strange")
            assert read is not None
            second = replace(first, number=2)
            await unit.checkouts.save(read.changed(attempts=(*read.attempts, second)), was=read)
            await unit.commit()
        own = CheckoutAccess(units=units, clock=FakeClock(NOON))
        async with units() as unit:
            written = await unit.checkouts.get("strange")
        assert written is not None
        await own.save(written, written.changed(cancel_requested=True), HistoryKind.CANCEL_REQUESTED)
        async with engine.connect() as connection:
            row = (
                (await connection.execute(select(*(checkouts.c[name] for name in columns)))).mappings().one()
            )
        assert (row["quote"], row["slot"], row["attempts"][0]) == (
            sent["quote"],
            sent["slot"],
            sent["attempts"][0],
        )
        assert [one["number"] for one in row["attempts"]] == [1, 2]

    async def test_a_document_of_which_nothing_can_be_made_is_left_to_the_version_that_wrote_it(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(units, a_checkout("strange"))
        async with engine.begin() as connection:
            await connection.execute(update(checkouts).values(quote={"form": "of tomorrow"}))
        async with units() as unit:
            with pytest.raises(UnknownState, match="strange"):
                await unit.checkouts.get("strange")
