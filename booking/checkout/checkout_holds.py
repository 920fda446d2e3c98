"""The hold under a checkout: taken again where its store has lost it, for as long as it would have lasted.

A hold store may be emptied (a restart, a failover); the row of the checkout knows the end of its hold all the same. What ran
out is never taken again, and neither is what somebody else has by now.
"""

import structlog

from booking.checkout.model import Checkout
from booking.checkout.transitions import ENDED, WAITING
from booking.models import Hold
from booking.ports import Clock, HoldStore
from booking.refusals import HoldExpired
from booking.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)


class CheckoutHolds:
    """Finds the hold of a checkout that waits for its patient."""

    def __init__(self, *, holds: HoldStore, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._holds = holds
        self._units = units
        self._clock = clock

    async def of(self, checkout: Checkout) -> Hold:
        """The hold, as it lives or taken again. Raises as `again`."""
        return await self._holds.get(checkout.hold_id) or await self.again(checkout)

    async def again(self, checkout: Checkout) -> Hold:
        """Take the hold again that is gone before its time; the time must be as free as a claim would need it.

        Raises HoldExpired (its end has come, or is not known, or the checkout has ended meanwhile), SlotTaken; UpstreamUnavailable.
        """
        now, ends = self._clock.now(), checkout.hold_expires_at
        if ends is None or now >= ends:
            raise HoldExpired
        hold = await self._holds.acquire(checkout.hold_anew(now=now, expires_at=ends), limit=None)
        try:
            await self._check(checkout)
        except BaseException:
            await self._holds.release(checkout.hold_id, owners={checkout.owner})
            raise
        log.warning("checkout.hold_taken_again", checkout=checkout.id)
        return hold

    async def _check(self, checkout: Checkout) -> None:
        """With the interval locked: an end that is written from here on finds the hold and gives it back.

        Raises HoldExpired, SlotTaken.
        """
        async with self._units() as unit:
            row = await unit.checkouts.get(checkout.id)
            if row is None or row.state in ENDED:
                raise HoldExpired
            if row.state in WAITING:
                # Only to see whether it would be given: nothing of it is committed.
                await unit.claims.take(row)
