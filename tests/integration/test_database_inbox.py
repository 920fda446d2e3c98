"""Pending refreshes, snapshots and the outbox on both databases: each is read by one at a time, and nothing is lost."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.events.model import DomainEvent, EventName, event_id
from booking.resources import ChangeHint, Kind, Resource, ResourceState, Snapshot
from booking.sync.inbox import PendingRefresh, WebhookDelivery
from integrations.database.event_outbox import SqlEventLog
from integrations.database.inbox import KEPT, SqlInbox
from integrations.database.unit_of_work import Units, sql_unit_of_work
from tests.doubles.resource_samples import CARD, HOURS, KINDS, PATIENT, PAYMENT, VISIT
from tests.integration.database_samples import SEALER

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)
LATER = NOW + timedelta(minutes=5)
VISIT_7 = Resource(kind=Kind.VISIT, id="7")
HINT = ChangeHint(resource=VISIT_7)


@pytest.fixture
def units(engine: AsyncEngine) -> Units:
    return sql_unit_of_work(engine, SEALER)


def delivery(hint: ChangeHint | None = HINT, *, at: datetime = NOW) -> WebhookDelivery:
    return WebhookDelivery(
        event="appointment.updated", resource_type="Appointment", resource_id="7", received_at=at, hint=hint
    )


async def lease(units: Units, owner: str = "a", *, now: datetime = NOW) -> PendingRefresh | None:
    async with units() as unit:
        mark = await unit.pending_refreshes.lease(VISIT_7, owner, now=now, until=now + timedelta(seconds=60))
        await unit.commit()
    return mark


async def due(units: Units, now: datetime = NOW) -> list[Resource]:
    async with units() as unit:
        return list(await unit.pending_refreshes.due(now, limit=10))


async def done(units: Units, mark: PendingRefresh) -> bool:
    async with units() as unit:
        held = await unit.pending_refreshes.done(mark, now=LATER)
        await unit.commit()
    return held


async def test_what_came_in_is_kept_and_its_resource_marked_once(engine: AsyncEngine, units: Units) -> None:
    inbox = SqlInbox(engine=engine)
    await asyncio.gather(*(inbox.accept(delivery()) for _ in range(10)))

    assert len(await inbox.received(NOW)) == 10
    assert await due(units) == [VISIT_7]
    mark = await lease(units)
    assert mark is not None
    assert mark.marks == 10


async def test_who_shares_a_transaction_shares_its_failure_and_the_next_is_kept(
    engine: AsyncEngine, units: Units
) -> None:
    inbox = SqlInbox(engine=engine)
    naive = delivery(at=NOW.replace(tzinfo=None))  # that no database could keep
    together = await asyncio.gather(
        *(inbox.accept(one) for one in (delivery(), naive, delivery())), return_exceptions=True
    )
    assert all(isinstance(one, Exception) for one in together)
    assert await due(units) == []

    await inbox.accept(delivery())
    assert await due(units) == [VISIT_7]


async def test_what_is_about_nothing_that_is_synchronized_is_kept_and_marks_nothing(
    engine: AsyncEngine, units: Units
) -> None:
    inbox = SqlInbox(engine=engine)
    await inbox.accept(delivery(None))

    assert [one.event for one in await inbox.about("7")] == ["appointment.updated"]
    assert await due(units) == []


async def test_what_came_in_is_forgotten_after_its_time(engine: AsyncEngine) -> None:
    inbox = SqlInbox(engine=engine)
    await inbox.accept(delivery(at=NOW))
    await inbox.accept(delivery(at=NOW + timedelta(days=1)))

    assert await inbox.reap(NOW + KEPT + timedelta(hours=1)) == 1


async def test_one_at_a_time_has_a_refresh_and_another_once_the_lease_ran_out(
    engine: AsyncEngine, units: Units
) -> None:
    await SqlInbox(engine=engine).accept(delivery())

    taken = await asyncio.gather(*(lease(units, name) for name in "abcd"))
    assert sum(mark is not None for mark in taken) == 1
    assert await due(units) == []

    late = NOW + timedelta(seconds=61)
    (first,) = [mark for mark in taken if mark]
    second = await lease(units, "e", now=late)
    assert second is not None
    assert not await done(units, first)
    assert await done(units, second)


async def test_a_refresh_asked_for_while_it_was_read_means_another_read(
    engine: AsyncEngine, units: Units
) -> None:
    inbox = SqlInbox(engine=engine)
    await inbox.accept(delivery())
    first = await lease(units)
    assert first is not None
    await inbox.accept(delivery())
    assert await due(units) == []

    assert await done(units, first)
    assert await due(units, LATER) == [VISIT_7]
    second = await lease(units, "b", now=LATER)
    assert second is not None
    assert await done(units, second)
    assert await due(units, LATER) == []


async def test_the_words_of_several_deliveries_are_all_remembered(engine: AsyncEngine, units: Units) -> None:
    inbox = SqlInbox(engine=engine)
    for hint in (HINT, replace(HINT, merged=True), replace(HINT, about="501"), HINT):
        await inbox.accept(delivery(hint))
    mark = await lease(units)
    assert mark is not None
    assert mark.hint == replace(HINT, merged=True, about="501")


async def test_what_was_given_up_is_taken_up_when_it_is_marked_again(
    engine: AsyncEngine, units: Units
) -> None:
    inbox = SqlInbox(engine=engine)
    await inbox.accept(delivery())
    mark = await lease(units)
    assert mark is not None
    async with units() as unit:
        assert await unit.pending_refreshes.failed(mark, due_at=None, now=NOW, error="upstream_unavailable")
        await unit.commit()
    assert await due(units, NOW + timedelta(days=9)) == []
    async with units() as unit:
        (dead,) = await unit.pending_refreshes.listed(dead=True, limit=5)
    assert (dead.error, dead.tries, dead.dead_at) == ("upstream_unavailable", 1, NOW)

    await inbox.accept(delivery(at=LATER))
    redeliver = await lease(units, now=LATER)
    assert redeliver is not None
    assert (redeliver.dead_at, redeliver.tries, redeliver.failing_since) == (None, 0, None)


@pytest.mark.parametrize("state", [VISIT, PAYMENT, PATIENT, CARD, HOURS])
async def test_a_snapshot_comes_back_as_it_was(units: Units, state: ResourceState) -> None:
    resource = Resource(kind=KINDS[type(state)], id="7")
    for version in (1, 2):
        saved = Snapshot(resource=resource, version=version, state=state, seen_at=NOW)
        async with units() as unit:
            await unit.snapshots.save(saved)
            await unit.commit()
        async with units() as unit:
            assert await unit.snapshots.get(resource) == saved


async def test_visits_that_stand_are_found_by_their_start(units: Units) -> None:
    snapshots = {
        "1": Snapshot(resource=Resource(kind=Kind.VISIT, id="1"), state=VISIT, seen_at=NOW),
        "2": Snapshot(resource=Resource(kind=Kind.VISIT, id="2"), state=VISIT, gone=True, seen_at=NOW),
        "3": Snapshot(
            resource=Resource(kind=Kind.VISIT, id="3"), state=replace(VISIT, deleted_at=NOW), seen_at=NOW
        ),
    }
    async with units() as unit:
        for one in snapshots.values():
            await unit.snapshots.save(one)
        assert VISIT.start is not None
        around = (VISIT.start - timedelta(hours=1), VISIT.start + timedelta(hours=1))
        assert list(await unit.snapshots.standing_visits(*around)) == ["1"]
        assert list(await unit.snapshots.standing_visits(around[1], around[1] + timedelta(days=1))) == []


def domain_event(number: int) -> DomainEvent:
    return DomainEvent(
        id=event_id(VISIT_7, number, EventName.APPOINTMENT_CREATED),
        name=EventName.APPOINTMENT_CREATED,
        at=NOW,
        resource=VISIT_7,
        ids={"appointment": "7"},
    )


async def test_events_are_read_in_order_from_any_cursor_and_each_is_there_once(
    engine: AsyncEngine, units: Units
) -> None:
    log = SqlEventLog(engine=engine)
    async with units() as unit:
        await unit.outbox.add([domain_event(1), domain_event(2)])
        await unit.outbox.add([domain_event(2), domain_event(3)])
        await unit.commit()
    async with units() as unit:
        await unit.outbox.add([domain_event(4)])  # left without a commit

    found = await log.after(0, limit=10)
    assert [one.event for one in found] == [domain_event(1), domain_event(2), domain_event(3)]
    assert await log.after(found[1].sequence, limit=10) == found[2:]
    assert await log.last() == found[-1].sequence
    assert await log.about(VISIT_7) == found


@pytest.mark.postgres
async def test_no_event_appears_before_the_cursor_that_a_reader_has_passed(
    postgresql_engine: AsyncEngine,
) -> None:
    """The writer who is there first commits last: the second waits, so that no reader sees it alone."""
    units, log = sql_unit_of_work(postgresql_engine, SEALER), SqlEventLog(engine=postgresql_engine)

    async def second() -> None:
        async with units() as unit:
            await unit.outbox.add([domain_event(2)])
            await unit.commit()

    async with units() as unit:
        await unit.outbox.add([domain_event(1)])
        other = asyncio.create_task(second())
        done_first, _ = await asyncio.wait({other}, timeout=0.3)
        assert not done_first
        assert await log.after(0, limit=10) == []
        await unit.commit()
    await other
    assert [one.event for one in await log.after(0, limit=10)] == [domain_event(1), domain_event(2)]


async def test_one_worker_takes_a_turn_of_asking(units: Units) -> None:
    async def claim(now: datetime) -> datetime | None:
        async with units() as unit:
            since = await unit.polls.claim(
                "sample", now=now, next_at=now + timedelta(minutes=5), begins=EARLIER
            )
            await unit.commit()
        return since

    claimed = await asyncio.gather(*(claim(NOW) for _ in range(4)))
    assert sorted(claimed, key=str) == [EARLIER, None, None, None]
    assert await claim(NOW + timedelta(minutes=4)) is None
    async with units() as unit:
        await unit.polls.seen("sample", LATER)
        await unit.commit()
    assert await claim(NOW + timedelta(minutes=6)) == LATER
