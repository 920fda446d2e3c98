"""Stories, alerts, blocks and what the worker asks of rows, on both databases."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.access import CheckoutAccess
from booking.checkout.model import Attempt, Checkout, CheckoutState
from booking.errors import UnknownState
from booking.operations.model import (
    Alert,
    AttentionReason,
    ClinicianBlock,
    HistoryEntry,
    HistoryKind,
    ListPlace,
)
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from integrations.database.alerts import SqlBlockedClinicians
from integrations.database.audit import SqlAuditTrail
from integrations.database.history import history_of
from integrations.database.tables.checkouts import checkouts
from integrations.database.unit_of_work import SqlUnitOfWork, sql_unit_of_work
from tests.integration.database_samples import NOON, SEALER, a_checkout, a_slot
from tests.unit.audit_samples import KEY, an_entry
from tests.unit.booking_doubles import FakeClock

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


def an_event(**changes: object) -> HistoryEntry:
    values: dict[str, object] = {
        "checkout_id": "checkout_1",
        "at": NOON,
        "kind": HistoryKind.MOVED,
        "before": "started",
        "after": "patient_ready",
        "attempt": 1,
        "by": "driver-1",
        "note": None,
    }
    return HistoryEntry(**(values | changes))  # type: ignore[arg-type]  # names as in Event


class TestStory:
    async def test_what_a_newer_version_noted_is_told(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(units, a_checkout())
        async with units() as unit:
            await unit.history.add(an_event(kind=Unknown("of_tomorrow"), after="of_tomorrow"))
            await unit.commit()
        (sent,) = await history_of(engine, "checkout_1")
        assert sent.kind == "of_tomorrow"

    async def test_it_is_told_in_order_with_the_calls(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        first, second = an_event(), an_event(at=NOON + 2 * SECOND, note="By hand.")
        answered = an_entry(2, at=NOON + SECOND, checkout_id="checkout_1")
        unanswered = an_entry(3, at=NOON + 3 * SECOND, checkout_id="checkout_1")
        await add(units, a_checkout(), a_checkout("checkout_2"))
        async with units() as unit:
            await unit.history.add(first)
            await unit.history.add(second)
            await unit.history.add(an_event(checkout_id="checkout_2"))
            await unit.commit()
        trail = SqlAuditTrail(engine=engine, key=KEY)
        await trail.record(an_entry(1, at=NOON + SECOND, checkout_id="checkout_1"))
        for entry in (answered, unanswered, an_entry(5, checkout_id="checkout_2")):
            await trail.record(entry)
        assert await history_of(engine, "checkout_1") == [first, answered, second, unanswered]

    async def test_an_entry_without_its_write_is_not_kept(
        self, units: UnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        await add(units, a_checkout())
        async with units() as unit:
            await unit.history.add(an_event())
        assert await history_of(engine, "checkout_1") == []


class TestAlerts:
    async def test_it_waits_until_it_is_told_and_is_raised_once(self, units: UnitOfWorkFactory) -> None:
        alert = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(alert)
            await unit.alerts.raise_once(
                Alert(reason=alert.reason, subject=alert.subject, raised_at=NOON + SECOND)
            )
            assert await unit.alerts.due(NOON - SECOND, limit=5) == []
            assert await unit.alerts.due(NOON, limit=5) == [alert]
            await unit.alerts.defer(alert, NOON + SECOND)
            assert await unit.alerts.due(NOON, limit=5) == []
            (redeliver,) = await unit.alerts.due(NOON + SECOND, limit=5)
            assert redeliver.tries == 1
            await unit.alerts.mark_sent(alert, NOON + SECOND)
            assert await unit.alerts.due(NOON + 9 * SECOND, limit=5) == []
            await unit.alerts.raise_once(alert)
            assert await unit.alerts.due(NOON + 9 * SECOND, limit=5) == []

    async def test_of_two_workers_at_once_one_gets_it(self, units: UnitOfWorkFactory) -> None:
        alert = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(alert)
            await unit.commit()

        async def claim() -> bool:
            async with units() as unit:
                got = await unit.alerts.claim(alert, now=NOON, until=NOON + SECOND)
                await unit.commit()
            return got

        assert sorted(await asyncio.gather(*(claim() for _ in range(5)))) == [False] * 4 + [True]
        async with units() as unit:
            assert await unit.alerts.due(NOON, limit=5) == []
            assert await unit.alerts.due(NOON + SECOND, limit=5) == [alert]  # its teller may have died

    async def test_forgetting_lets_it_be_raised_anew_but_loses_none_that_waits(
        self, units: UnitOfWorkFactory
    ) -> None:
        sent = Alert(reason="refund_failed", subject="checkout_1", raised_at=NOON)
        waiting = Alert(reason="open_invoice", subject="checkout_1", raised_at=NOON)
        async with units() as unit:
            await unit.alerts.raise_once(sent)
            await unit.alerts.mark_sent(sent, NOON)
            await unit.alerts.raise_once(waiting)
            await unit.alerts.forget("checkout_1")
            assert await unit.alerts.due(NOON, limit=5) == [waiting]
            await unit.alerts.raise_once(sent)
            assert len(await unit.alerts.due(NOON, limit=5)) == 2


async def test_a_block_stands_until_it_is_cleared(units: UnitOfWorkFactory, engine: AsyncEngine) -> None:
    block = ClinicianBlock(
        clinician_id="clinician-1", reason="provider_mismatch", checkout_id="checkout_1", blocked_at=NOON
    )
    async with units() as unit:
        await unit.blocks.block(block)
        await unit.blocks.block(block)
        assert await unit.blocks.is_blocked("clinician-1")
        assert not await unit.blocks.is_blocked("clinician-2")
        assert await unit.blocks.standing() == [block]
        await unit.commit()
    blocked = SqlBlockedClinicians(engine=engine)
    assert await blocked.blocked() == {"clinician-1"}
    async with units() as unit:
        assert await unit.blocks.clear("clinician-1")
        assert not await unit.blocks.clear("clinician-1")
        await unit.commit()
    assert await blocked.blocked() == frozenset()


class TestRows:
    async def test_intents_that_are_too_old_are_in_doubt(self, units: UnitOfWorkFactory) -> None:
        await add(
            units,
            a_checkout("old", state=S.CHARGE_INTENDED, intended_at=NOON, patient_id="p1"),
            a_checkout("young", state=S.CHARGE_INTENDED, intended_at=NOON + SECOND, patient_id="p2"),
            a_checkout("none", state=S.CHARGED, patient_id="p3"),
        )
        async with units() as unit:
            assert await unit.checkouts.in_doubt(NOON) == ["old"]

    @pytest.mark.parametrize(
        ("state", "deadline", "doubted"),
        [
            (S.PATIENT_READY, NOON, True),
            (S.CHARGED, NOON, True),
            (S.BOOKED, NOON, True),
            (S.COMPENSATING, NOON, True),
            (S.RECURRING_CANCELLED, NOON, True),
            (S.CHARGED, NOON + SECOND, False),
            (S.PATIENT_READY, None, False),
            (S.NEEDS_ATTENTION, NOON, False),
            (S.CONFIRMED, NOON, False),
        ],
    )
    async def test_what_goes_on_past_its_deadline_is_in_doubt_also_between_two_calls(
        self, units: UnitOfWorkFactory, state: S, deadline: datetime | None, *, doubted: bool
    ) -> None:
        await add(units, a_checkout("left", state=state, confirm_deadline=deadline))
        async with units() as unit:
            assert await unit.checkouts.in_doubt(NOON) == ["left"] * doubted

    async def test_a_patients_other_checkouts(self, units: UnitOfWorkFactory) -> None:
        await add(
            units, *(a_checkout(name, patient_id=of) for name, of in [("a", "p1"), ("b", "p1"), ("c", "p2")])
        )
        async with units() as unit:
            assert [row.id for row in await unit.checkouts.of_patient("p1", besides="a")] == ["b"]

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
        await own.save(written.changed(cancel_requested=True), HistoryKind.CANCEL_REQUESTED)
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

    async def test_lists_go_on_behind_a_place_and_the_latest_started_come_first(
        self, units: UnitOfWorkFactory
    ) -> None:
        for name, ago, attention in (
            ("a", 3, (AttentionReason.OUT_OF_TRIES,)),
            ("b", 1, ()),
            ("c", 1, (AttentionReason.LATE_CHARGE, AttentionReason.REFUND_FAILED)),
        ):
            await add(units, a_checkout(name, created_at=NOON - ago * SECOND, attention=attention))
        async with units() as unit:
            checkouts = unit.checkouts
            everything = await checkouts.listed(state=None, attention=False, limit=9)
            assert [row.id for row in everything] == ["c", "b", "a"]
            first = everything[0]
            assert (first.attention, first.created_at) == (("late_charge", "refund_failed"), NOON - SECOND)
            place = ListPlace(created_at=first.created_at, id=first.id)
            behind = await checkouts.listed(state=None, attention=False, limit=1, after=place)
            assert [row.id for row in behind] == ["b"]
            needing = await checkouts.listed(state="started", attention=True, limit=9, after=place)
            assert [row.id for row in needing] == ["a"]
            assert await checkouts.listed(state="booked", attention=False, limit=9) == []

    async def test_claims_of_begun_visits_go_only_where_a_person_is_waited_for(
        self, units: UnitOfWorkFactory
    ) -> None:
        later = a_slot(start=NOON + timedelta(hours=1))
        rows = (
            a_checkout("waits", state=S.NEEDS_ATTENTION),
            a_checkout("works", state=S.CHARGED, slot=a_slot(clinician="clinician-2")),
            a_checkout("waits-for-later", state=S.NEEDS_ATTENTION, slot=later),
        )
        await add(units, *rows)
        async with units() as unit:
            for row in rows:
                await unit.claims.take(row)
            assert await unit.claims.release_begun(NOON - SECOND) == 0
            assert await unit.claims.release_begun(NOON) == 1
            left = await unit.claims.busy(["clinician-1", "clinician-2"], later.interval)
            assert len(left) == 1
