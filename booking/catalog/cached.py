"""The catalog cache: the catalog is read at most once a minute, by single flight, for all processes that share a cache.

This is the only cache of it. `catalog`, at most a minute old, is what may be sold by. `recent` is for browsing: while the system of
record cannot be read it returns a reading of the last hour. Nothing in it belongs to a patient.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from booking.single_flight import SingleFlight

log = structlog.get_logger(__name__)

# Plans and prices are changed by hand and seldom, by people who then expect to see the change.
TIME_TO_LIVE = timedelta(minutes=1)

# As long as a lockout is reported to last. Browsing goes on meanwhile; prices are quoted from a fresh reading only.
STALE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class CatalogReading:
    """The catalog as it was read at some moment."""

    catalog: Catalog
    read_at: datetime  # UTC, before the request was sent

    def is_younger(self, age: timedelta, now: datetime) -> bool:
        """Whether it was read less than `age` ago. False for a reading from the future, which a clock set back leaves behind."""
        return timedelta(0) <= now - self.read_at < age


class CatalogCache(Protocol):
    """Shares the last reading among processes. Never raises: a cache that does not answer counts as empty."""

    async def last(self) -> CatalogReading | None:
        """The last reading, at most `STALE` old; None where there is none."""

    async def put(self, reading: CatalogReading) -> None:
        """Store a reading."""


class LocalCatalogCache:
    """The port CatalogCache in memory, for a process that shares with no other."""

    def __init__(self) -> None:
        self._last: CatalogReading | None = None

    async def last(self) -> CatalogReading | None:
        """The last reading."""
        return self._last

    async def put(self, reading: CatalogReading) -> None:
        """Store a reading."""
        self._last = reading


class CachedCatalog:
    """Caches what `read` returns; `now` returns the time in UTC."""

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
        self._last: CatalogReading | None = None
        self._refreshes: SingleFlight[str, CatalogReading] = SingleFlight()

    async def catalog(self) -> Catalog:
        """The catalog, at most a minute old. Raises UpstreamUnavailable."""
        last = self._last
        if last is not None and last.is_younger(TIME_TO_LIVE, self._now()):
            return last.catalog
        return (await self._refreshes("catalog", self._refresh)).catalog

    async def recent(self) -> Catalog:
        """The catalog; while it cannot be read, one up to an hour old. Raises UpstreamUnavailable when there is none."""
        try:
            return await self.catalog()
        except UpstreamUnavailable:
            last = self._last or await self._catalog_cache.last()
            if last is None or not last.is_younger(STALE, self._now()):
                raise
            log.warning("catalog.stale", read_at=last.read_at.isoformat(timespec="seconds"))
            return last.catalog

    async def _refresh(self) -> CatalogReading:
        last = await self._catalog_cache.last()
        if last is not None and last.is_younger(TIME_TO_LIVE, self._now()):
            return self._latest(last)
        began = self._now()
        reading = self._latest(CatalogReading(catalog=await self._read(), read_at=began))
        await self._catalog_cache.put(reading)
        return reading

    def _latest(self, reading: CatalogReading) -> CatalogReading:
        """Take it as the last reading. Its catalog stays the same object while nothing in it changes: others remember things by it."""
        if self._last is not None and self._last.catalog == reading.catalog:
            reading = replace(reading, catalog=self._last.catalog)
        self._last = reading
        return reading
