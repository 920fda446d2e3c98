"""The worker takes up what is due, and nothing that fails keeps the rest waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

import gateway.runtime.worker
from booking.changes.model import ChangeState
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.timing import LEASE, SETTLE
from booking.principals import Caller, Principal, PrincipalKind
from booking.unit_of_work import Scope, UnitOfWork
from gateway.runtime.worker import AT_ONCE, NOTHING_WRITTEN_REST, POLL_SECONDS, PeriodicTask, Worker
from integrations.database.sealing import Sealer
from integrations.database.unit_of_work import sql_unit_of_work
from tests.doubles.booking_ports import FakeUnit
from tests.doubles.booking_upstream import Lost
from tests.doubles.booking_world import PATIENT, World, a_slot
from tests.doubles.change_world import ChangeWorld
from tests.integration.database_samples import GUEST, SEALER, a_checkout

HOUR = timedelta(hours=1)


def worker_of(world: World, *periodic_tasks: PeriodicTask) -> Worker:
    return Worker(saga=world.a_saga(), units=world.database, clock=world.clock, periodic_tasks=periodic_tasks)


async def until(looked: asyncio.Event, seen: Callable[[], bool]) -> None:
    """Wait for something that a running worker does, asking at each of its looks."""
    while not seen():
        looked.clear()
        await looked.wait()


async def test_takes_up_what_is_due_and_leaves_what_is_not() -> None:
    world = World()
    due = world.confirmed(await world.start())
    waiting = await world.start(PATIENT, a_slot(hours=48))
    assert await worker_of(world).tick() == 1
    assert world.row(due).state is S.CONFIRMED
    assert world.row(waiting).state is S.STARTED
    assert await worker_of(world).tick() == 0


async def test_one_row_that_fails_keeps_no_other_waiting() -> None:
    world = World()
    broken = world.confirmed(await world.start())
    world.put(world.row(broken).changed(state=S.PATIENT_INTENDED, guest=None))
    sound = world.confirmed(await world.start(PATIENT, a_slot(hours=48)))
    with capture_logs() as events:
        assert await worker_of(world).tick() == 1  # what fails is no reason to come back without a rest
    assert world.row(sound).state is S.CONFIRMED
    assert world.row(broken).state is S.PATIENT_INTENDED
    assert [event["checkout"] for event in events if event["event"] == "worker.checkout_failed"] == [
        broken.id
    ]


async def test_rows_that_do_not_open_keep_no_other_waiting(sqlite_engine: AsyncEngine) -> None:
    world = World()
    now = world.clock.now()
    lost_key = sql_unit_of_work(sqlite_engine, Sealer({"lost": bytes(32)}, current="lost"))
    units = sql_unit_of_work(sqlite_engine, SEALER)
    async with lost_key() as unit:
        for n in range(AT_ONCE):
            await unit.checkouts.add(a_checkout(f"stuck-{n}", guest=GUEST, due_at=now - HOUR))
        await unit.commit()
    async with units() as unit:
        await unit.checkouts.add(a_checkout("sound", guest=GUEST, due_at=now))
        await unit.commit()
    worker = Worker(saga=world.a_saga(units), units=units, clock=world.clock)
    with capture_logs() as events:
        assert await worker.tick() == 0
        assert await worker.tick() == 1
    assert len([event for event in events if event["event"] == "worker.checkout_failed"]) == AT_ONCE
    async with units() as unit:
        sound = await unit.checkouts.get("sound")
    assert sound is not None
    assert sound.state is S.EXPIRED


async def test_a_heartbeat_that_fails_ends_no_drive_and_is_told() -> None:
    world, stop, looks = World(), asyncio.Event(), []
    slow, last = await due_by_turns(world, 2)
    charges = SlowCharges(world, 1)

    def disk_full() -> None:
        looks.append(charges.waiting)
        if looks.count(1) > 1:  # a look after the one that found the first charge under way
            charges.let_go.set()
        if world.row(slow).state is world.row(last).state is S.CONFIRMED:
            stop.set()
        raise OSError("canary")

    with capture_logs() as events:
        async with asyncio.timeout(10):
            await worker_of(world).run(stop, beat=disk_full)
    assert {world.row(one).state for one in (slow, last)} == {S.CONFIRMED}
    assert [event["event"] for event in events].count("worker.no_heartbeat") == len(looks)


async def test_two_workers_at_once_charge_once() -> None:
    world = World()
    for checkout in (await world.start(), await world.start(PATIENT, a_slot(hours=48))):
        world.confirmed(checkout)
    await asyncio.gather(worker_of(world).tick(), worker_of(world).tick())
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    await worker_of(world).tick()
    assert len(world.books.kept_charges) == 2
    assert {row.state for row in world.database.rows.values()} == {S.CONFIRMED}


async def test_goes_on_when_the_database_comes_back() -> None:
    world = World()
    due = world.confirmed(await world.start())
    outages = [1]

    def units(scope: Scope = Scope.TRANSACTION) -> UnitOfWork:
        if outages:
            outages.pop()
            raise OSError("no database")
        return world.database(scope)

    worker = Worker(saga=world.a_saga(), units=units, clock=world.clock)
    assert await worker.tick() == 0
    assert await worker.tick() == 1
    assert world.row(due).state is S.CONFIRMED


async def test_where_nothing_can_be_written_rows_are_tried_again_after_a_rest_and_not_each_second() -> None:
    world, full = World(), [True]
    due = world.confirmed(await world.start())

    class FullUnit(FakeUnit):
        async def commit(self) -> None:
            if full:
                raise OSError("the disk is full")
            await super().commit()

    def units(scope: Scope = Scope.TRANSACTION) -> UnitOfWork:
        return FullUnit(world.database, scope)

    worker = Worker(saga=world.a_saga(units), units=units, clock=world.clock)
    with capture_logs() as events:
        for _ in range(4):
            assert await worker.tick() == 0
            world.clock.advance(seconds=1)
    assert [event["event"] for event in events].count("worker.checkout_failed") == 1
    full.clear()
    world.clock.advance(seconds=NOTHING_WRITTEN_REST.total_seconds())
    assert await worker.tick() == 1
    assert world.row(due).state is S.CONFIRMED


async def test_does_each_chore_when_it_is_due_and_no_oftener() -> None:
    world = World()
    done: list[str] = []

    def periodic_task(name: str, every: timedelta) -> PeriodicTask:
        async def work() -> None:
            done.append(name)

        return PeriodicTask(name=name, every=every, work=work)

    worker = worker_of(world, periodic_task("hourly", HOUR), periodic_task("daily", 24 * HOUR))
    await worker.tick()
    assert done == []
    for _ in range(3):
        world.clock.advance(hours=1)
        await worker.tick()
        await worker.tick()
    assert done == ["hourly"] * 3
    world.clock.advance(hours=21)
    await worker.tick()
    assert sorted(done[3:]) == ["daily", "hourly"]


async def test_a_chore_that_fails_is_tried_again_when_it_is_next_due() -> None:
    world = World()
    tries: list[int] = []

    async def work() -> None:
        tries.append(1)
        raise OSError("canary")

    worker = worker_of(world, PeriodicTask(name="failing", every=HOUR, work=work))
    with capture_logs() as events:
        for _ in range(2):
            world.clock.advance(hours=1)
            await worker.tick()
    assert len(tries) == 2
    assert [
        event["periodic_task"] for event in events if event["event"] == "worker.periodic_task_failed"
    ] == ["failing"] * 2


async def test_a_chore_that_hangs_keeps_no_checkout_waiting() -> None:
    world = World()
    begun, never, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await never.wait()

    worker = worker_of(world, PeriodicTask(name="hanging", every=HOUR, work=work))
    world.clock.advance(hours=1)
    due = world.confirmed(await world.start())
    looked = asyncio.Event()
    running = asyncio.create_task(worker.run(stop, beat=looked.set))
    async with asyncio.timeout(POLL_SECONDS * 3):
        await begun.wait()
        await until(looked, lambda: world.row(due).state is S.CONFIRMED)
    looked.clear()
    async with asyncio.timeout(POLL_SECONDS * 3):
        await looked.wait()
    stop.set()
    never.set()
    await running


async def test_a_chore_that_hangs_keeps_no_other_chore_waiting_and_is_not_begun_twice() -> None:
    world = World()
    begun, never, stop = [0], asyncio.Event(), asyncio.Event()
    done = asyncio.Event()

    async def hangs() -> None:
        begun[0] += 1
        await never.wait()

    async def work() -> None:
        done.set()

    worker = worker_of(
        world,
        PeriodicTask(name="hanging", every=HOUR, work=hangs),
        PeriodicTask(name="sound", every=HOUR, work=work),
    )
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(POLL_SECONDS * 6):
        for _ in range(2):
            world.clock.advance(hours=1)
            await done.wait()
            done.clear()
    assert begun == [1]
    stop.set()
    never.set()
    await running


async def test_what_a_chore_apart_started_is_let_end_when_the_worker_stops() -> None:
    world, stop, ended = World(), asyncio.Event(), []

    async def work() -> None:
        stop.set()

    async def end() -> None:
        ended.append("looks")

    apart = (PeriodicTask(name="starts_looks", every=HOUR, work=work, end=end),)
    worker = Worker(saga=world.a_saga(), units=world.database, clock=world.clock, apart=apart)
    await asyncio.wait_for(worker.run(stop), POLL_SECONDS * 3)
    assert ended == ["looks"]


@pytest.mark.parametrize("busy", [True, False])
async def test_stops_when_told_and_not_only_at_the_next_look(*, busy: bool) -> None:
    world = World()
    due = world.confirmed(await world.start()) if busy else None
    stop = asyncio.Event()
    running = asyncio.create_task(worker_of(world).run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(running, POLL_SECONDS / 2)
    assert due is None or world.row(due).state is S.CONFIRMED


class SlowCharges:
    """The first charges, so many of them, wait to be let go."""

    def __init__(self, world: World, number: int) -> None:
        self.waiting, self.let_go = 0, asyncio.Event()
        self._during, self._number = world.books.during, number
        self._during["charge"] = self._wait

    async def _wait(self) -> None:
        self.waiting += 1
        if self.waiting < self._number:
            self._during["charge"] = self._wait
        await self.let_go.wait()


async def due_by_turns(world: World, number: int) -> list[Checkout]:
    """Confirmed checkouts of as many patients, each due a second after the other, and all of them by now."""
    rows = []
    for hours in (24, 24.5, 48)[:number]:
        patient = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=f"p-sample-{hours}"))
        rows.append(world.confirmed(await world.start(patient, a_slot(hours=hours))))
        world.clock.advance(seconds=1)
    return rows


@asynccontextmanager
async def at_work(world: World, looked: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """A worker, for ten seconds at most; it stops at the end, or when the answered event is set."""
    stop = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker_of(world).run(stop, beat=looked.set))
        yield stop
        stop.set()


async def test_a_slow_checkout_keeps_no_other_waiting_that_is_due_after_it() -> None:
    world, looked = World(), asyncio.Event()
    slow, other = await due_by_turns(world, 2)
    world.put(world.row(other).changed(due_at=world.clock.now() + HOUR))
    charges = SlowCharges(world, 1)
    async with at_work(world, looked):
        await until(looked, lambda: charges.waiting == 1)
        world.put(world.row(other).changed(due_at=world.clock.now()))
        await until(looked, lambda: world.row(other).state is S.CONFIRMED)
        assert world.row(slow).state is S.CHARGE_INTENDED
        charges.let_go.set()
    assert world.row(slow).state is S.CONFIRMED


async def test_no_more_are_driven_at_once_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.runtime.worker, "AT_ONCE", 2)
    world, looked = World(), asyncio.Event()
    *slow, last = await due_by_turns(world, 3)
    charges = SlowCharges(world, 2)
    async with at_work(world, looked):
        await until(looked, lambda: charges.waiting == 2)
        looked.clear()
        await looked.wait()
        assert world.row(last).state is S.STARTED
        charges.let_go.set()
        await until(looked, lambda: world.row(last).state is S.CONFIRMED)
    assert {world.row(one).state for one in slow} == {S.CONFIRMED}


async def test_told_to_stop_it_takes_nothing_more_up_and_ends_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway.runtime.worker, "AT_ONCE", 1)
    world, looked = World(), asyncio.Event()
    slow, waiting = await due_by_turns(world, 2)
    charges = SlowCharges(world, 1)
    async with at_work(world, looked) as stop:
        await until(looked, lambda: charges.waiting == 1)
        stop.set()
        charges.let_go.set()
    assert world.row(slow).state is S.CONFIRMED
    assert world.row(waiting).state is S.STARTED


async def test_a_change_that_is_due_is_resumed_and_one_that_is_not_is_left_alone() -> None:
    world = ChangeWorld()
    checkout = await world.booked()
    world.books.fail("cancel_visit", Lost())
    await world.cancel(checkout)
    worker = Worker(
        saga=world.world.a_saga(), changes=world.a_driver(), units=world.database, clock=world.clock
    )
    assert await worker.tick() == 0
    world.clock.advance(seconds=SETTLE.total_seconds())
    assert await worker.tick() >= 1
    assert world.row().state is ChangeState.DONE


async def test_a_change_that_fails_is_put_off_and_stands_in_no_checkouts_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = ChangeWorld()
    checkout = await world.booked()
    world.books.fail("cancel_visit", Lost())
    await world.cancel(checkout)
    world.clock.advance(seconds=SETTLE.total_seconds())
    driver = world.a_driver()

    async def fails(_: str) -> None:
        raise RuntimeError("sample")

    monkeypatch.setattr(driver, "resume", fails)
    worker = Worker(saga=world.world.a_saga(), changes=driver, units=world.database, clock=world.clock)
    await worker.tick()
    due = world.row().due_at
    assert due is not None
    assert due > world.clock.now()
    assert world.row().state is ChangeState.OPEN
