"""Patients as they are: they hold, pay, get declined and try again, press twice, leave, and come back when a page fails."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from booking.checkout.model import Checkout, CheckoutState
from booking.checkout.transitions import TERMINAL
from booking.errors import DomainError
from booking.models import CardChoice, GuestDetails, Hold
from booking.principals import Caller, Principal, PrincipalKind, guest_of
from booking.refusals import (
    BookingFailed,
    CardDeclined,
    CheckoutClosed,
    HoldExpired,
    PaymentInProgress,
    QuoteChanged,
    Refusal,
    SlotTaken,
)
from booking.scheduling.search import Day
from booking.slot_query import SlotQuery
from booking.slots import Slot
from tests.simulation.later import Later, Quote, change_later
from tests.simulation.process import ConnectionLost, Process

if TYPE_CHECKING:
    from booking.changes.model import RequestedChange
    from tests.simulation.schedule import Schedule

T = TypeVar("T")

# How often a patient whose page failed comes back before they give up.
PATIENCE = 6

# Seconds after which somebody looks again whether a slot has become free.
COMES_BACK = 7.0

# A page that loads longer than this is closed.
PAGE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one patient does, decided before they come."""

    number: int
    arrives: float = 0.0  # seconds
    signed_in: int | None = None  # the number of a patient whom the practice knows; None: a guest
    claims: int | None = None  # a guest who gives the email and name of a patient whom the practice knows
    slot: Slot
    plan_id: str | None
    promo_code: str | None = None
    cards: tuple[str, ...] = ("tok_visa",)  # documented tokens, one after the other when declined
    thinks: float = 20.0  # seconds, between pages
    cancels_after: float | None = None  # seconds after the first confirm
    browses: bool = False  # looks at the offer of the day before
    confirms_twice: bool = False  # in two tabs, with two cards
    later: tuple[Later, ...] = ()  # what they do with the visit once it is booked
    waits: int = 0  # how often they come back for a slot that somebody else has


@dataclass
class Answered:
    """What a patient was told about a checkout, and when."""

    at: float
    checkout_id: str
    what: str
    over: bool  # that it has ended, and they are not charged or get their money back


