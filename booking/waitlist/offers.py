"""Carries offers out: hold the time, announce it, see what became of it, pass it on to the next.

Each step is committed before the next one, and can be done again by whoever finds the row due: the hold's id is in the row, and taking
the same hold twice is taking it once. A row whose process died is due again when its lease ends.
"""

from datetime import datetime
from enum import Enum, auto

import structlog

from booking.changes.model import ChangeState
from booking.checkout.model import CheckoutState
from booking.errors import StaleOffer
from booking.events.model import EventName
from booking.models import Hold, taker_of
from booking.ports import CatalogSource, Clock, HoldStore
from booking.refusals import HoldExpired, SlotTaken
from booking.scheduling.search import SlotSearch
from booking.slots import Slot
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.waitlist.matching import Situation, can_still_be_offered
from booking.waitlist.model import EntryState, OfferState, WaitlistEntry, WaitlistOffer
from booking.waitlist.passing_on import PassingOn, event_of
from booking.waitlist.rules import CHECK_EVERY, LEASE, WaitlistRules

log = structlog.get_logger(__name__)


class _Use(Enum):
    """What became of an offer's hold."""

    UNDER_WAY = auto()
    BOOKED = auto()
    GIVEN_UP = auto()  # a checkout or a move on it ended without a visit, and gave the hold back


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
        self._passing = PassingOn(units=units, catalog=catalog, clock=clock, rules=rules)

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
        """Hold the time, check that it is still free and still suits, and announce the offer."""
        now = self._clock.now()
        offer = await self._saved(offer.changed(due_at=now + LEASE))  # as the one who drives it
        if entry.state is not EntryState.WAITING:
            await self._end(offer, OfferState.WITHDRAWN)
            return
        if now >= offer.created_at + self._rules.offer_lasts:  # nobody could read upstream for so long
            await self._end(offer, OfferState.LOST)
            return
        if await self._is_offered(offer.slot, now=now):
            await self._end(offer, OfferState.LOST)
            return
        hold = await self._held(offer, entry, now=now, until=now + self._rules.offer_lasts)
        if hold is None or not await self._is_free(offer.slot) or not await self._suits(offer, entry):
            await self._end(offer, OfferState.LOST)
            return
        await self._announce(offer, hold)

    async def _is_offered(self, slot: Slot, *, now: datetime) -> bool:
        """Whether an overlapping time is on offer to somebody, whose hold the store may have lost; asked before ours is in its way."""
        async with self._units(Scope.READING) as unit:
            return bool(await unit.waitlist.announced(slot.clinician_id, slot.interval, now=now))

    async def _suits(self, offer: WaitlistOffer, entry: WaitlistEntry) -> bool:
        """Whether the choice is still right. It may be minutes old: quiet hours may have begun, and a clinician may have left."""
        situation = Situation(
            catalog=await self._catalog.catalog(), rules=self._rules, now=self._clock.now(), offers=()
        )
        return can_still_be_offered(offer.slot, entry, situation)

    async def _held(
        self, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime, until: datetime
    ) -> Hold | None:
        """The offer's hold, taken now or by a process that died; None: the time is somebody else's."""
        wanted = Hold(
            id=offer.hold_id,
            owner=offer.owner,
            taken_by=taker_of(entry.id),  # it does not count against what the patient may hold
            slot=offer.slot,
            time_zone=entry.wish.time_zone,
            created_at=now,
            expires_at=until,
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
            state=OfferState.OFFERED, expires_at=hold.expires_at, due_at=_next_check(hold, now=now)
        )
        async with self._units() as unit:
            # Writes the entry's row, so that leaving at the same moment comes before this or after it.
            if await unit.waitlist.still_waits(offer.entry_id):
                saved = await unit.waitlist.save_offer(announced)
                await unit.outbox.add([event_of(EventName.WAITLIST_OFFERED, saved, now=now)])
                await unit.commit()
                log.info("waitlist.offered", offer=offer.id, entry=offer.entry_id)
                return
        await self._end(offer, OfferState.WITHDRAWN)

    async def _look_after(self, offer: WaitlistOffer, entry: WaitlistEntry) -> None:
        """See what became of an announced offer."""
        now = self._clock.now()
        use = await self._use_of(offer)
        if use is _Use.BOOKED:
            await self._booked(offer, now=now)
        elif use is _Use.UNDER_WAY:
            await self._check_again(offer, now=now, at=now + CHECK_EVERY)
        elif entry.state is not EntryState.WAITING:
            await self._release(offer)
            await self._passing.pass_on(offer, entry, OfferState.WITHDRAWN, answered=True)
        elif (hold := await self._holds.get(offer.hold_id)) is not None:
            if hold.expires_at != offer.expires_at:
                offer = await self._saved(offer.changed(expires_at=hold.expires_at))
            await self._check_again(offer, now=now, at=_next_check(hold, now=now))
        elif use is _Use.GIVEN_UP or now >= offer.expires_at:
            answered = use is _Use.GIVEN_UP
            await self._passing.pass_on(offer, entry, OfferState.PASSED_ON, answered=answered)
        else:
            await self._take_again(offer, entry, now=now)

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
        booked = [
            *(one.stands is CheckoutState.CONFIRMED for one in checkouts if one.hold_id == offer.hold_id),
            *(one.state is ChangeState.DONE for one in changes if one.hold_id == offer.hold_id),
        ]
        if not booked:
            return None
        return _Use.BOOKED if any(booked) else _Use.GIVEN_UP

    async def _booked(self, offer: WaitlistOffer, *, now: datetime) -> None:
        async with self._units() as unit:
            await unit.waitlist.end_entry(offer.entry_id, EntryState.BOOKED, now=now)
            await unit.waitlist.save_offer(offer.ended(OfferState.BOOKED, now=now))
            await unit.commit()

    async def _take_again(self, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime) -> None:
        """Take the hold again that the store lost before its end, as by a restart; where the time is somebody else's now, end the offer."""
        offer = await self._saved(offer.changed(due_at=now + LEASE))
        hold = await self._held(offer, entry, now=now, until=offer.expires_at)
        if hold is None or not await self._is_free(offer.slot):
            await self._end(offer, OfferState.LOST, told=True)
            return
        try:
            await self._saved(offer.changed(expires_at=hold.expires_at, due_at=_next_check(hold, now=now)))
        except StaleOffer:  # it was declined meanwhile
            await self._release(offer)
            raise
        log.warning("waitlist.hold_taken_again", offer=offer.id)

    async def _end(self, offer: WaitlistOffer, state: OfferState, *, told: bool = False) -> None:
        """End the offer, then give the hold back; its time is looked for again. `told`: the patient had heard of it.

        In this order: whoever else drives the offer by now, and perhaps has announced it, keeps its hold.
        """
        now = self._clock.now()
        async with self._units() as unit:
            saved = await unit.waitlist.save_offer(offer.ended(state, now=now))
            if told:
                await unit.outbox.add([event_of(EventName.WAITLIST_PASSED_ON, saved, now=now)])
            entry = await unit.waitlist.entry(offer.entry_id)
            if entry is not None:
                await unit.waitlist.mark(entry.wish.group, now=now)
            await unit.commit()
        await self._release(offer)

    async def _release(self, offer: WaitlistOffer) -> None:
        """Give the hold back, unless a checkout has it. Nothing where it is gone."""
        await self._holds.release(offer.hold_id, owners={offer.owner})

    async def _saved(self, offer: WaitlistOffer) -> WaitlistOffer:
        async with self._units() as unit:
            saved = await unit.waitlist.save_offer(offer)
            await unit.commit()
        return saved

    async def _check_again(self, offer: WaitlistOffer, *, now: datetime, at: datetime) -> None:
        """Nothing has changed: nobody is told of a new version."""
        async with self._units() as unit:
            await unit.waitlist.defer(offer.id, now=now, until=at)
            await unit.commit()


def _next_check(hold: Hold, *, now: datetime) -> datetime:
    return min(hold.expires_at, now + CHECK_EVERY)
