"""Accepted changes: inserts the row of one, drives it, and waits for it as long as a request may last. For all services of changes."""

import asyncio
from datetime import timedelta

import structlog

from booking.changes.driver import ChangeDriver
from booking.changes.model import ChangeState, RequestedChange
from booking.checkout.timing import STEP_BUDGET
from booking.tasks import cancel_and_wait

# Seconds between the reads of a request that waits for another's drive: unnoticed by a person, cheap for the database.
_JOIN_INTERVAL = 0.1

log = structlog.get_logger(__name__)


class AcceptedChanges:
    """Inserts and drives changes for requests; a drive that outlasts its request goes on."""

    def __init__(self, *, driver: ChangeDriver, answer_within: timedelta) -> None:
        self._driver = driver
        self._answer_within = answer_within
        self._driving: set[asyncio.Task[RequestedChange]] = set()

    @property
    def answer_within(self) -> timedelta:
        """The longest that an accepted change waits before it is answered."""
        return self._answer_within

    def answer_by(self) -> float:
        """When a request that begins now is answered at the latest, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._answer_within.total_seconds()

    async def insert(
        self, change: RequestedChange, *, latest: RequestedChange | None
    ) -> RequestedChange | None:
        """Insert the row; returns it, or the one of the same quote that another request has inserted since the subject was read.

        `latest`: the subject's last change, as it was read with the subject. None: another change of the subject is there by now.
        Raises as ChangeWriter.insert.
        """
        standing = await self._driver.insert(change, latest=latest.id if latest else None)
        if standing is None:
            return change.changed(version=1)
        same = (standing.quote_id, standing.hold_id) == (change.quote_id, change.hold_id)
        return standing if same else None

    async def drive_until(self, change: RequestedChange, answer_by: float) -> RequestedChange:
        """Drive in a task, or join another's drive, and wait for it until `answer_by`; the task goes on after that."""
        task = asyncio.create_task(self._drive_or_join(change, answer_by))
        self._driving.add(task)
        task.add_done_callback(self._finished)
        done, _ = await asyncio.wait({task}, timeout=answer_by - asyncio.get_running_loop().time())
        return task.result() if done else await self._driver.load(change.id)

    async def aclose(self) -> None:
        """Wait for running drives, at most as long as a step takes, then cancel them; a worker takes those rows up."""
        await cancel_and_wait([*self._driving], grace=STEP_BUDGET.total_seconds())

    def _finished(self, task: asyncio.Task[RequestedChange]) -> None:
        """Log how a drive failed: the request may have been answered before."""
        self._driving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("change.drive_ended", error=type(error).__name__)

    async def _drive_or_join(self, change: RequestedChange, answer_by: float) -> RequestedChange:
        """Drive to the end; while another driver has the lease, poll the row, but only until `answer_by`."""
        loop = asyncio.get_running_loop()
        change = await self._driver.drive(change)
        while change.state is ChangeState.OPEN and change.lease_owner is not None and loop.time() < answer_by:
            await asyncio.sleep(_JOIN_INTERVAL)
            change = await self._driver.drive(await self._driver.load(change.id))
        return change
