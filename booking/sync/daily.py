"""Daily jobs: one row for each job and date, leased by one worker of many, holds the result."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class DailyJob:
    """One job on one date, leased by one process."""

    job: str
    day: date
    owner: str
    tries: int  # failed runs on this date


class DailyJobs(Protocol):
    """Port: the rows of daily jobs, inside one unit of work."""

    async def claim(
        self, job: str, day: date, owner: str, *, now: datetime, until: datetime, since: datetime | None
    ) -> DailyJob | None:
        """Lease the job until `until`; None when it is leased already.

        Also None when it was finished at or after `since`, or failed and its retry is not due yet. With `since` None both are
        ignored: the run was asked for explicitly.
        """

    async def finish(self, run: DailyJob, *, now: datetime, seen_until: datetime) -> bool:
        """Record success, with the cursor `seen_until`. Returns False when the lease was lost and nothing was written."""

    async def fail(self, run: DailyJob, *, due_at: datetime, seen_until: datetime | None = None) -> bool:
        """Record a failure and when the retry is due; `seen_until`, if given, advances the cursor.

        Returns False as `finish`.
        """

    async def seen_until(self, job: str) -> datetime | None:
        """The job's cursor: everything until then has been seen. None: nothing yet."""


def turned(now: datetime, *, at: time, zone: ZoneInfo) -> datetime:
    """The latest moment at or before `now` with this time of day in the zone, in the time zone of `now`.

    On a day that skips that time (daylight saving) it is an hour later.
    """
    local = now.astimezone(zone)
    turn = datetime.combine(local.date(), at, zone)
    if turn.astimezone(now.tzinfo) > now:
        turn = datetime.combine(local.date() - timedelta(days=1), at, zone)
    return turn.astimezone(now.tzinfo)
