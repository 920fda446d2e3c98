"""Finds the hold of a checkout, and takes it again if the hold store lost it before its expiry.

A restart or a failover may empty a hold store; the checkout's row keeps the hold's expiry. An expired hold is never taken again,
nor one whose slot another owner has held or claimed since.
"""

from datetime import datetime

import structlog

from booking.checkout.model import Checkout
from booking.checkout.sale_words import said_of
from booking.checkout.transitions import ENDED, WAITING
from booking.models import Hold
from booking.ports import Clock, HoldStore
from booking.refusals import HoldExpired
from booking.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)


class CheckoutHolds:
    """Finds, or takes again, the hold of a checkout that waits for its patient."""

    def __init__(self, *, holds: HoldStore, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._holds = holds
        self._units = units
        self._clock = clock

    async def until(self, checkout: Checkout) -> datetime:
        """Return until when the checkout can be confirmed: its hold, which is taken again if it is lost, expires then.

        A plan that is bought without a visit has no hold, and only this time. Raises as `again`.
        """
        if checkout.slot is None:
            return self._ends(checkout)[1]
        hold = await self._holds.get(checkout.hold_id) or await self.again(checkout)
        return hold.expires_at

    async def again(self, checkout: Checkout) -> Hold:
        """Take a lost hold again, where the slot is as free as a slot claim needs it.

        Raises HoldExpired (its expiry has passed or is not known, or the checkout has ended meanwhile); SlotTaken;
        UpstreamUnavailable.
        """
        now, ends = self._ends(checkout)
        if checkout.slot is None:
            raise HoldExpired
        hold = await self._holds.acquire(checkout.hold_anew(now=now, expires_at=ends), limit=None)
        try:
            await self._check(checkout)
        except BaseException:
            await self._holds.release(checkout.hold_id, owners={checkout.owner})
            raise
        log.warning("checkout.hold_taken_again", checkout=checkout.id)
        return hold

    def _ends(self, checkout: Checkout) -> tuple[datetime, datetime]:
        """Return the time, and when the hold expires (UTC). Raises HoldExpired when that has passed, or is not known."""
        now, ends = self._clock.now(), checkout.hold_expires_at
        if ends is None or now >= ends:
            raise HoldExpired(said_of(checkout, HoldExpired))
        return now, ends

    async def _check(self, checkout: Checkout) -> None:
        """Check the row after the hold was acquired: an end written from here on finds the hold and releases it.

        Raises HoldExpired, SlotTaken.
        """
        async with self._units() as unit:
            row = await unit.checkouts.get(checkout.id)
            if row is None or row.state in ENDED:
                raise HoldExpired
            if row.state in WAITING:
                # A trial of the claim: it is rolled back with this unit of work.
                await unit.claims.take(row)
