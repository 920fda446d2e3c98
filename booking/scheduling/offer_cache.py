"""OfferCache: the offer days that this process read a moment ago, and what is known to have changed since."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime

from booking.ports import Clock
from booking.scheduling.offer_days import OfferDay, OfferKind
from booking.scheduling.offer_store import KEPT

# Bounds of memory, in days and in slots: some twenty megabytes. What was read first goes first.
MOST_DAYS = 5_000
MOST_SLOTS = 200_000

_NEVER = datetime.min.replace(tzinfo=UTC)


class OfferCache:
    """Offer days by kind. One that was read before a change of one of the clinicians is not used for a query that wants them."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._days: OrderedDict[tuple[OfferKind, date], OfferDay] = OrderedDict()
        self._slots = 0
        self._changed: dict[str, datetime] = {}
        self._all_changed = _NEVER

    def keep(self, kind: OfferKind, offers: Mapping[date, OfferDay]) -> None:
        """Keep these days, in the place of older readings."""
        if not offers:
            return
        for day, offer in offers.items():
            former = self._days.pop((kind, day), None)
            newest = offer if former is None or former.as_of < offer.as_of else former
            self._days[kind, day] = newest
            self._slots += len(newest.slots) - (len(former.slots) if former else 0)
        self._evict()

    def get(self, kind: OfferKind, day: date, *, after: datetime) -> OfferDay | None:
        """The day, if it was read after this time."""
        offer = self._days.get((kind, day))
        # One from the future is left behind by a clock that was set back.
        return offer if offer is not None and after < offer.as_of <= self._clock.now() else None

    def forget(self, clinician_ids: Collection[str] | None) -> None:
        """The free time of these clinicians, or of everybody, has changed: what was read before is not used for them any more."""
        now = self._clock.now()
        if clinician_ids is None:
            self._all_changed = now
            return
        self._changed |= dict.fromkeys(clinician_ids, now)
        if len(self._changed) > MOST_DAYS:
            self._changed = {one: at for one, at in self._changed.items() if now - at <= KEPT}

    def changed_at(self, clinician_ids: Collection[str]) -> datetime:
        """When the free time of any of these last changed, as far as it is known and not long ago."""
        latest = max((self._changed.get(one, _NEVER) for one in clinician_ids), default=_NEVER)
        return max(latest, self._all_changed)

    def offering(self, slot_kind: tuple[object, ...], day: date) -> list[OfferDay]:
        """The readings of the day for this visit type, contact type and location, whoever was asked for."""
        return [
            offer
            for (kind, kept), offer in self._days.items()
            if kept == day and (kind.visit_type_id, kind.contact_type, kind.location_id) == slot_kind
        ]

    def _evict(self) -> None:
        oldest = self._clock.now() - KEPT
        while self._days:
            first = next(iter(self._days.values()))
            if first.as_of >= oldest and len(self._days) <= MOST_DAYS and self._slots <= MOST_SLOTS:
                return
            self._days.popitem(last=False)
            self._slots -= len(first.slots)
