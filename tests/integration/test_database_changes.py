"""What the lookout reads, on both databases, and that a unit of work tells what it wrote, once it is committed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.change_signals import Listener, LocalChangeSignals
from booking.checkout.model import Checkout, CheckoutState, LateFinding
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Resource
from booking.slots import Busy
from integrations.database.change_reader import SqlChangeReader
from integrations.database.unit_of_work import SqlUnitOfWork, sql_unit_of_work
from tests.integration.database_samples import NOON as NOW
from tests.integration.database_samples import SEALER, a_charge, a_checkout

PATIENT = "p-sample"


@pytest.fixture
def change_signals() -> LocalChangeSignals:
    return LocalChangeSignals()


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


async def test_visits_that_were_booked_lately_are_found_and_counted(engine: AsyncEngine) -> None:
    old, new, other = (
        replace(
            a_checkout(f"chk_{n}", hold_id=f"h{n}"),
            state=state,
            patient_id=PATIENT,
            ended_at=NOW - timedelta(minutes=ago),
        )
        for n, (state, ago) in enumerate(
            [(CheckoutState.CONFIRMED, 10), (CheckoutState.CONFIRMED, 0), (CheckoutState.REFUNDED, 0)]
        )
    )
    await put(engine, old, new, other)
    changes, slot = SqlChangeReader(engine=engine), new.slot
    span = slot.interval
    taken = Busy(clinician_id=slot.clinician_id, interval=span)
    assert await changes.booked([slot.clinician_id], span, since=NOW) == [taken]
    assert await changes.booked([slot.clinician_id], span, since=NOW - timedelta(minutes=10)) == [taken] * 2
    assert await changes.booked(["c-other"], span, since=NOW) == []
    assert await changes.bookings([PATIENT, "p-other"]) == {PATIENT: 2}


@pytest.mark.parametrize("ended_as", [CheckoutState.CONFIRMED, CheckoutState.REFUNDED])
async def test_a_visit_stands_while_a_late_finding_of_it_is_undone(
    engine: AsyncEngine, ended_as: CheckoutState
) -> None:
    row = replace(
        a_checkout("chk_1"),
        state=CheckoutState.LATE_REFUND_INTENDED,
        late=LateFinding(ended_as=ended_as, charge=a_charge("late")),
        patient_id=PATIENT,
        ended_at=NOW,
    )
    await put(engine, row)
    changes, stands = SqlChangeReader(engine=engine), ended_as is CheckoutState.CONFIRMED
    booked = await changes.booked([row.slot.clinician_id], row.slot.interval, since=NOW)
    assert [busy.interval for busy in booked] == [row.slot.interval] * stands
    assert await changes.bookings([PATIENT]) == ({PATIENT: 1} if stands else {})


async def test_claims_are_those_of_the_clinicians(engine: AsyncEngine) -> None:
    row = a_checkout("chk_1", hold_id="h1")
    await put(engine, row)
    async with sql_unit_of_work(engine, SEALER)() as unit:
        await unit.claims.take(row)
        await unit.commit()
    changes = SqlChangeReader(engine=engine)
    assert [one.interval for one in await changes.claims([row.slot.clinician_id])] == [row.slot.interval]
    assert await changes.claims(["c-other"]) == []


async def test_what_is_committed_is_told_then_and_what_is_not_never(
    sqlite_engine: AsyncEngine, change_signals: LocalChangeSignals
) -> None:
    row = a_checkout("chk_1", hold_id="h1")
    listener = Listener(["checkout:chk_1", "patient:p1"])
    event = DomainEvent(
        id="evt_1",
        name=EventName.APPOINTMENT_CANCELLED,
        at=NOW,
        resource=Resource(kind=Kind.VISIT, id="a1"),
        ids={"appointment": "a1", "patient": "p1"},
    )

    async def write(unit: SqlUnitOfWork) -> None:
        await unit.checkouts.add(row)
        await unit.outbox.add([event])

    with change_signals.subscribe(listener):
        async with sql_unit_of_work(sqlite_engine, SEALER, change_signals)() as unit:
            await write(unit)
        assert await listener.heard(within=0) == frozenset()
        async with sql_unit_of_work(sqlite_engine, SEALER, change_signals)() as unit:
            await write(unit)
            assert await listener.heard(within=0) == frozenset()
            await unit.commit()
            assert await listener.heard(within=0) == {"checkout:chk_1", "patient:p1"}
        async with sql_unit_of_work(sqlite_engine, SEALER, change_signals)() as unit:
            await unit.checkouts.save(row.changed(version=1))
            await unit.commit()
        assert await listener.heard(within=0) == {"checkout:chk_1"}
