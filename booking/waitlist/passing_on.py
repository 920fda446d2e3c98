"""Ends an offer, and passes its time on to the next whom it fits."""

import secrets
from datetime import datetime

import structlog

from booking.errors import UpstreamUnavailable
from booking.events.model import DomainEvent, EventName, event_id
from booking.ports import CatalogSource, Clock
from booking.resources import Kind, Resource
from booking.slots import Slot
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory
from booking.waitlist.matching import Situation, next_for
from booking.waitlist.model import EntryState, OfferState, WaitlistEntry, WaitlistOffer
from booking.waitlist.pages import read_page
from booking.waitlist.rules import MOST_UNANSWERED, WaitlistRules

log = structlog.get_logger(__name__)


def new_offer(entry: WaitlistEntry, slot: Slot, *, rules: WaitlistRules, now: datetime) -> WaitlistOffer:
    """The intent to offer the slot to the entry."""
    return WaitlistOffer(
        id=f"off_{secrets.token_urlsafe(16)}",
        version=1,
        entry_id=entry.id,
        patient_id=entry.patient_id,
        slot=slot,
        hold_id=f"hold_{secrets.token_urlsafe(16)}",
        state=OfferState.INTENDED,
        created_at=now,
        expires_at=now + rules.offer_lasts,
        due_at=now,
    )


class PassingOn:
    """Passes times on; the next is found before the transaction, which another process may wait for."""

    def __init__(
        self, *, units: UnitOfWorkFactory, catalog: CatalogSource, clock: Clock, rules: WaitlistRules
    ) -> None:
        self._units = units
        self._catalog = catalog
        self._clock = clock
        self._rules = rules

    async def pass_on(
        self, offer: WaitlistOffer, entry: WaitlistEntry, state: OfferState, *, answered: bool
    ) -> None:
        """End the offer, and intend one to the next whom the time fits, in one transaction. Raises StaleOffer.

        The entry keeps its place: who was offered a time that does not suit is still the first for another. An answer is to book or to
        release the hold; who gives none several times in a row does not wait any more.
        """
        now = self._clock.now()
        heir = await self._heir(offer, entry, now=now)
        async with self._units() as unit:
            if state is OfferState.PASSED_ON:
                await _count_answer(entry, unit, answered=answered, now=now)
            saved = await unit.waitlist.save_offer(offer.ended(state, now=now))
            passed = heir is not None and await unit.waitlist.add_offer(
                new_offer(heir, offer.slot, rules=self._rules, now=now)
            )
            if not passed:  # somebody may wait for it in another group, or for another time that overlaps it
                await unit.waitlist.mark(None, now=now)
            if state is OfferState.PASSED_ON:
                await unit.outbox.add([event_of(EventName.WAITLIST_PASSED_ON, saved, now=now)])
            await unit.commit()
        log.info("waitlist.passed_on", offer=offer.id, entry=entry.id)

    async def _heir(
        self, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime
    ) -> WaitlistEntry | None:
        """The first whom the time fits. None as well where the catalog cannot be read: a look finds them later."""
        try:
            catalog = await self._catalog.catalog()
        except UpstreamUnavailable:
            return None
        after: WaitlistEntry | None = None
        while True:
            page = await read_page(self._units, entry.wish.group, after=after, now=now)
            situation = Situation(catalog=catalog, rules=self._rules, now=now, offers=page.offers)
            heir = next_for(offer.slot, [one for one in page.entries if one.id != entry.id], situation)
            if heir is not None or page.last is None:
                return heir
            after = page.last


async def _count_answer(entry: WaitlistEntry, unit: UnitOfWork, *, answered: bool, now: datetime) -> None:
    unanswered = 0 if answered else entry.unanswered + 1
    if unanswered >= MOST_UNANSWERED:
        await unit.waitlist.end_entry(entry.id, EntryState.UNANSWERED, now=now)
    else:
        await unit.waitlist.note_answers(entry.id, unanswered)


def event_of(name: EventName, offer: WaitlistOffer, *, now: datetime) -> DomainEvent:
    """The event of this offer, by ids only."""
    resource = Resource(kind=Kind.WAITLIST_OFFER, id=offer.id)
    return DomainEvent(
        id=event_id(resource, offer.version, name),
        name=name,
        at=now,
        resource=resource,
        ids={
            "offer": offer.id,
            "entry": offer.entry_id,
            "patient": offer.patient_id,
            "clinician": offer.slot.clinician_id,
            "hold": offer.hold_id,
        },
    )
