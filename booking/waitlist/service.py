"""What patients do with the waitlist: join, leave, see where they stand."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from booking.catalog.model import Catalog
from booking.errors import InvalidInput, NotFound, UpstreamUnavailable
from booking.ports import CatalogSource, Clock
from booking.principals import Caller
from booking.refusals import HoldInCheckout
from booking.slot_query import SlotQuery
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.waitlist.model import EntryState, OfferState, WaitlistEntry, WaitlistOffer, Wish
from booking.waitlist.offers import OfferDriver
from booking.waitlist.rules import MOST_DAYS, WaitlistRules
from booking.zones import zone

# How long a patient sees what became of an entry that has ended, and of how many.
SHOWN = timedelta(days=7)
MOST_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class WaitlistPlace:
    """An entry, and the offer that waits for its patient's answer."""

    entry: WaitlistEntry
    offer: WaitlistOffer | None


class WaitlistService:
    """The waitlist as signed-in patients use it. Callers pass a patient; a foreign and a missing entry are alike."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        catalog: CatalogSource,
        clock: Clock,
        driver: OfferDriver,
        rules: WaitlistRules,
    ) -> None:
        self._units = units
        self._catalog = catalog
        self._clock = clock
        self.driver = driver  # for the worker
        self._rules = rules

    async def join(self, caller: Caller, wish: Wish) -> WaitlistPlace:
        """Wait for such times. Who waits for the same already keeps that place.

        Raises InvalidInput, WaitlistLimitReached, WaitlistFull.
        """
        now = self._clock.now()
        ends_at = _end_of(wish)
        _check_days(ends_at, now=now)
        _check_kind(wish, await self._catalog.catalog())
        entry = WaitlistEntry(
            id=f"wait_{secrets.token_urlsafe(16)}",
            patient_id=_patient(caller),
            wish=wish,
            state=EntryState.WAITING,
            joined_at=now,
            ends_at=ends_at,
        )
        async with self._units() as unit:
            joined = await unit.waitlist.join(
                entry, per_patient=self._rules.per_patient, in_all=self._rules.in_all
            )
            await unit.waitlist.mark(wish.group, now=now)
            await unit.commit()
        return (await self._with_offers([joined]))[0]

    async def leave(self, caller: Caller, entry_id: str) -> WaitlistPlace:
        """Stop waiting; the time that is on offer goes to the next. Leaving what has ended changes nothing.

        Raises NotFound, HoldInCheckout.
        """
        now = self._clock.now()
        place = await self.view(caller, entry_id)
        if place is None:
            raise NotFound("waitlist entry")
        async with self._units() as unit:
            if (
                place.offer is not None
                and await unit.checkouts.live_for_hold(place.offer.hold_id) is not None
            ):
                raise HoldInCheckout
            await unit.waitlist.end_entry(entry_id, EntryState.LEFT, now=now)
            await unit.commit()
        if place.offer is not None:
            await self._withdraw(place.offer)
        return await self.view(caller, entry_id) or place

    async def _withdraw(self, offer: WaitlistOffer) -> None:
        """At once, so that the next gets the time; a worker does it where this fails."""
        try:
            await self.driver.resume(offer.id)
        except UpstreamUnavailable:
            return

    async def view(self, caller: Caller, entry_id: str) -> WaitlistPlace | None:
        """The caller's entry; None for a foreign and a missing one."""
        async with self._units(Scope.READING) as unit:
            entry = await unit.waitlist.entry(entry_id)
        if entry is None or entry.patient_id != _patient(caller):
            return None
        return (await self._with_offers([entry]))[0]

    async def places(self, patient_id: str) -> Sequence[WaitlistPlace]:
        """The patient's entries that wait, and those that ended within a week; the latest joined first."""
        since = self._clock.now() - SHOWN
        async with self._units(Scope.READING) as unit:
            entries = await unit.waitlist.entries_of(patient_id, since=since, ended=MOST_SHOWN)
        return await self._with_offers(entries)

    async def _with_offers(self, entries: Sequence[WaitlistEntry]) -> Sequence[WaitlistPlace]:
        now = self._clock.now()
        async with self._units(Scope.READING) as unit:
            offers = await unit.waitlist.offers_of([one.id for one in entries], now=now)
        shown = {
            one.entry_id: one for one in offers if one.state is OfferState.OFFERED and now < one.expires_at
        }
        return [WaitlistPlace(entry=one, offer=shown.get(one.id)) for one in entries]


def _check_days(ends_at: datetime, *, now: datetime) -> None:
    if ends_at <= now:
        raise InvalidInput(field="filter.until", reason="This day is over. Give today or a later one.")
    if ends_at > now + timedelta(days=MOST_DAYS):
        raise InvalidInput(
            field="filter.until", reason=f"Wait for days within the next {MOST_DAYS - 1} days."
        )


def _check_kind(wish: Wish, catalog: Catalog) -> None:
    """Raise InvalidInput unless the practice offers such visits, with these clinicians."""
    query = SlotQuery.of(
        catalog,
        visit_type_id=wish.visit_type_id,
        contact_type=wish.contact_type,
        location_id=wish.location_id,
        clinician_ids=wish.clinician_ids,
        state=wish.state,
        first=wish.until,
        last=wish.until,
        time_zone=wish.time_zone,
    )
    if not query.clinician_ids:
        raise InvalidInput(
            field="filter.clinicianIds", reason="None of these clinicians offers this visit in this state."
        )


def _end_of(wish: Wish) -> datetime:
    """The end of the last day, in UTC."""
    after = datetime.combine(wish.until + timedelta(days=1), time.min, zone(wish.time_zone))
    return after.astimezone(UTC)


def _patient(caller: Caller) -> str:
    if caller.principal.patient_id is None:
        raise AssertionError("only signed-in patients reach the waitlist")
    return caller.principal.patient_id
