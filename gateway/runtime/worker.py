"""The worker: resumes rows that are due, checkouts and changes, and runs periodic tasks. Any number may run on one database."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import starmap

import structlog

from booking.changes.driver import ChangeDriver
from booking.checkout.saga import Saga
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory
from booking.waitlist.offers import OfferDriver
from booking.work_context import asked_by
from gateway.runtime.due_rows import DueChanges, DueCheckouts, DueOffers, DueRows

# Often enough that a row whose gateway died moves on while its patient waits, seldom enough to cost nothing.
POLL_SECONDS = 1.0

# Rows of a kind in progress at once: each may wait a minute for Healthie, whose rate limit all share.
AT_ONCE = 20

# When the database takes no writes (full, or read-only) no lease can be taken: every row stays due and would fail again at each
# poll. The pause is short, since patients wait for it once the database is back.
NOTHING_WRITTEN_REST = timedelta(seconds=5)

# The actor of the worker's upstream calls in the audit trail.
ACTOR = "worker"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class PeriodicTask:
    """Work that the worker repeats at an interval."""

    name: str
    every: timedelta
    first: timedelta | None = None  # delay of the first run after the start; None: `every`
    work: Callable[[], Awaitable[object]]
    # For a task of `apart`: waits at shutdown for what it started.
    end: Callable[[], Awaitable[object]] | None = None


class Worker:
    """Polls for due rows and resumes them; leases keep several workers apart."""

    def __init__(
        self,
        *,
        saga: Saga,
        changes: ChangeDriver | None = None,
        offers: OfferDriver | None = None,
        units: UnitOfWorkFactory,
        clock: Clock,
        periodic_tasks: tuple[PeriodicTask, ...] = (),
        apart: tuple[PeriodicTask, ...] = (),
    ) -> None:
        """`changes` is None where no visit is ever changed, `offers` where there is no waitlist. `periodic_tasks` run only while the database answers; each of `apart` runs in a loop of its own, from the start on."""
        self._kinds: list[DueRows] = [DueCheckouts(saga)]
        if changes is not None:
            self._kinds.append(DueChanges(changes))
        if offers is not None:
            self._kinds.append(DueOffers(offers))
        self._units = units
        self._clock = clock
        self._database_answers = False
        self._paused_until: datetime | None = None  # after a failed write
        self._in_progress: dict[DueRows, set[str]] = {kind: set() for kind in self._kinds}  # ids of rows
        self._wake = asyncio.Event()
        self._next: dict[PeriodicTask, datetime] = {
            periodic_task: clock.now() + (periodic_task.first or periodic_task.every)
            for periodic_task in periodic_tasks
        }
        self._tasks_in_progress: set[PeriodicTask] = set()
        self._apart = apart

    async def run(self, stop: asyncio.Event, *, beat: Callable[[], object] | None = None) -> None:
        """Runs until `stop` is set, then finishes what is in progress. A slow or failing row or task delays no other.

        `beat` is the heartbeat, called after each poll that reached the database. An error of it is logged only.
        """
        log.info("worker.started")
        async with asyncio.TaskGroup() as tasks:
            for periodic_task in self._apart:
                tasks.create_task(self._repeat(periodic_task, stop))
            tasks.create_task(self._periodic_tasks(stop))
            tasks.create_task(self._wake_at(stop))
            while not stop.is_set():
                self._wake.clear()
                for kind, row_id in await self._claim_due():
                    tasks.create_task(self._resume(kind, row_id))
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

    async def _repeat(self, periodic_task: PeriodicTask, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._do(periodic_task)
            await _set_within(stop, periodic_task.every.total_seconds())
        if periodic_task.end is not None:
            await periodic_task.end()

    async def _periodic_tasks(self, stop: asyncio.Event) -> None:
        """Runs due tasks concurrently with the rows and each other: one may wait for a chat, a disk or Healthie."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                for periodic_task in self._due_tasks():
                    tasks.create_task(self._do(periodic_task))
                await _set_within(stop, POLL_SECONDS)

    async def tick(self) -> int:
        """Runs once what is due now; returns how many rows were resumed without an error. For tests and simulations."""
        resumed = await asyncio.gather(*starmap(self._resume, await self._claim_due()))
        for periodic_task in self._due_tasks():
            await self._do(periodic_task)
        return sum(resumed)

    async def _claim_due(self) -> Sequence[tuple[DueRows, str]]:
        """Marks due rows as in progress in this process, up to AT_ONCE of each kind in all; returns them with their kind."""
        now = self._clock.now()
        due: list[tuple[DueRows, str]] = []
        try:
            async with self._units() as unit:
                for kind in self._kinds:
                    # Some in progress are still due: not leased yet, or only read.
                    limit = AT_ONCE + len(self._in_progress[kind])
                    due += [(kind, row_id) for row_id in await kind.due(unit, now, limit=limit)]
        except Exception:
            log.exception("worker.database_unavailable")
            self._database_answers = False
            return ()
        self._database_answers = True
        if self._paused_until is not None and now < self._paused_until:
            return ()
        return [(kind, row_id) for kind, row_id in due if self._has_room_for(kind, row_id)]

    def _has_room_for(self, kind: DueRows, row_id: str) -> bool:
        """Marks the row as in progress, and returns whether it was not, and there was room."""
        in_progress = self._in_progress[kind]
        if row_id in in_progress or len(in_progress) >= AT_ONCE:
            return False
        in_progress.add(row_id)
        return True

    def _due_tasks(self) -> Sequence[PeriodicTask]:
        """The tasks to run now, rescheduled. None without a database: a daily task would fail and run again only a day later."""
        now = self._clock.now()
        if not self._database_answers:
            return ()
        due = [one for one, at in self._next.items() if now >= at and one not in self._tasks_in_progress]
        self._next.update({periodic_task: now + periodic_task.every for periodic_task in due})
        return due

    async def _resume(self, kind: DueRows, row_id: str) -> bool:
        try:
            with asked_by(ACTOR):
                resumed = await kind.resume(row_id)
            # Else it stays due, and is taken before all others at every poll.
            if not resumed and not await kind.defer(row_id, units=self._units, now=self._clock.now()):
                self._paused_until = self._clock.now() + NOTHING_WRITTEN_REST
        finally:
            self._in_progress[kind].discard(row_id)
        if resumed:
            self._wake.set()  # poll at once, since there is room; after a failure the next regular poll is soon enough
        return resumed

    async def _do(self, periodic_task: PeriodicTask) -> None:
        self._tasks_in_progress.add(periodic_task)
        try:
            with asked_by(ACTOR):
                await periodic_task.work()
        except Exception:
            log.exception("worker.periodic_task_failed", periodic_task=periodic_task.name)
        finally:
            self._tasks_in_progress.discard(periodic_task)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
