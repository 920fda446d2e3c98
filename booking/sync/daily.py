"""Work that is done once a day, by one worker of many: a row for each job and date says who does it and how it went."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class DailyJob:
    """One job on one date, claimed by one process."""

    job: str
    day: date
    owner: str
    tries: int  # that failed before on this date


class DailyJobs(Protocol):
    """The rows, inside one unit of work."""

    async def claim(
        self, job: str, day: date, owner: str, *, now: datetime, until: datetime, since: datetime | None
    ) -> DailyJob | None:
        """Take the job on; None when somebody has it under a lease.

        Nor is it taken when it was finished since this moment, or failed so shortly ago that it is not to be tried yet. At
        `since` None both do not matter: somebody asks for it now.
        """

    async def finish(self, run: DailyJob, *, now: datetime, seen_until: datetime) -> bool:
        """It is done, and all until that moment has been seen. False: the lease is somebody else's by now."""

    async def fail(self, run: DailyJob, *, due_at: datetime, seen_until: datetime | None = None) -> bool:
        """It is to be tried again then; what was seen until that moment needs no second look. False as `finish`."""

    async def seen_until(self, job: str) -> datetime | None:
        """Up to when has been seen; None: never anything."""


def turned(now: datetime, *, at: time, zone: ZoneInfo) -> datetime:
    """When it last was this time of day in the zone; UTC if `now` is. A day without that time has it an hour later."""
    local = now.astimezone(zone)
    turn = datetime.combine(local.date(), at, zone)
    if turn.astimezone(now.tzinfo) > now:
        turn = datetime.combine(local.date() - timedelta(days=1), at, zone)
    return turn.astimezone(now.tzinfo)
