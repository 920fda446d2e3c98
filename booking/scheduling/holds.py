"""Slot holds: keep a slot free for a few minutes while the patient decides and pays."""

import contextlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.transitions import WAITING
from booking.errors import InvalidInput, UpstreamUnavailable
from booking.models import Hold
from booking.ports import CatalogSource, Clock, HoldStore
from booking.principals import Caller, is_anonymous
from booking.refusals import (
    ClinicianNotBookable,
    HoldExpired,
    HoldExtensionsUsedUp,
    HoldInCheckout,
    SlotNotOffered,
    SlotTaken,
    TooLateToBook,
)
from booking.scheduling.hold_capacity import AnonymousHoldShare, HoldTerms
from booking.scheduling.search import HORIZON, SlotSearch
from booking.slot_query import check_contact
from booking.slots import Slot
from booking.unit_of_work import Scope, UnitOfWorkFactory
from booking.zones import zone


@dataclass(frozen=True, kw_only=True)
class HoldRules:
    """How long holds last and how many there may be."""

    # Long enough to type a card number, short enough that an abandoned slot is soon free again.
    duration: timedelta = timedelta(minutes=5)
    extensions: int = 2  # three durations in all
    per_owner: int = 3  # by the principal that took them, so that nobody can block a clinician's day
    per_client: int = 10  # by network, against many principals; a household or an office has several patients
    # An extension that gains less than this is a retry of the one before, whose response was lost.
    least_gain: timedelta = timedelta(seconds=30)


class OfferedHolds(Protocol):
    """Who is told what patients do with the hold of an offer of the waitlist; only of such, and after it was done."""

    async def released(self, hold: Hold) -> None:
        """The patient has released it."""

    async def extended(self, hold: Hold) -> None:
        """The patient has extended it."""


