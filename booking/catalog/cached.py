"""The practice's offer, kept: read at most once a minute, by one reader at a time, for all processes that share a shelf.

This is the one place that keeps it. `catalog` is what may be sold by: at most a minute old. `recent` is for looking around: it goes
on with what was read within the hour while the system of record cannot be read. Nothing in it belongs to a patient.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from booking.single_flight import SingleFlight

log = structlog.get_logger(__name__)

# Plans and prices change by hand and seldom, and whoever changes one expects to see it.
TIME_TO_LIVE = timedelta(minutes=1)

# As long as a lockout is reported to last. Looking around goes on; a price is quoted from a fresh reading only.
STALE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The offer as it was read."""

    catalog: Catalog
    read_at: datetime  # UTC, before the request was sent

    def is_younger(self, age: timedelta, now: datetime) -> bool:
        """Whether it is; a reading from a future, told by a clock that was set back, is not."""
        return timedelta(0) <= now - self.read_at < age


class CatalogCache(Protocol):
    """Where processes leave their last reading for one another. It never raises: what does not answer is empty."""

    async def last(self) -> Reading | None:
        """The last reading, at most `STALE` old."""

    async def put(self, reading: Reading) -> None:
        """Leave a reading."""


class LocalCatalogCache:
    """The shelf of a process that shares with nobody."""

    def __init__(self) -> None:
        self._last: Reading | None = None

    async def last(self) -> Reading | None:
        """The last reading."""
        return self._last

    async def put(self, reading: Reading) -> None:
        """Keep a reading."""
        self._last = reading


class CachedCatalog:
    """Keeps what `read` reads; `now` tells the time in UTC."""

    def __init__(
        self,
        *,
        read: Callable[[], Awaitable[Catalog]],
        catalog_cache: CatalogCache,
        now: Callable[[], datetime],
    ) -> None:
        self._read = read
        self._catalog_cache = catalog_cache
        self._now = now
        self._kept: Reading | None = None
        self._reading: SingleFlight[str, Reading] = SingleFlight()

    async def catalog(self) -> Catalog:
        """The offer, at most a minute old. Raises UpstreamUnavailable."""
        kept = self._kept
        if kept is not None and kept.is_younger(TIME_TO_LIVE, self._now()):
            return kept.catalog
        return (await self._reading("catalog", self._renew)).catalog

    async def recent(self) -> Catalog:
        """The offer, up to an hour old while it cannot be read. Raises UpstreamUnavailable."""
        try:
            return await self.catalog()
        except UpstreamUnavailable:
            last = self._kept or await self._catalog_cache.last()
            if last is None or not last.is_younger(STALE, self._now()):
                raise
            log.warning("catalog.stale", read_at=last.read_at.isoformat(timespec="seconds"))
            return last.catalog

    async def _renew(self) -> Reading:
        last = await self._catalog_cache.last()
        if last is not None and last.is_younger(TIME_TO_LIVE, self._now()):
            self._kept = last
            return last
        began = self._now()
        reading = Reading(catalog=await self._read(), read_at=began)
        self._kept = reading
        await self._catalog_cache.put(reading)
        return reading