@dataclass
class Patient:
    """One patient carrying out a wish against whatever gateway answers."""

    schedule: "Schedule"
    wish: Wish
    checkout_ids: list[str] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    tokens_given: dict[str, set[str]] = field(default_factory=dict)  # by checkout
    confirmed_at: dict[str, list[float]] = field(default_factory=dict)
    quotes_accepted: dict[str, Quote] = field(default_factory=dict)  # of changes, by their ids
    changes_answered: list["RequestedChange"] = field(default_factory=list)
    _tokens: int = 0
    _seen: dict[str, str] = field(default_factory=dict)  # the quotes that were shown, by checkout

    @property
    def visitor(self) -> Caller:
        known = self.wish.signed_in
        visitor = Principal(kind=PrincipalKind.VISITOR, id=f"v{self.wish.number}")
        if known is None:
            return Caller(principal=visitor)
        patient = Principal(kind=PrincipalKind.PATIENT, id=self.schedule.patient_ids[known - 1])
        return Caller(principal=patient, visitor=visitor)

    def owner(self, checkout_id: str) -> Caller:
        return self.visitor if self.wish.signed_in else Caller(principal=guest_of(checkout_id))

    @property
    def guest(self) -> GuestDetails | None:
        number = self.wish.number
        if self.wish.signed_in is not None:
            return None
        if self.wish.claims is not None:
            known = self.schedule.upstream.world.users[self.schedule.patient_ids[self.wish.claims - 1]]
            return GuestDetails(
                email=known.email or "", first_name=known.first_name, last_name=known.last_name
            )
        return GuestDetails(
            email=f"sample.{number}@example.com", first_name="Sample", last_name=f"Guest {number}"
        )

    async def visit(self) -> None:
        """Come, buy or leave, and go."""
        wish, schedule = self.wish, self.schedule
        await asyncio.sleep(wish.arrives)
        try:
            if wish.browses:
                await self._browse()
            hold = await self._hold()
            await asyncio.sleep(wish.thinks)
            checkout = await self.ask(
                lambda process: process.starts.start(
                    self.visitor,
                    hold_id=hold.id,
                    plan_id=wish.plan_id,
                    promo_code=wish.promo_code,
                    guest=self.guest,
                    accept_recurrence=True,
                )
            )
        except (Refusal, ConnectionLost) as refusal:
            schedule.trace.say(f"patient {wish.number}", f"gets nothing: {type(refusal).__name__}")
            return
        self.checkout_ids.append(checkout.id)
        self._seen[checkout.id] = checkout.quote.id
        await asyncio.sleep(wish.thinks)
        pages = [self._pay(checkout.id)]
        if wish.confirms_twice:
            pages.append(self._pay(checkout.id))
        if wish.cancels_after is not None:
            pages.append(self._cancel(checkout.id, wish.cancels_after))
        await asyncio.gather(*pages)
        await asyncio.gather(*(change_later(self, one) for one in wish.later))

    async def _hold(self) -> Hold:
        """Hold the slot; whoever waits for it comes back while somebody else has it. Raises Refusal, ConnectionLost."""
        for left in range(self.wish.waits, -1, -1):
            try:
                return await self.ask(
                    lambda process: process.holds.hold(
                        self.visitor, self.wish.slot.id, time_zone="America/New_York"
                    )
                )
            except Refusal:
                if not left:
                    raise
                await asyncio.sleep(COMES_BACK)
        raise AssertionError("the last try is answered or refused")

    async def _browse(self) -> None:
        """Look at what is on offer that day; what was somebody's before and after must not be there."""
        slot, witness = self.wish.slot, self.schedule.witness
        day = slot.start.date()
        for _ in range(2):
            before = witness.taken()
            days = await self.ask(lambda process: self._day(process, slot, day))
            witness.offered((one for each in days for one in each.slots), before & witness.taken())
            await asyncio.sleep(self.wish.thinks)

    @staticmethod
    async def _day(process: Process, slot: Slot, day: date) -> list[Day]:
        query = SlotQuery.of(
            await process.healthie.catalog.catalog(),
            visit_type_id=slot.visit_type_id,
            contact_type=slot.contact_type,
            first=day,
            last=day,
        )
        return await process.search.slots(query)

    async def _pay(self, checkout_id: str) -> None:
        """Confirm, with another card after each decline."""
        for kind in self.wish.cards:
            try:
                checkout = await self._confirm(checkout_id, kind)
            except CardDeclined:
                self._is_answered(checkout_id, "declined", over=False)
                await asyncio.sleep(self.wish.thinks)
                continue
            except (HoldExpired, SlotTaken, BookingFailed, CheckoutClosed, Refusal) as refusal:
                waits = isinstance(refusal, PaymentInProgress)
                over = not waits and not (
                    isinstance(refusal, CheckoutClosed) and refusal.state == "confirmed"
                )
                self._is_answered(checkout_id, type(refusal).__name__, over=over)
                return
            except ConnectionLost:
                self._is_answered(checkout_id, "nothing", over=False)
                return
            self._is_answered(checkout_id, checkout.state, over=_over(checkout))
            return

    def _token(self, checkout_id: str, kind: str) -> CardChoice:
        """What the payment form makes of the card, anew each time."""
        self._tokens += 1
        token = f"{kind}_{self.wish.number}x{self._tokens}"
        self.tokens_given.setdefault(checkout_id, set()).add(token)
        return CardChoice(token=token)

    async def _confirm(self, checkout_id: str, kind: str) -> Checkout:
        card = self._token(checkout_id, kind)

        def ask(process: Process) -> Awaitable[Checkout]:
            self.confirmed_at.setdefault(checkout_id, []).append(self.schedule.loop.time())
            return process.checkouts.confirm(
                self.owner(checkout_id), checkout_id, card, quote_id=self._seen[checkout_id]
            )

        while True:
            try:
                return await self.ask(ask)
            # By the practice, or in another tab: they look at it, and take it.
            except QuoteChanged as changed:
                self._seen[checkout_id], card = changed.quote.id, self._token(checkout_id, kind)
                self._is_answered(checkout_id, "another quote", over=False)
                await asyncio.sleep(self.wish.thinks)

    async def _cancel(self, checkout_id: str, after: float) -> None:
        await asyncio.sleep(after)
        try:
            checkout = await self.ask(
                lambda process: process.checkouts.cancel(self.owner(checkout_id), checkout_id)
            )
        except (Refusal, ConnectionLost) as refusal:
            self.schedule.trace.say(f"patient {self.wish.number}", f"cannot cancel: {type(refusal).__name__}")
        else:
            self._is_answered(checkout_id, f"cancel: {checkout.state}", over=_over(checkout))

    async def ask(self, what: Callable[[Process], Awaitable[T]]) -> T:
        """Ask a gateway, and another one when it does not answer. Raises Refusal, ConnectionLost."""
        for _ in range(PATIENCE):
            process = await self.schedule.a_gateway()
            try:
                return await process.run(_asked(what, process), patience=PAGE_SECONDS)
            except Refusal:
                raise
            except ConnectionLost:
                await asyncio.sleep(self.schedule.plan.seconds(1.0, 10.0))
            except DomainError as error:  # our fault or Healthie's: the page says so and is loaded again
                self.schedule.trace.say(
                    f"patient {self.wish.number}", f"sees an error: {type(error).__name__}"
                )
                await asyncio.sleep(self.schedule.plan.seconds(1.0, 10.0))
        raise ConnectionLost

    def _is_answered(self, checkout_id: str, what: str, *, over: bool) -> None:
        self.schedule.trace.say(f"patient {self.wish.number}", f"is told {what}")
        self.answers.append(Answered(self.schedule.loop.time(), checkout_id, what, over))


def _over(checkout: Checkout) -> bool:
    return checkout.state in TERMINAL and checkout.state is not CheckoutState.CONFIRMED


async def _asked(what: Callable[[Process], Awaitable[T]], process: Process) -> T:
    """Ask once the process is at it: of one that is dead by then nobody asks anything."""
    return await what(process)