class HoldService:
    """Takes, extends and releases holds."""

    def __init__(
        self,
        *,
        store: HoldStore,
        checkout_holds: CheckoutHolds,
        search: SlotSearch,
        catalog: CatalogSource,
        units: UnitOfWorkFactory,
        clock: Clock,
        rules: HoldRules,
        share: AnonymousHoldShare,
        offered: OfferedHolds | None = None,
    ) -> None:
        """`offered` is None where there is no waitlist."""
        self._store = store
        self._checkout_holds = checkout_holds
        self._search = search
        self._catalog = catalog
        self._units = units
        self._clock = clock
        self._rules = rules
        self._share = share
        self._offered = offered

    async def hold(self, caller: Caller, slot_id: str, *, time_zone: str) -> Hold:
        """Hold the slot for the caller; idempotent: their existing hold on the slot is returned unchanged.

        The interval is locked first and the offer verified under the lock, so that no other hold can come in between.
        Raises InvalidInput; SlotTaken, SlotNotOffered, TooLateToBook, ClinicianNotBookable, HoldLimitReached, HoldCapacityReached.
        """
        zone(time_zone)
        slot = Slot.from_id(slot_id)
        now = self._clock.now()
        await self._check_offer(slot, now=now)
        hold = Hold(
            id=f"hold_{secrets.token_urlsafe(16)}",
            owner=caller.principal.key,
            taken_by=caller.principal.key,
            client=caller.client,
            slot=slot,
            time_zone=time_zone,
            created_at=now,
            expires_at=now + self._rules.duration,
        )
        held = await self._acquire(caller, hold)
        if held.id != hold.id:
            # The process that took it may have died before it was verified.
            if not await self._search.offers(slot):
                raise SlotNotOffered
            return held
        try:
            await self._verify(slot)
            return await self._begun(held)
        except BaseException:
            await self._store.release(hold.id, owners={hold.owner})
            raise

    async def _begun(self, hold: Hold) -> Hold:
        """Restart the hold's duration after verification, since upstream may have taken seconds to answer."""
        try:
            expires_at = self._clock.now() + (hold.expires_at - hold.created_at)
            return await self._store.extend(hold, expires_at=expires_at, counted=False)
        except HoldExpired:
            if await self._store.get(hold.id) is None:
                raise UpstreamUnavailable("the hold was lost while it was verified") from None
            return hold  # a concurrent request of its owner has already handed it to a checkout

    async def _acquire(self, caller: Caller, hold: Hold) -> Hold:
        """Take the interval; a hold that the caller took as a visitor, before signing in, is transferred to the patient."""
        try:
            return await self._take(hold)
        except SlotTaken:
            if caller.visitor is None or caller.visitor == caller.principal:
                raise
        theirs = await self._take(replace(hold, owner=caller.visitor.key, taken_by=caller.visitor.key))
        return await self._store.transfer(theirs, owner=hold.owner)

    async def _take(self, hold: Hold) -> Hold:
        take = self._share.take if is_anonymous(hold.owner) else self._store.acquire
        return await take(hold, limit=self._rules.per_owner, client_limit=self._rules.per_client)

    async def view(self, caller: Caller, hold_id: str) -> Hold | None:
        """The caller's live hold; None for a foreign, an expired and a missing one alike."""
        hold = await self._store.get(hold_id) or await self._again(caller, hold_id)
        return hold if hold is not None and caller.owns(hold.owner) else None

    async def _again(self, caller: Caller, hold_id: str) -> Hold | None:
        """Retake the hold of the caller's open checkout where the hold store has lost it; None where that is not possible."""
        async with self._units(Scope.READING) as unit:
            checkout = await unit.checkouts.live_for_hold(hold_id)
        if checkout is None or checkout.state not in WAITING or not caller.owns(checkout.owner):
            return None
        with contextlib.suppress(HoldExpired, SlotTaken):
            return await self._checkout_holds.again(checkout)
        return None

    async def extend(self, caller: Caller, hold_id: str) -> Hold:
        """Restart the hold's duration, a bounded number of times; a hold that was just extended is returned unchanged.

        Raises HoldExpired, HoldExtensionsUsedUp.
        """
        hold = await self._mine(caller, hold_id)
        try:
            return await self._extended(hold)
        # It may have been transferred meanwhile: to a checkout, or to the caller who signed in.
        except HoldExpired:
            return await self._extended(await self._mine(caller, hold_id))

    async def _extended(self, hold: Hold) -> Hold:
        terms = await self._terms(hold)
        expires_at = self._clock.now() + terms.duration
        if hold.extensions and expires_at - hold.expires_at < self._rules.least_gain:
            return hold
        if hold.extensions >= terms.extensions:
            raise HoldExtensionsUsedUp(hold.expires_at)
        if expires_at < hold.expires_at:
            return hold  # extensions have become shorter since: it would gain nothing, so none is used up
        extended = await self._store.extend(hold, expires_at=expires_at)
        async with self._units() as unit:
            await unit.checkouts.note_hold(hold.id, expires_at=extended.expires_at)
            await unit.commit()
        if self._offered is not None and extended.offered_to is not None:
            await self._offered.extended(extended)
        return extended

    async def _terms(self, hold: Hold) -> HoldTerms:
        usual = HoldTerms(duration=self._rules.duration, extensions=self._rules.extensions)
        return await self._share.terms(hold, usual) if is_anonymous(hold.owner) else usual

    async def release(self, caller: Caller, hold_id: str) -> None:
        """Release the slot. Raises HoldExpired, HoldInCheckout."""
        hold = await self._mine(caller, hold_id)
        await self._check_in_no_checkout(hold)
        if await self._store.release(hold.id, owners={hold.owner}) is None:
            await self._check_in_no_checkout(hold)  # otherwise it expired meanwhile, which is as good
        elif self._offered is not None and hold.offered_to is not None:
            await self._offered.released(hold)

    async def _check_in_no_checkout(self, hold: Hold) -> None:
        """Raises HoldInCheckout."""
        async with self._units(Scope.READING) as unit:
            if await unit.checkouts.live_for_hold(hold.id) is not None:
                raise HoldInCheckout

    async def _mine(self, caller: Caller, hold_id: str) -> Hold:
        hold = await self.view(caller, hold_id)
        if hold is None:
            raise HoldExpired
        return hold

    async def _check_offer(self, slot: Slot, *, now: datetime) -> None:
        """Refuse by the catalog alone what the practice cannot have offered, so that it costs no request upstream."""
        catalog = await self._catalog.catalog()
        visit_type = catalog.visit_type(slot.visit_type_id)
        if visit_type is None or visit_type.minutes != slot.minutes:
            raise SlotNotOffered
        if slot.start > now + HORIZON + timedelta(days=2):  # a search counts days in any time zone
            raise SlotNotOffered
        policy = catalog.policy_for(visit_type)
        if policy.is_too_late(slot.start, now):
            raise TooLateToBook(policy.bookable_until(slot.start))
        if all(
            person.id != slot.clinician_id for person in catalog.clinicians_for(visit_type_id=visit_type.id)
        ):
            raise ClinicianNotBookable
        try:
            check_contact(visit_type, slot.contact_type, slot.location_id, catalog)
        except InvalidInput as error:
            raise SlotNotOffered from error

    async def _verify(self, slot: Slot) -> None:
        async with self._units(Scope.READING) as unit:
            against = await unit.claims.against(slot.clinician_id, slot.interval)
        if against.is_blocked:
            raise ClinicianNotBookable
        if against.is_claimed:
            raise SlotTaken
        offered = await self._search.offered_day(slot)
        self._share.learn(slot, offered)  # it bounds what anonymous callers may hold of this day
        if slot not in offered:
            raise SlotNotOffered
