"""An offer store that several processes of one test share, in memory."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime

from booking.scheduling.offer_days import OfferDay, OfferKind
from booking.scheduling.offer_store import KEPT, LEASE, Look


class SharedOffers:
    """What Redis does, without it. `is_away` is a server that does not answer."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.offers: dict[tuple[OfferKind, date], OfferDay] = {}
        self.leases: dict[tuple[OfferKind, date], tuple[str, datetime]] = {}
        self.is_away = False

    async def look(
        self, kind: OfferKind, days: Collection[date], *, after: datetime, token: str | None
    ) -> Look:
        if self.is_away:
            return Look(leased=token is not None)
        now = self._now()
        kept = {day: self.offers.get((kind, day)) for day in days}
        offers = {
            day: one for day, one in kept.items() if one and one.as_of > after and now - one.as_of <= KEPT
        }
        missing = [(kind, day) for day in days if day not in offers]
        leases = [self.leases[key] for key in missing if key in self.leases]
        if token is None or any(holder != token and until > now for holder, until in leases):
            return Look(offers=offers, leased=False)
        self.leases |= dict.fromkeys(missing, (token, now + LEASE))
        return Look(offers=offers)

    async def put(self, kind: OfferKind, offers: Mapping[date, OfferDay], *, token: str) -> None:
        for day, offer in offers.items():
            former = self.offers.get((kind, day))
            if not self.is_away and (former is None or former.as_of <= offer.as_of):
                self.offers[kind, day] = offer
        await self.release(kind, offers, token=token)

    async def release(self, kind: OfferKind, days: Collection[date], *, token: str) -> None:
        for day in days:
            if not self.is_away and self.leases.get((kind, day), ("", None))[0] == token:
                del self.leases[kind, day]
