"""What one look meets keeps no other look waiting."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.changes.model import ActionState, ChangeState
from booking.checkout.early_checks import EarlyChecks
from booking.checkout.model import CheckoutState
from booking.events.model import EventName
from booking.models import AppointmentStatus
from booking.operations.model import AttentionReason
from booking.resources import ChangeHint, Kind, Party, Resource, ResourceState, VisitState
from booking.stored_names import Unknown
from booking.sync.inbox import WebhookDelivery
from booking.sync.polling import VisitPoll
from booking.sync.synchronizer import BATCH, GIVEN_UP_AFTER, ResourceSynchronizer
from integrations.database.event_outbox import SqlEventLog
from integrations.database.inbox import SqlInbox
from integrations.database.tables.webhooks import pending_refreshes, resource_snapshots
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeClock
from tests.integration.change_samples import a_cancellation, added_change, saved_change
from tests.integration.database_samples import SEALER, a_checkout, somebody_waits
from tests.integration.one_round import one_round

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
BOOKED = VisitState(
    created_at=NOW - timedelta(days=30),
    updated_at=NOW,
    status=AppointmentStatus.BOOKED,
    status_changed_at=None,
    start=NOW + timedelta(days=2),
    minutes=30,
    clinician_id="3",
    patient_id="9",
    visit_type_id="5",
    checkout_id=None,
    deleted_at=None,
    changed_by=None,
)

# Of a kind that upstream has never sent: nothing can be made of it.
WITHOUT_ZONE = replace(BOOKED, created_at=datetime(2027, 1, 4, 15, 0))  # noqa: DTZ001


@dataclass
class Visits:
    """The system of record: these visits, and the rest as booked a month ago."""

    others: dict[str, ResourceState] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    changed_ids: tuple[str, ...] = ("0",)
    read_ids: list[str] = field(default_factory=list)

    async def read(self, hint: ChangeHint, *, known: ResourceState | None) -> ResourceState | None:
        if hint.resource.id in self.slow:
            await asyncio.sleep(0.1)
        self.read_ids.append(hint.resource.id)
        return self.others.get(hint.resource.id, BOOKED)

    async def changed(self, since: datetime) -> list[tuple[Resource, datetime]]:
        return [(a_visit(one), NOW) for one in self.changed_ids]

    async def standing(self, first: datetime, last: datetime) -> frozenset[str]:
        return frozenset()


def nothing_to_forget() -> None:
    raise AssertionError("no hours have changed")


def wakes(_: str) -> None:
    raise AssertionError("nobody waits")


def a_visit(resource_id: str) -> Resource:
    return Resource(kind=Kind.VISIT, id=resource_id)


async def hear(engine: AsyncEngine, resource_id: str, clock: FakeClock) -> None:
    await SqlInbox(engine=engine).accept(a_delivery(resource_id, clock))


def a_delivery(resource_id: str, clock: FakeClock) -> WebhookDelivery:
    return WebhookDelivery(
        event="appointment.updated",
        resource_type="Appointment",
        resource_id=resource_id,
        received_at=clock.now(),
        hint=ChangeHint(resource=a_visit(resource_id)),
    )


async def remember_as_another_version_did(engine: AsyncEngine, resource_id: str) -> None:
    row = {
        "kind": Kind.VISIT,
        "resource_id": resource_id,
        "version": 4,
        "state": {"status": "triaged"},
        "gone": False,
        "seen_at": NOW - timedelta(days=1),
    }
    async with engine.begin() as connection:
        await connection.execute(insert(resource_snapshots), row)


def a_synchronizer(engine: AsyncEngine, visits: Visits, clock: FakeClock) -> ResourceSynchronizer:
    units = sql_unit_of_work(engine, SEALER)
    return ResourceSynchronizer(
        units=units, reader=visits, wake=wakes, forget_free_time=nothing_to_forget, clock=clock, name="a"
    )


async def test_what_another_version_remembered_is_seen_as_for_the_first_time_and_keeps_nothing_waiting(
    engine: AsyncEngine,
) -> None:
    clock, visits = FakeClock(NOW), Visits({"0": replace(BOOKED, created_at=NOW)})
    for number in range(BATCH):
        await remember_as_another_version_did(engine, str(number))
        await hear(engine, str(number), clock)
    clock.at += timedelta(seconds=1)
    await hear(engine, "sound", clock)
    synchronizer = a_synchronizer(engine, visits, clock)
    assert [await one_round(synchronizer, engine) for _ in range(3)] == [BATCH, 1, 0]
    async with sql_unit_of_work(engine, SEALER)() as unit:
        seen = await unit.snapshots.get(a_visit("0"))
    assert (seen.version, seen.seen_at) == (5, clock.now())  # counted on: an event of it has an id of its own
    told = await SqlEventLog(engine=engine).after(0, limit=10)
    assert [(one.event.name, one.event.ids["appointment"]) for one in told] == [
        (EventName.APPOINTMENT_CREATED, "0")
    ]


async def test_what_another_version_remembered_stops_no_poll(engine: AsyncEngine) -> None:
    clock = FakeClock(NOW)
    await remember_as_another_version_did(engine, "0")
    poll = VisitPoll(units=sql_unit_of_work(engine, SEALER), visits=Visits(), clock=clock)
    assert await poll.changed() == 1


async def test_looks_that_cannot_be_written_down_keep_nothing_waiting_and_are_given_to_a_person(
    engine: AsyncEngine,
) -> None:
    clock = FakeClock(NOW)
    visits = Visits({str(number): WITHOUT_ZONE for number in range(BATCH)})
    for number in range(BATCH):
        await hear(engine, str(number), clock)
    clock.at += timedelta(seconds=1)
    await hear(engine, "sound", clock)
    synchronizer = a_synchronizer(engine, visits, clock)
    assert [await one_round(synchronizer, engine) for _ in range(2)] == [0, 1]
    clock.at += GIVEN_UP_AFTER
    assert await one_round(synchronizer, engine) == 0
    async with sql_unit_of_work(engine, SEALER)() as unit:
        mark = await unit.pending_refreshes.of(a_visit("0"))
        alerts = await unit.alerts.due(clock.now(), limit=BATCH)
    assert mark is not None
    assert mark.dead_at is not None
    assert [alert.reason for alert in alerts] == [AttentionReason.WEBHOOK_GIVEN_UP] * BATCH


async def test_no_look_goes_on_once_the_round_is_over(engine: AsyncEngine) -> None:
    clock, visits = FakeClock(NOW), Visits({"0": WITHOUT_ZONE}, slow=frozenset({"1"}))
    for resource_id in ("0", "1"):
        await hear(engine, resource_id, clock)
    assert await one_round(a_synchronizer(engine, visits, clock), engine) == 1
    assert visits.read_ids == ["0", "1"]


@pytest.mark.postgres
async def test_a_poll_and_the_inbox_wait_in_no_circle_for_each_other(postgresql_engine: AsyncEngine) -> None:
    clock, inbox = FakeClock(NOW), SqlInbox(engine=postgresql_engine)
    units = sql_unit_of_work(postgresql_engine, SEALER)
    poll = VisitPoll(units=units, visits=Visits(changed_ids=("1", "0")), clock=clock)  # upstream's order
    await hear(postgresql_engine, "0", clock)
    async with postgresql_engine.begin() as connection:  # whom both then wait for, the inbox first
        await connection.execute(select(pending_refreshes).with_for_update())
        words = [asyncio.create_task(inbox.accept(a_delivery(one, clock))) for one in ("0", "1")]
        await somebody_waits(postgresql_engine)
        asking = asyncio.create_task(poll.changed())
        await somebody_waits(postgresql_engine, transactions=2)
    assert await asyncio.gather(asking, *words) == [2, None, None]


@pytest.mark.parametrize("stuck", ["the woken checkout", "another look"])
async def test_what_is_slow_keeps_no_other_look_waiting(engine: AsyncEngine, stuck: str) -> None:
    """A payment wakes a checkout that charges for a minute, or Healthie answers one question late: the worker goes on."""
    clock, release, woken = FakeClock(NOW), asyncio.Event(), asyncio.Event()
    units = sql_unit_of_work(engine, SEALER)
    landed = replace(BOOKED, checkout_id="waits")
    visits = Visits({"first": landed})
    async with units() as unit:
        waits = a_checkout("waits", state=CheckoutState.BOOKING_INTENDED, due_at=NOW + timedelta(seconds=30))
        await unit.checkouts.add(waits)
        await unit.commit()

    async def charges_for_long(checkout_id: str) -> None:
        assert checkout_id == "waits"
        woken.set()
        if stuck == "the woken checkout":
            await release.wait()

    async def read(hint: ChangeHint, *, known: ResourceState | None) -> ResourceState | None:
        if hint.resource.id == "stuck" and stuck == "another look":
            await release.wait()
        return await Visits.read(visits, hint, known=known)

    visits.read = read  # type: ignore[method-assign]
    early_checks = EarlyChecks(check=charges_for_long)
    synchronizer = ResourceSynchronizer(
        units=units,
        reader=visits,
        wake=early_checks.request,
        forget_free_time=nothing_to_forget,
        clock=clock,
        name="a",
    )
    async with asyncio.timeout(10):
        for resource_id in ("stuck", "first"):
            await hear(engine, resource_id, clock)
        await synchronizer.run_due()
        await woken.wait()
        for number in range(2 * BATCH):
            await hear(engine, str(number), clock)
        while len(visits.read_ids) < 2 * BATCH:
            await synchronizer.run_due()  # as the worker does every second
            await asyncio.sleep(0.01)
        assert not release.is_set()
        release.set()
        await synchronizer.drain()
        await early_checks.drain()
    assert set(visits.read_ids) == {"stuck", "first", *map(str, range(2 * BATCH))}


async def test_what_a_newer_version_remembers_besides_stays_and_what_it_marks_is_left_to_it(
    engine: AsyncEngine,
) -> None:
    clock, visits = FakeClock(NOW), Visits({"0": replace(BOOKED, minutes=45)})
    await hear(engine, "0", clock)
    synchronizer = a_synchronizer(engine, visits, clock)
    assert await one_round(synchronizer, engine) == 1
    strange = {"kind": "of_tomorrow", "resource_id": "0", "marks": 1, "merged": False, "tries": 0}
    async with engine.begin() as connection:
        state = await connection.scalar(select(resource_snapshots.c.state)) or {}
        await connection.execute(update(resource_snapshots).values(state=state | {"of_tomorrow": 7}))
        times = dict.fromkeys(("first_marked_at", "marked_at", "due_at"), NOW)
        await connection.execute(insert(pending_refreshes).values(strange | times))
    visits.others["0"] = replace(BOOKED, minutes=50)
    await hear(engine, "0", clock)
    assert [await one_round(synchronizer, engine) for _ in range(2)] == [1, 0]
    async with engine.connect() as connection:
        state = await connection.scalar(select(resource_snapshots.c.state)) or {}
    assert (state["minutes"], state["of_tomorrow"]) == (50, 7)
    async with sql_unit_of_work(engine, SEALER)() as unit:
        listed = await unit.pending_refreshes.listed(dead=False, limit=9)
    assert [str(mark.resource) for mark in listed] == ["of_tomorrow 0"]
    told = await SqlEventLog(engine=engine).after(0, limit=9)
    assert [one.event.name for one in told] == [EventName.APPOINTMENT_RESCHEDULED]


async def test_what_a_newer_version_took_in_is_listed(engine: AsyncEngine) -> None:
    inbox, clock = SqlInbox(engine=engine), FakeClock(NOW)
    await inbox.accept(replace(a_delivery("0", clock), source=Unknown("of_tomorrow")))
    assert [one.source for one in await inbox.received(NOW)] == ["of_tomorrow"]


class TestWhatWasRequestedHere:
    """A visit that its patient cancelled here is read at once; who did it is told once, whoever reads it first."""

    @pytest.mark.parametrize("webhook_first", [False, True])
    async def test_one_event_says_that_the_patient_did_it(
        self, engine: AsyncEngine, *, webhook_first: bool
    ) -> None:
        units, clock = sql_unit_of_work(engine, SEALER), FakeClock(NOW)
        visits = Visits()
        synchronizer = a_synchronizer(engine, visits, clock)
        await hear(engine, "7", clock)
        assert await one_round(synchronizer, engine) == 1
        clock.at += timedelta(hours=1)
        row = await added_change(
            units, a_cancellation(appointment_id="7", payment_id=None, updated_at=clock.now())
        )
        row = await saved_change(units, row.with_action(0, state=ActionState.INTENDED), was=row)
        gone = replace(BOOKED, status=AppointmentStatus.CANCELLED, changed_by=Party.CLINICIAN)
        visits.others["7"] = gone
        if webhook_first:
            await hear(engine, "7", clock)
            assert await one_round(synchronizer, engine) == 1
        done = row.with_action(0, state=ActionState.DONE, ended_at=clock.now())
        row = await saved_change(units, done.changed(updated_at=clock.now()), was=row)
        assert await one_round(synchronizer, engine) == 1
        await saved_change(units, row.changed(state=ChangeState.DONE), was=row)
        assert await one_round(synchronizer, engine) == 1
        told = await SqlEventLog(engine=engine).after(0, limit=9)
        assert [(one.event.name, one.event.by) for one in told] == [
            (EventName.APPOINTMENT_CANCELLED, Party.PATIENT)
        ]

    async def test_a_process_that_dies_before_its_commit_leaves_neither_the_end_nor_the_mark(
        self, engine: AsyncEngine
    ) -> None:
        units, clock = sql_unit_of_work(engine, SEALER), FakeClock(NOW)
        row = await added_change(units, a_cancellation(appointment_id="7"))
        async with units() as unit:
            await unit.changes.save(row.with_action(0, state=ActionState.DONE, ended_at=NOW), was=row)
        async with units() as unit:
            assert await unit.pending_refreshes.due(clock.now() + timedelta(days=999), limit=9) == []
            assert await unit.changes.get(row.id) == row
