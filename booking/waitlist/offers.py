"""Carries offers out: hold the time, announce it, see what became of it, pass it on to the next.

Each step is committed before the next one, and can be done again by whoever finds the row due: the hold's id is in the row, and taking
the same hold twice is taking it once. A row whose process died is due again when its lease ends.
"""

import secrets
from datetime import datetime
from enum import Enum, auto

import structlog

from booking.changes.model import ChangeState
from booking.checkout.model import CheckoutState
from booking.errors import StaleOffer
from booking.events.model import DomainEvent, EventName, event_id
from booking.models import Hold
from booking.ports import CatalogSource, Clock, HoldStore
from booking.refusals import HoldExpired, SlotTaken
from booking.resources import Kind, Resource
from booking.scheduling.search import SlotSearch
from booking.slots import Slot
from booking.unit_of_work import Scope, UnitOfWork, UnitOfWorkFactory
from booking.waitlist.matching import Situation, next_for
from booking.waitlist.model import EntryState, OfferState, WaitlistEntry, WaitlistOffer
from booking.waitlist.rules import CHECKOUT_AGAIN, LEASE, MOST_ENTRIES, MOST_UNANSWERED, WaitlistRules

log = structlog.get_logger(__name__)


class _Use(Enum):
    """What became of an offer's hold."""

    UNDER_WAY = auto()
    BOOKED = auto()


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


