"""The start of a checkout: a held slot and a frozen quote become a row, or join the one that stands on the hold."""

import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from booking.catalog.quotes import QuoteService
from booking.checkout.access import CheckoutAccess
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.email_verification import same_email
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.saga import Saga
from booking.checkout.transitions import WAITING, at_rest
from booking.checkout.unpaid_visits import UnpaidVisits
from booking.checkout.writer import CheckoutWriter
from booking.errors import StaleCheckout, UpstreamUnavailable
from booking.models import GuestDetails, Hold, Quote
from booking.operations.model import HistoryKind
from booking.ports import Clock, HoldStore
from booking.principals import Caller, guest_of
from booking.refusals import (
    GuestDetailsRequired,
    HoldExpired,
    RecurrenceNotAccepted,
    SlotTaken,
    TooLateToBook,
)
from booking.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a second start on the same hold asks for."""

    plan_id: str | None
    promo_code: str | None
    guest: GuestDetails | None

    def differs_from(self, live: Checkout) -> bool:
        """Whether the live checkout was started with something else."""
        promo = (self.promo_code or "").strip().casefold(), (live.quote.promo_code or "").strip().casefold()
        guest = self.guest is not None and live.patient_id is None and self.guest != live.guest
        return self.plan_id != live.quote.plan_id or promo[0] != promo[1] or guest


class CheckoutStartService:
    """Starts checkouts; what becomes of them is CheckoutService's."""

    def __init__(
        self,
        *,
        saga: Saga,
        quotes: QuoteService,
        holds: HoldStore,
        checkout_holds: CheckoutHolds,
        units: UnitOfWorkFactory,
        clock: Clock,
        unpaid: UnpaidVisits,
    ) -> None:
        self._saga = saga
        self._quotes = quotes
        self._holds = holds
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._under = checkout_holds
        self._own = CheckoutAccess(units=units, clock=clock)
        self._clock = clock
        self._unpaid = unpaid

    async def start(
        self,
        caller: Caller,
        *,
        hold_id: str,
        plan_id: str | None = None,
        promo_code: str | None = None,
        guest: GuestDetails | None = None,
        accept_recurrence: bool = False,
    ) -> Checkout:
        """Start buying the held slot with a frozen quote; a second start on the same hold joins the live checkout.

        One that nobody has confirmed takes over what the second start asks for: another plan, promo code or guest.
        Raises InvalidInput; HoldExpired, TooLateToBook, GuestDetailsRequired, RecurrenceNotAccepted, SignInRequired, and what
        QuoteService.quote raises.
        """
        wanted = _Wanted(plan_id=plan_id, promo_code=promo_code, guest=guest)
        if (live := await self._live(hold_id)) is not None:
            return await self._join(caller, live, wanted, accept_recurrence=accept_recurrence)
        # Before the hold is seen to live: what is confirmed from here on conflicts with it.
        now = self._clock.now()
        hold = await self._holds.get(hold_id)
        if hold is None or not caller.owns(hold.owner):
            # A twin of this request may have come in between: its checkout has the hold now.
            if (live := await self._live(hold_id)) is None:
                raise HoldExpired
            return await self._join(caller, live, wanted, accept_recurrence=accept_recurrence)
        if caller.principal.patient_id is None and guest is None:
            raise GuestDetailsRequired
        quote = await self._quoted(hold.slot.visit_type_id, plan_id, promo_code, accepted=accept_recurrence)
        if quote.policy.is_too_late(hold.slot.start, now):
            raise TooLateToBook(quote.policy.bookable_until(hold.slot.start))
        self._unpaid.check_start(caller, quote)
        return await self._insert(caller, _row(caller, hold, quote, guest, now=now), hold)

    async def _live(self, hold_id: str) -> Checkout | None:
        async with self._units() as unit:
            return await unit.checkouts.live_for_hold(hold_id)

    async def _quoted(
        self, visit_type_id: str, plan_id: str | None, promo_code: str | None, *, accepted: bool
    ) -> Quote:
        quote = await self._quotes.quote(plan_id=plan_id, visit_type_id=visit_type_id, promo_code=promo_code)
        if quote.recurrence is not None and not accepted:
            raise RecurrenceNotAccepted
        return quote

    async def _join(
        self, caller: Caller, live: Checkout, wanted: _Wanted, *, accept_recurrence: bool
    ) -> Checkout:
        """The live checkout, quoted anew when something else is asked for and nobody has confirmed it."""
        live = _joined(caller, live)
        if live.state in WAITING and at_rest(live):
            # Whether it is there, and can be had again, is for the confirm to say.
            with contextlib.suppress(HoldExpired, SlotTaken, UpstreamUnavailable):
                await self._under.of(live)
        while live.state is S.STARTED and at_rest(live) and wanted.differs_from(live):
            quote = await self._quoted(
                live.slot.visit_type_id, wanted.plan_id, wanted.promo_code, accepted=accept_recurrence
            )
            self._unpaid.check_start(caller, quote)
            guest = (wanted.guest or live.guest) if live.patient_id is None else None
            anew = live.changed(quote=quote, guest=guest, updated_at=self._clock.now())
            if not same_email(live, anew):
                anew = anew.changed(email_code=None, email_verified_at=None)
            try:
                return await self._own.save(anew, HistoryKind.REQUOTED)
            except StaleCheckout:
                live = await self._own.get(caller, live.id, started=True)
        return live

    async def _insert(self, caller: Caller, checkout: Checkout, hold: Hold) -> Checkout:
        live = await self._writer.insert(checkout, by=caller.principal.kind)
        if live is not None:
            return _joined(caller, live)
        if hold.owner != checkout.owner:
            try:
                await self._holds.transfer(hold, owner=checkout.owner)
            except HoldExpired:
                await self._hold_again(checkout.changed(version=1))
        return checkout.changed(version=1)

    async def _hold_again(self, checkout: Checkout) -> None:
        """Take the hold again that was lost in the very moment of the start. Raises HoldExpired, with the checkout ended."""
        try:
            await self._under.again(checkout)
        except (HoldExpired, SlotTaken) as refusal:
            await self._saga.end_without_hold(checkout, refusal)
            raise HoldExpired from refusal


def _row(caller: Caller, hold: Hold, quote: Quote, guest: GuestDetails | None, *, now: datetime) -> Checkout:
    checkout_id = f"chk_{secrets.token_urlsafe(16)}"
    patient_id = caller.principal.patient_id
    return Checkout(
        id=checkout_id,
        owner=caller.principal.key if patient_id else guest_of(checkout_id).key,
        started_by=hold.owner,
        hold_id=hold.id,
        slot=hold.slot,
        time_zone=hold.time_zone,
        quote=quote,
        guest=None if patient_id else guest,
        patient_id=patient_id,
        created_at=now,
        updated_at=now,
        due_at=hold.expires_at,
        hold_expires_at=hold.expires_at,
    )


def _joined(caller: Caller, live: Checkout) -> Checkout:
    """The live checkout on a hold, for its owner, and a guest's for whoever held the slot; to everybody else there is no hold.

    A patient's is not for who has the visitor's token of the browser that they started it in: the next one who uses that has it too.
    """
    started = live.owner == guest_of(live.id).key and caller.owns(live.started_by)
    if started or caller.owns(live.owner):
        return live
    raise HoldExpired
