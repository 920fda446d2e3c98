"""Daily jobs: one row for each job and date, with its lease, result and retry."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from booking.sync.daily import DailyJob
from integrations.database.columns import upsert
from integrations.database.leases import GIVEN_BACK, is_free
from integrations.database.tables.operations import daily_runs

_r = daily_runs.c


class SqlDailyJobs:
    """DailyJobs inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, job: str, day: date, owner: str, *, now: datetime, until: datetime, since: datetime | None
    ) -> DailyJob | None:
        """Lease the job, as the port says. A single upsert, so of several concurrent callers one gets the row."""
        lease = {"lease_owner": owner, "lease_until": until}
        row = upsert(self._connection, daily_runs).values(job=job, day=day.isoformat(), tries=0, **lease)
        claimable: list[ColumnElement[bool]] = [is_free(daily_runs, now)]
        if since is not None:
            claimable += [
                or_(_r.finished_at.is_(None), _r.finished_at < since),
                or_(_r.due_at.is_(None), _r.due_at <= now),
            ]
        claim = row.on_conflict_do_update(index_elements=["job", "day"], set_=lease, where=and_(*claimable))
        tries = await self._connection.scalar(claim.returning(_r.tries))
        return DailyJob(job=job, day=day, owner=owner, tries=tries) if tries is not None else None

    async def finish(self, run: DailyJob, *, now: datetime, seen_until: datetime) -> bool:
        """Record success, with the cursor `seen_until`. Returns False when the lease was lost and nothing was written."""
        return await self._release(run, finished_at=now, seen_until=seen_until, due_at=None, tries=0)

    async def fail(self, run: DailyJob, *, due_at: datetime, seen_until: datetime | None = None) -> bool:
        """Record a failure and when the retry is due; `seen_until`, if given, advances the cursor.

        Returns False as `finish`.
        """
        seen = {"seen_until": seen_until} if seen_until is not None else {}
        return await self._release(run, finished_at=None, due_at=due_at, tries=run.tries + 1, **seen)

    async def seen_until(self, job: str) -> datetime | None:
        """The job's cursor: everything until then has been seen. None: nothing yet."""
        until: datetime | None = await self._connection.scalar(
            select(func.max(_r.seen_until)).where(_r.job == job)
        )
        return until

    async def _release(self, run: DailyJob, **values: object) -> bool:
        """Write the result and give the lease back, only if it is still held (fencing)."""
        mine = (_r.job == run.job, _r.day == run.day.isoformat(), _r.lease_owner == run.owner)
        return bool(
            (
                await self._connection.execute(update(daily_runs).where(*mine).values(**GIVEN_BACK, **values))
            ).rowcount
        )
