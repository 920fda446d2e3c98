"""What patients do with the hold of an offer by the same mutations as with any hold: release it, extend it."""

from booking.errors import StaleOffer
from booking.models import Hold
from booking.ports import Clock, HoldStore
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.waitlist.model import OfferState, WaitlistEntry, WaitlistOffer
from booking.waitlist.passing_on import PassingOn


class OfferAnswers:
    """Implements OfferedHolds of booking.scheduling.holds."""

    def __init__(
        self, *, units: UnitOfWorkFactory, holds: HoldStore, clock: Clock, passing: PassingOn
    ) -> None:
        self._units = units
        self._holds = holds
        self._clock = clock
        self._passing = passing

    async def released(self, hold: Hold) -> None:
        """The patient declined: pass the time on, before a worker that finds no hold believes that the store has lost it."""
        while (standing := await self._announced(hold)) is not None:
            offer, entry = standing
            try:
                await self._passing.pass_on(offer, entry, OfferState.PASSED_ON, answered=True)
            except StaleOffer:  # such a worker was there first, and perhaps has taken the hold again
                await self._holds.release(offer.hold_id, owners={offer.owner})

    async def extended(self, hold: Hold) -> None:
        """The offer lasts as long as its hold."""
        standing = await self._announced(hold)
        if standing is None:
            return
        try:
            async with self._units() as unit:
                await unit.waitlist.save_offer(standing[0].changed(expires_at=hold.expires_at))
                await unit.commit()
        except StaleOffer:  # written by a worker, which reads the hold itself
            return

    async def _announced(self, hold: Hold) -> tuple[WaitlistOffer, WaitlistEntry] | None:
        if hold.offered_to is None:
            return None
        async with self._units(Scope.READING) as unit:
            entry = await unit.waitlist.entry(hold.offered_to)
            offers = await unit.waitlist.offers_of([hold.offered_to], now=self._clock.now())
        if entry is None:
            return None
        found = (one for one in offers if one.hold_id == hold.id and one.state is OfferState.OFFERED)
        return next(((one, entry) for one in found), None)