class OfferDriver:
    """Takes up offers that are due. Any number of processes may drive them; the row's version keeps them apart."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        holds: HoldStore,
        search: SlotSearch,
        catalog: CatalogSource,
        clock: Clock,
        rules: WaitlistRules,
    ) -> None:
        self._units = units
        self._holds = holds
        self._search = search
        self._catalog = catalog
        self._clock = clock
        self._rules = rules

    async def resume(self, offer_id: str) -> None:
        """Do what is due on the offer. Raises UpstreamUnavailable; the offer is due again after a while then."""
        async with self._units(Scope.READING) as unit:
            offer = await unit.waitlist.offer(offer_id)
            entry = await unit.waitlist.entry(offer.entry_id) if offer is not None else None
        if offer is None or entry is None or not offer.is_live:
            return
        try:
            if offer.state is OfferState.INTENDED:
                await self._make(offer, entry)
            else:
                await self._look_after(offer, entry)
        except StaleOffer:
            log.info("waitlist.offer_driven_elsewhere", offer=offer_id)

    async def _make(self, offer: WaitlistOffer, entry: WaitlistEntry) -> None:
        """Hold the time, check that it is still free, and announce the offer."""
        now = self._clock.now()
        offer = await self._saved(offer.changed(due_at=now + LEASE))  # as the one who drives it
        if entry.state is not EntryState.WAITING:
            await self._end_unannounced(offer, OfferState.WITHDRAWN)
            return
        if now >= offer.created_at + self._rules.offer_lasts:  # nobody could read upstream for so long
            await self._end_unannounced(offer, OfferState.LOST)
            return
        hold = await self._held(offer, entry, now=now)
        if hold is None or not await self._is_free(offer.slot):
            await self._end_unannounced(offer, OfferState.LOST)
            return
        await self._announce(offer, hold)

    async def _held(self, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime) -> Hold | None:
        """The offer's hold, taken now or by a process that died; None: the time is somebody else's."""
        wanted = Hold(
            id=offer.hold_id,
            owner=entry.owner,
            taken_by=f"waitlist:{entry.id}",  # it does not count against what the patient may hold
            slot=offer.slot,
            time_zone=entry.wish.time_zone,
            created_at=now,
            expires_at=now + self._rules.offer_lasts,
        )
        try:
            held = await self._holds.acquire(wanted, limit=None)
        except SlotTaken:
            return None
        if held.id != wanted.id:  # the patient holds it already, without us
            return None
        try:
            # One that was taken before a pause gets its whole time: nobody knew of it.
            return await self._holds.extend(held, expires_at=wanted.expires_at, counted=False)
        except HoldExpired:
            return None

    async def _is_free(self, slot: Slot) -> bool:
        """Whether nothing is in the way of the held slot, here and in the system of record. Raises UpstreamUnavailable."""
        async with self._units(Scope.READING) as unit:
            against = await unit.claims.against(slot.clinician_id, slot.interval)
        return not (against.is_blocked or against.is_claimed) and await self._search.offers(slot)

    async def _announce(self, offer: WaitlistOffer, hold: Hold) -> None:
        now = self._clock.now()
        announced = offer.changed(
            state=OfferState.OFFERED, expires_at=hold.expires_at, due_at=hold.expires_at
        )
        async with self._units() as unit:
            # Writes the entry's row, so that leaving at the same moment comes before this or after it.
            if await unit.waitlist.still_waits(offer.entry_id):
                saved = await unit.waitlist.save_offer(announced)
                await unit.outbox.add([_event(EventName.WAITLIST_OFFERED, saved, now=now)])
                await unit.commit()
                log.info("waitlist.offered", offer=offer.id, entry=offer.entry_id)
                return
        await self._end_unannounced(offer, OfferState.WITHDRAWN)

    async def _look_after(self, offer: WaitlistOffer, entry: WaitlistEntry) -> None:
        """See what became of an announced offer."""
        now = self._clock.now()
        use = await self._use_of(offer)
        if use is _Use.BOOKED:
            await self._booked(offer, now=now)
        elif use is _Use.UNDER_WAY:
            await self._saved(offer.changed(due_at=now + CHECKOUT_AGAIN))
        elif entry.state is not EntryState.WAITING:
            await self._release(offer)
            await self._pass_on(offer, entry, OfferState.WITHDRAWN, now=now)
        elif (hold := await self._holds.get(offer.hold_id)) is not None:
            await self._saved(offer.changed(expires_at=hold.expires_at, due_at=hold.expires_at))
        else:
            await self._pass_on(offer, entry, OfferState.PASSED_ON, now=now)

    async def _use_of(self, offer: WaitlistOffer) -> _Use | None:
        """What the patient does with the offer's hold: a checkout, or moving a visit of theirs."""
        async with self._units(Scope.READING) as unit:
            if (
                await unit.checkouts.live_for_hold(offer.hold_id) is not None
                or await unit.changes.live_for_hold(offer.hold_id) is not None
            ):
                return _Use.UNDER_WAY
            checkouts = await unit.checkouts.of_patient(offer.patient_id, besides="")
            changes = await unit.changes.of_patient(offer.patient_id)
        booked = any(
            one.hold_id == offer.hold_id and one.stands is CheckoutState.CONFIRMED for one in checkouts
        )
        moved = any(one.hold_id == offer.hold_id and one.state is ChangeState.DONE for one in changes)
        return _Use.BOOKED if booked or moved else None

    async def _booked(self, offer: WaitlistOffer, *, now: datetime) -> None:
        async with self._units() as unit:
            await unit.waitlist.end_entry(offer.entry_id, EntryState.BOOKED, now=now)
            await unit.waitlist.save_offer(offer.ended(OfferState.BOOKED, now=now))
            await unit.commit()

    async def _pass_on(
        self, offer: WaitlistOffer, entry: WaitlistEntry, state: OfferState, *, now: datetime
    ) -> None:
        """End the offer, and intend one to the next whom the time fits, in one transaction.

        The entry keeps its place: who was offered a time that does not suit is still the first for another. An answer is to book or to
        release the hold; who gives none several times in a row does not wait any more.
        """
        catalog = await self._catalog.catalog()
        async with self._units() as unit:
            saved = await unit.waitlist.save_offer(offer.ended(state, now=now))
            if state is OfferState.PASSED_ON:
                await _count_answer(offer, entry, unit, now=now)
            entries = await unit.waitlist.waiting(entry.wish.group, limit=MOST_ENTRIES)
            offers = await unit.waitlist.offers_of([one.id for one in entries])
            situation = Situation(catalog=catalog, rules=self._rules, now=now, offers=offers)
            heir = next_for(offer.slot, entries, situation)
            if heir is not None:
                await unit.waitlist.add_offer(new_offer(heir, offer.slot, rules=self._rules, now=now))
            if state is OfferState.PASSED_ON:
                await unit.outbox.add([_event(EventName.WAITLIST_PASSED_ON, saved, now=now)])
            await unit.commit()
        log.info("waitlist.passed_on", offer=offer.id, entry=entry.id)

    async def _end_unannounced(self, offer: WaitlistOffer, state: OfferState) -> None:
        """Give the hold back, then end the offer, of which the patient heard nothing; the time is looked for again."""
        await self._release(offer)
        now = self._clock.now()
        async with self._units() as unit:
            await unit.waitlist.save_offer(offer.ended(state, now=now))
            await _mark_group_of(offer, unit, now=now)
            await unit.commit()

    async def _release(self, offer: WaitlistOffer) -> None:
        """Give the hold back, unless a checkout has it. Nothing where it is gone."""
        await self._holds.release(offer.hold_id, owners={f"patient:{offer.patient_id}"})

    async def _saved(self, offer: WaitlistOffer) -> WaitlistOffer:
        async with self._units() as unit:
            saved = await unit.waitlist.save_offer(offer)
            await unit.commit()
        return saved


async def _count_answer(
    offer: WaitlistOffer, entry: WaitlistEntry, unit: UnitOfWork, *, now: datetime
) -> None:
    """Count an offer that went unanswered. A hold that ended before its time was released, which is an answer."""
    unanswered = entry.unanswered + 1 if now >= offer.expires_at else 0
    if unanswered >= MOST_UNANSWERED:
        await unit.waitlist.end_entry(entry.id, EntryState.UNANSWERED, now=now)
    else:
        await unit.waitlist.note_answers(entry.id, unanswered)


async def _mark_group_of(offer: WaitlistOffer, unit: UnitOfWork, *, now: datetime) -> None:
    entry = await unit.waitlist.entry(offer.entry_id)
    if entry is not None:
        await unit.waitlist.mark(entry.wish.group, now=now)


def _event(name: EventName, offer: WaitlistOffer, *, now: datetime) -> DomainEvent:
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
