"""Application service of `startCheckout` and `startPurchase`: makes a row from a held slot and a quote, or joins the hold's live checkout."""

import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from booking.catalog.quotes import QuoteService
from booking.checkout.access import CheckoutAccess
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.credit_quotes import CreditQuotes
from booking.checkout.email_verification import same_email
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.plan_sales import OPEN_FOR, new_sale, sale_of, seller_of
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
    SignInRequired,
    SlotTaken,
    TooLateToBook,
)
from booking.slots import Slot
from booking.unit_of_work import Scope, UnitOfWorkFactory


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a start on a hold that has a checkout asks for."""

    plan_id: str | None
    promo_code: str | None
    guest: GuestDetails | None
    use_credit: bool
    accept_recurrence: bool
    sold_by: str | None = None  # of a plan without a visit

    def differs_from(self, live: Checkout) -> bool:
        """Whether the live checkout was started with another plan, promo code, guest, or way to pay."""
        promo = (self.promo_code or "").strip().casefold(), (live.quote.promo_code or "").strip().casefold()
        guest = self.guest is not None and live.patient_id is None and self.guest != live.guest
        bought = self.plan_id != live.quote.plan_id or self.use_credit != live.quote.uses_credit
        sold = self.sold_by is not None and self.sold_by != live.sold_by
        return bought or promo[0] != promo[1] or guest or sold


class CheckoutStartService:
    """Starts checkouts; CheckoutService confirms and cancels them."""

    def __init__(
        self,
        *,
        saga: Saga,
        quotes: QuoteService,
        credit_quotes: CreditQuotes,
        holds: HoldStore,
        checkout_holds: CheckoutHolds,
        units: UnitOfWorkFactory,
        clock: Clock,
        unpaid: UnpaidVisits,
    ) -> None:
        self._saga = saga
        self._quotes = quotes
        self._credit_quotes = credit_quotes
        self._holds = holds
        self._units = units
        self._writer = CheckoutWriter(units=units)
        self._checkout_holds = checkout_holds
        self._access = CheckoutAccess(units=units, clock=clock)
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
        use_credit: bool = False,
    ) -> Checkout:
        """Start a checkout of the held slot with a frozen quote; a second start on the same hold joins the live checkout.

        While that is not confirmed, it takes over the plan, promo code and guest that the second start asks for.
        With `use_credit` a credit of the signed-in patient pays for it, and nothing is due.
        Raises InvalidInput; HoldExpired, TooLateToBook, GuestDetailsRequired, RecurrenceNotAccepted, SignInRequired, NoCreditLeft, and what
        QuoteService.quote raises.
        """
        wanted = _Wanted(
            plan_id=plan_id,
            promo_code=promo_code,
            guest=guest,
            use_credit=use_credit,
            accept_recurrence=accept_recurrence,
        )
        if (live := await self._live(hold_id)) is not None:
            return await self._join(caller, live, wanted)
        # Taken before the hold is read: a checkout that is confirmed after this time conflicts with this one.
        now = self._clock.now()
        hold = await self._holds.get(hold_id)
        if hold is None or not caller.owns(hold.owner):
            # A concurrent start on the same hold may have made a checkout in between.
            if (live := await self._live(hold_id)) is None:
                raise HoldExpired
            return await self._join(caller, live, wanted)
        if use_credit and caller.principal.patient_id is None:
            raise SignInRequired
        if caller.principal.patient_id is None and guest is None:
            raise GuestDetailsRequired
        quote = await self._quoted(caller, hold.slot, wanted)
        if quote.policy.is_too_late(hold.slot.start, now):
            raise TooLateToBook(quote.policy.bookable_until(hold.slot.start))
        self._unpaid.check_start(caller, quote)
        return await self._insert(caller, _new_row(caller, hold, quote, guest, now=now), hold)

    async def start_plan(
        self,
        caller: Caller,
        *,
        plan_id: str,
        time_zone: str,
        clinician_id: str | None = None,
        promo_code: str | None = None,
        guest: GuestDetails | None = None,
        accept_recurrence: bool = False,
    ) -> Checkout:
        """Start a checkout of a plan without a visit; a second start of the same buyer and plan joins the live one.

        While that waits for its patient, its time begins anew; until it is confirmed, it takes over promo code, guest and clinician.
        Raises InvalidInput; GuestDetailsRequired, RecurrenceNotAccepted, ClinicianNotBookable, and what QuoteService.quote raises.
        """
        sold_by = seller_of(await self._quotes.catalog(), plan_id, clinician_id)
        wanted = _Wanted(
            plan_id=plan_id,
            promo_code=promo_code,
            guest=guest,
            use_credit=False,
            accept_recurrence=accept_recurrence,
            sold_by=sold_by,
        )
        live = await self._live(sale_of(caller, plan_id), of_a_plan=True)
        if live is not None:
            return await self._join(caller, await self._begun_anew(live), wanted)
        if caller.principal.patient_id is None and guest is None:
            raise GuestDetailsRequired
        quote = await self._quoted(caller, None, wanted)
        row = new_sale(
            caller, plan_id, quote, guest, sold_by=sold_by, time_zone=time_zone, now=self._clock.now()
        )
        return await self._insert(caller, row, None)

    async def _begun_anew(self, live: Checkout) -> Checkout:
        if live.state not in WAITING or not at_rest(live):
            return live
        until = self._clock.now() + OPEN_FOR
        async with self._units() as unit:
            await unit.checkouts.note_hold(live.hold_id, expires_at=until)
            await unit.commit()
        return live.changed(hold_expires_at=until)

    async def _live(self, hold_id: str, *, of_a_plan: bool = False) -> Checkout | None:
        """The live checkout on this hold, or, `of_a_plan`, that stands for one (plan_sales.py)."""
        async with self._units(Scope.READING) as unit:
            live = await unit.checkouts.live_for_hold(hold_id)
        return live if live is not None and (live.slot is None) is of_a_plan else None

    async def _quoted(self, caller: Caller, slot: Slot | None, wanted: _Wanted) -> Quote:
        if wanted.use_credit and slot is not None:
            return await self._credit_quotes.quote(
                caller,
                slot.visit_type_id,
                plan_id=wanted.plan_id,
                promo_code=wanted.promo_code,
                clinician_id=slot.clinician_id,
            )
        quote = await self._quotes.quote(
            plan_id=wanted.plan_id,
            visit_type_id=slot.visit_type_id if slot is not None else None,
            promo_code=wanted.promo_code,
        )
        if quote.recurrence is not None and not wanted.accept_recurrence:
            raise RecurrenceNotAccepted
        return quote

    async def _join(self, caller: Caller, live: Checkout, wanted: _Wanted) -> Checkout:
        """Return the live checkout, with a new quote if something else is asked for and it is not confirmed."""
        live = _joined(caller, live)
        if live.state in WAITING and at_rest(live):
            # Restore a lost hold if possible; if not, the confirm reports it.
            with contextlib.suppress(HoldExpired, SlotTaken, UpstreamUnavailable):
                await self._checkout_holds.until(live)
        while live.state is S.STARTED and at_rest(live) and wanted.differs_from(live):
            if wanted.use_credit and live.patient_id is None:
                raise SignInRequired  # a guest's checkout stays a guest's
            quote = await self._quoted(caller, live.slot, wanted)
            self._unpaid.check_start(caller, quote)
            guest = (wanted.guest or live.guest) if live.patient_id is None else None
            anew = live.changed(
                quote=quote,
                guest=guest,
                sold_by=wanted.sold_by if live.slot is None else None,
                updated_at=self._clock.now(),
            )
            if not same_email(live, anew):
                anew = anew.changed(email_code=None, email_verified_at=None)
            try:
                return await self._access.save(live, anew, HistoryKind.REQUOTED)
            except StaleCheckout:
                live = await self._access.get(caller, live.id, started=True)
        return live

    async def _insert(self, caller: Caller, checkout: Checkout, hold: Hold | None) -> Checkout:
        live = await self._writer.insert(checkout, by=caller.principal.kind)
        if live is not None:
            return _joined(caller, live)
        if hold is not None and hold.owner != checkout.owner:
            try:
                await self._holds.transfer(hold, owner=checkout.owner)
            except HoldExpired:
                await self._take_hold_again(checkout.changed(version=1))
        return checkout.changed(version=1)

    async def _take_hold_again(self, checkout: Checkout) -> None:
        """Take the hold again that was lost during the start. Raises HoldExpired, with the checkout ended."""
        try:
            await self._checkout_holds.again(checkout)
        except (HoldExpired, SlotTaken) as refusal:
            await self._saga.end_without_hold(checkout, refusal)
            raise HoldExpired from refusal


def _new_row(
    caller: Caller, hold: Hold, quote: Quote, guest: GuestDetails | None, *, now: datetime
) -> Checkout:
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
    """Return the live checkout to its owner, and a guest's also to the visitor who held the slot; else raise HoldExpired.

    A patient's checkout is not returned by the visitor token of the browser that it was started in: the next user of that
    browser has the same token.
    """
    started = live.owner == guest_of(live.id).key and caller.owns(live.started_by)
    if started or caller.owns(live.owner):
        return live
    raise HoldExpired
