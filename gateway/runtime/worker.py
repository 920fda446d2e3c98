"""The worker: takes up checkouts that are due, and clears away what has run out."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from booking.checkout.saga import Saga
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import asked_by

# Often enough that a patient whose gateway died sees their checkout move, rarely enough to cost nothing.
POLL_SECONDS = 1.0

# How many checkouts are driven at once: each may wait a minute for Healthie, which answers all of them at one pace.
AT_ONCE = 20

# A database that cannot be written (full, or read-only) takes no lease either: every row is due still at the next look, and would
# fail again each second. As short as its patients should wait once there is room.
NOTHING_WRITTEN_REST = timedelta(seconds=5)

# How the audit of upstream calls names whoever asked.
ACTOR = "worker"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class PeriodicTask:
    """Something that is done again and again."""

    name: str
    every: timedelta
    first: timedelta | None = None  # after the start; else as every
    work: Callable[[], Awaitable[object]]
    end: Callable[[], Awaitable[object]] | None = None  # of one apart: what it started comes to its end


class Worker:
    """Any number of workers may run on one database."""

    def __init__(
        self,
        *,
        saga: Saga,
        units: UnitOfWorkFactory,
        clock: Clock,
        periodic_tasks: tuple[PeriodicTask, ...] = (),
        apart: tuple[
            PeriodicTask, ...
        ] = (),  # that are done whether the database answers or not, and at once
    ) -> None:
        self._saga = saga
        self._units = units
        self._clock = clock
        self._database_answers = False
        self._rests_until: datetime | None = None  # nothing could be written lately
        self._under_way: set[str] = set()  # ids of checkouts
        self._wake = asyncio.Event()
        self._next: dict[PeriodicTask, datetime] = {
            periodic_task: clock.now() + (periodic_task.first or periodic_task.every)
            for periodic_task in periodic_tasks
        }
        self._chores_under_way: set[PeriodicTask] = set()
        self._apart = apart

    async def run(self, stop: asyncio.Event, *, beat: Callable[[], object] | None = None) -> None:
        """Work until told to stop, and end what is under way; no slow or failing row or chore keeps the others waiting.

        `beat` is called after each look that found the database; one that fails is logged, and whoever listens sees it missing.
        """
        log.info("worker.started")
        async with asyncio.TaskGroup() as tasks:
            for periodic_task in self._apart:
                tasks.create_task(self._again_and_again(periodic_task, stop))
            tasks.create_task(self._periodic_tasks(stop))
            tasks.create_task(self._wake_at(stop))
            while not stop.is_set():
                self._wake.clear()
                for checkout_id in await self._take_up():
                    tasks.create_task(self._resume(checkout_id))
                if beat is not None and self._database_answers:
                    self._beat(beat)
                await _set_within(self._wake, POLL_SECONDS)
        log.info("worker.stopped")

    def _beat(self, beat: Callable[[], object]) -> None:
        try:
            beat()
        except Exception:
            log.exception("worker.no_heartbeat")

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _again_and_again(self, periodic_task: PeriodicTask, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._do(periodic_task)
            await _set_within(stop, periodic_task.every.total_seconds())
        if periodic_task.end is not None:
            await periodic_task.end()

    async def _periodic_tasks(self, stop: asyncio.Event) -> None:
        """Beside the checkouts and beside each other, since a chore may wait for a chat, a disk or Healthie."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                for periodic_task in self._due_tasks():
                    tasks.create_task(self._do(periodic_task))
                await _set_within(stop, POLL_SECONDS)

    async def tick(self) -> int:
        """Take up what is due now, once; answers how many checkouts that were, those that failed left out."""
        resumed = await asyncio.gather(*map(self._resume, await self._take_up()))
        for periodic_task in self._due_tasks():
            await self._do(periodic_task)
        return sum(resumed)

    async def _take_up(self) -> Sequence[str]:
        """Ids of checkouts that are due and are now under way, as many as there is room for."""
        try:
            async with self._units() as unit:
                # Of those under way some are due still: not leased yet, or only looked at.
                due = await unit.checkouts.due(self._clock.now(), limit=AT_ONCE + len(self._under_way))
        except Exception:
            log.exception("worker.database_unavailable")
            self._database_answers = False
            return ()
        self._database_answers = True
        if self._rests_until is not None and self._clock.now() < self._rests_until:
            return ()
        room = AT_ONCE - len(self._under_way)
        taken = [checkout_id for checkout_id in due if checkout_id not in self._under_way][:room]
        self._under_way.update(taken)
        return taken

    def _due_tasks(self) -> Sequence[PeriodicTask]:
        """Those to be done now. Without a database none is: a daily chore would fail, and come again a day later."""
        now = self._clock.now()
        if not self._database_answers:
            return ()
        due = [one for one, at in self._next.items() if now >= at and one not in self._chores_under_way]
        self._next.update({periodic_task: now + periodic_task.every for periodic_task in due})
        return due

    async def _resume(self, checkout_id: str) -> bool:
        try:
            with asked_by(ACTOR):
                await self._saga.resume(checkout_id)
        except Exception:
            log.exception("worker.checkout_failed", checkout=checkout_id)
            await self._defer(checkout_id)
            return False
        finally:
            self._under_way.discard(checkout_id)
        self._wake.set()  # there is room: another may be due; what failed is looked at again after a rest
        return True

    async def _defer(self, checkout_id: str) -> None:
        """A row that could not even be read is due still, and would be taken up before all others at every look."""
        try:
            async with self._units() as unit:
                await unit.checkouts.defer(checkout_id, now=self._clock.now())
                await unit.commit()
        except Exception:
            log.exception("worker.checkout_not_deferred", checkout=checkout_id)
            self._rests_until = self._clock.now() + NOTHING_WRITTEN_REST

    async def _do(self, periodic_task: PeriodicTask) -> None:
        self._chores_under_way.add(periodic_task)
        try:
            with asked_by(ACTOR):
                await periodic_task.work()
        except Exception:
            log.exception("worker.periodic_task_failed", periodic_task=periodic_task.name)
        finally:
            self._chores_under_way.discard(periodic_task)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
