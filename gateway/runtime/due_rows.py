"""The rows that the worker resumes when they are due: checkouts, changes of booked visits, and offers of the waitlist."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from booking.changes.driver import ChangeDriver
from booking.checkout.saga import Saga
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory
from booking.waitlist.offers import OfferDriver

log = structlog.get_logger(__name__)


class DueRows(Protocol):
    """Rows of one kind. Leases keep the drivers of several processes apart."""

    async def due(self, unit: UnitOfWork, now: datetime, *, limit: int) -> Sequence[str]:
        """Ids of rows that are due, longest due first."""

    async def resume(self, row_id: str) -> bool:
        """Do what is due on the row; False when that failed, which is logged."""

    async def defer(self, row_id: str, *, units: UnitOfWorkFactory, now: datetime) -> bool:
        """Postpone a row that could not be resumed; False when that failed, which is logged."""


class DueCheckouts:
    """Checkouts, resumed through the saga."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga

    async def due(self, unit: UnitOfWork, now: datetime, *, limit: int) -> Sequence[str]:
        """As DueRows."""
        return await unit.checkouts.due(now, limit=limit)

    async def resume(self, row_id: str) -> bool:
        """As DueRows."""
        try:
            await self._saga.resume(row_id)
        except Exception:
            log.exception("worker.checkout_failed", checkout=row_id)
            return False
        return True

    async def defer(self, row_id: str, *, units: UnitOfWorkFactory, now: datetime) -> bool:
        """As DueRows."""
        try:
            async with units() as unit:
                await unit.checkouts.defer(row_id, now=now)
                await unit.commit()
        except Exception:
            log.exception("worker.checkout_not_deferred", checkout=row_id)
            return False
        return True


class DueChanges:
    """Requested changes, resumed by their driver."""

    def __init__(self, driver: ChangeDriver) -> None:
        self._driver = driver

    async def due(self, unit: UnitOfWork, now: datetime, *, limit: int) -> Sequence[str]:
        """As DueRows."""
        return await unit.changes.due(now, limit=limit)

    async def resume(self, row_id: str) -> bool:
        """As DueRows."""
        try:
            await self._driver.resume(row_id)
        except Exception:
            log.exception("worker.change_failed", change=row_id)
            return False
        return True

    async def defer(self, row_id: str, *, units: UnitOfWorkFactory, now: datetime) -> bool:
        """As DueRows."""
        try:
            async with units() as unit:
                await unit.changes.defer(row_id, now=now)
                await unit.commit()
        except Exception:
            log.exception("worker.change_not_deferred", change=row_id)
            return False
        return True


class DueOffers:
    """Offers of the waitlist, resumed by their driver."""

    def __init__(self, driver: OfferDriver) -> None:
        self._driver = driver

    async def due(self, unit: UnitOfWork, now: datetime, *, limit: int) -> Sequence[str]:
        """As DueRows."""
        return await unit.waitlist.due_offers(now, limit=limit)

    async def resume(self, row_id: str) -> bool:
        """As DueRows."""
        try:
            await self._driver.resume(row_id)
        except Exception:
            log.exception("worker.offer_failed", offer=row_id)
            return False
        return True

    async def defer(self, row_id: str, *, units: UnitOfWorkFactory, now: datetime) -> bool:
        """As DueRows."""
        try:
            async with units() as unit:
                await unit.waitlist.defer(row_id, now=now)
                await unit.commit()
        except Exception:
            log.exception("worker.offer_not_deferred", offer=row_id)
            return False
        return True
