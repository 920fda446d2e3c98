"""Checkouts as patients meet them once they are started: confirm, cancel, look. How they start is in checkout/start.py."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import structlog

from booking.checkout.access import CheckoutAccess
from booking.checkout.attempt_limits import AttemptLimiter, CountedAttempts, count_card
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.guards import bookable_until, is_too_late
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.outcomes import outcome
from booking.checkout.saga import Saga
from booking.checkout.timing import STEP_BUDGET
from booking.checkout.transitions import ENDED, WAITING, at_rest
from booking.checkout.unpaid_visits import UnpaidVisits
from booking.errors import StaleCheckout, UpstreamUnavailable
from booking.models import CardChoice
from booking.operations.model import HistoryKind
from booking.ports import Cards, Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals import (
    CardRequired,
    CheckoutClosed,
    HoldExpired,
    PaymentInProgress,
    QuoteChanged,
    SlotTaken,
    TooLateToBook,
    TooManyAttempts,
)
from booking.tasks import cancel_and_wait
from booking.unit_of_work import UnitOfWorkFactory

# How often a second confirm looks whether the first has come to an end: unnoticed by a person, cheap for the database.
_JOIN_INTERVAL = 0.1

_CARD_ON_FILE = "The practice asks for a card for this visit. Nothing is charged to it."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class CheckoutRules:
    """The times of a checkout."""

    # No charge is sent later than this after the patient's confirm.
    confirm_window: timedelta = timedelta(minutes=15)
    # Confirm answers by then, with the result or that it goes on.
    answer_within: timedelta = timedelta(seconds=10)


class CheckoutService:
    """Confirms and cancels checkouts; the saga does the work."""

    def __init__(
        self,
        *,
        saga: Saga,
        checkout_holds: CheckoutHolds,
        cards: Cards,
        units: UnitOfWorkFactory,
        clock: Clock,
        rules: CheckoutRules,
        attempts: AttemptLimiter,
        unpaid: UnpaidVisits,
    ) -> None:
        self._saga = saga
        self._under = checkout_holds
        self._cards = cards
        self._own = CheckoutAccess(units=units, clock=clock)
        self._clock = clock
        self._rules = rules
        self._attempts = attempts
        self._unpaid = unpaid
        self._driving: set[asyncio.Task[Checkout]] = set()

    @property
    def answer_within(self) -> timedelta:
        """How long whoever confirms waits for an answer at most."""
        return self._rules.answer_within

    async def confirm(
        self, caller: Caller, checkout_id: str, card: CardChoice | None, *, quote_id: str
    ) -> Checkout:
        """Pay and book what the quote of this id says. Answers a confirmed row, or one under way when the time to answer is over.

        A second confirm joins the first. Raises NotFound; QuoteChanged when the checkout has another quote by now, or what it is
        for is sold on other terms (nothing was charged); UpstreamUnavailable (nothing was done; so is a guest told whose patient
        has another payment in progress); CardRequired, CardDeclined, TooManyAttempts, SignInRequired, EmailVerificationRequired,
        UnpaidVisitsUsedUp, HoldExpired, TooLateToBook, SlotTaken, ClinicianNotBookable, PaymentUnavailable, AmountNotChargeable,
        PaymentInProgress, BookingFailed, TermsChanged, ChargedWrongly, CheckoutClosed.
        """
        answer_by = asyncio.get_running_loop().time() + self.answer_within.total_seconds()
        checkout, counted = await self._own.get(caller, checkout_id), CountedAttempts()
        while at_rest(checkout) and checkout.state in WAITING:
            _check_accepted(checkout, quote_id)
            try:
                checkout, counted = await self._accept(caller, checkout, card, answer_by)
            except StaleCheckout:  # another confirm, a cancel or a worker was first: see what became of it
                checkout = await self._own.get(caller, checkout_id)
        if checkout.state in ENDED:
            return outcome(checkout)
        try:
            checkout = await self._driven(checkout, answer_by, counted)
            if at_rest(checkout) and checkout.state in WAITING:
                _check_accepted(checkout, quote_id)
            return outcome(checkout)
        except PaymentInProgress:
            if caller.principal.kind is PrincipalKind.GUEST:
                # That they are known here, and pay elsewhere in this moment, is not a guest's to learn: nothing was done.
                raise UpstreamUnavailable("another payment is in progress") from None
            raise

    async def cancel(self, caller: Caller, checkout_id: str) -> Checkout:
        """Leave. Answers the cancelled row, or one under way that is undone when its call's outcome is known.

        Raises NotFound; CheckoutClosed when it has ended in another way.
        """
        while True:
            checkout = await self._own.get(caller, checkout_id)
            if checkout.stands is S.CANCELLED or checkout.cancel_requested:
                return checkout
            if checkout.state in ENDED or checkout.state is S.NEEDS_ATTENTION:
                raise CheckoutClosed(checkout.stands)
            try:
                if at_rest(checkout):
                    return await self._saga.end(checkout, S.CANCELLED, EndReason.CANCELLED_BY_PATIENT)
                marked = checkout.changed(cancel_requested=True, updated_at=self._clock.now())
                return await self._own.save(marked, HistoryKind.CANCEL_REQUESTED)
            except StaleCheckout:
                continue  # it moved meanwhile: cancel what it is now

    async def view(self, caller: Caller, checkout_id: str) -> Checkout | None:
        """The caller's checkout; None for a foreign and a missing one alike."""
        return await self._own.view(caller, checkout_id)

    async def aclose(self) -> None:
        """Let the checkouts that are being driven come to their rest, as long as a step lasts; a worker does what remains."""
        await cancel_and_wait([*self._driving], grace=STEP_BUDGET.total_seconds())

    async def _accept(
        self, caller: Caller, checkout: Checkout, card: CardChoice | None, answer_by: float
    ) -> tuple[Checkout, CountedAttempts]:
        """Write down what the patient confirmed; a card is counted as tried, and a visit that costs nothing.

        Raises TooLateToBook, HoldExpired, SlotTaken, CardRequired, TooManyAttempts, StaleCheckout, UpstreamUnavailable, and what
        UnpaidVisits.count raises.
        """
        await self._check_time(checkout)
        await self._check_hold(checkout)
        try:
            async with asyncio.timeout_at(answer_by):  # only reads: what is cut off here did nothing
                card = await self._usable(caller, checkout, card)
        except TimeoutError as error:
            raise UpstreamUnavailable("the card was not found in time") from error
        counted = await self._count(caller, checkout, card)
        now = self._clock.now()
        accepted = checkout.changed(
            attempt=checkout.attempt + 1,
            card=card,
            card_id=None,
            declined=None,
            confirm_deadline=now + self._rules.confirm_window,
            updated_at=now,
            due_at=now,
        )
        try:
            return await self._own.save(accepted, HistoryKind.ACCEPTED), counted
        except Exception:  # what was not written down is neither tried nor booked
            await counted.uncount()
            raise

    async def _count(self, caller: Caller, checkout: Checkout, card: CardChoice | None) -> CountedAttempts:
        counted = await self._unpaid.count(caller, checkout)
        if card is None:
            return counted
        try:
            return await count_card(self._attempts, caller, checkout, card, also=counted)
        except TooManyAttempts:
            await counted.uncount()
            raise

    async def _check_time(self, checkout: Checkout) -> None:
        if is_too_late(checkout, self._clock.now()):
            await self._saga.end(checkout, S.EXPIRED, EndReason.TOO_LATE)
            raise TooLateToBook(bookable_until(checkout))

    async def _check_hold(self, checkout: Checkout) -> None:
        """Whether the slot is held for the patient still, or again. Raises HoldExpired, SlotTaken; StaleCheckout."""
        try:
            await self._under.of(checkout)
        except (HoldExpired, SlotTaken) as refusal:
            await self._saga.end_without_hold(checkout, refusal)
            raise

    async def _usable(self, caller: Caller, checkout: Checkout, card: CardChoice | None) -> CardChoice | None:
        """The card, if it may be charged: a fresh token, or one of the signed-in patient's own."""
        if checkout.quote.due_today.is_zero and not self._unpaid.wants_card(checkout):
            return None
        if card is None:
            raise CardRequired(_CARD_ON_FILE if checkout.quote.due_today.is_zero else None)
        if card.on_file_id is not None:
            patient_id = caller.principal.patient_id
            mine = await self._cards.on_file(patient_id) if patient_id else ()
            if all(one.id != card.on_file_id for one in mine):
                raise CardRequired
        return card

    async def _driven(self, checkout: Checkout, answer_by: float, counted: CountedAttempts) -> Checkout:
        """Drive, or wait while somebody else does, as long as the patient should wait for an answer."""
        task = asyncio.create_task(self._until_rest(checkout, answer_by, counted))
        self._driving.add(task)
        task.add_done_callback(self._finished)
        done, _ = await asyncio.wait({task}, timeout=answer_by - asyncio.get_running_loop().time())
        if done:
            return task.result()
        return await self._saga.load(checkout.id)

    def _finished(self, task: asyncio.Task[Checkout]) -> None:
        """Note how a drive ended: who confirmed may have their answer already."""
        self._driving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("checkout.drive_ended", error=type(error).__name__)

    async def _until_rest(self, checkout: Checkout, answer_by: float, counted: CountedAttempts) -> Checkout:
        """Drive to the end, whoever waits, and settle what was counted."""
        try:
            checkout = await self._drive_on(checkout, answer_by)
        except Exception:
            # Another payment was in progress, or nobody knows what became of it: the row tells what stands.
            with contextlib.suppress(Exception):  # it cannot be read either: what was counted stays
                await counted.settle(await self._saga.load(checkout.id))
            raise
        await counted.settle(checkout)
        return checkout

    async def _drive_on(self, checkout: Checkout, answer_by: float) -> Checkout:
        """Drive to the end; whose drive it is not looks on only while somebody waits for the answer."""
        loop = asyncio.get_running_loop()
        checkout = await self._saga.drive(checkout)
        while not at_rest(checkout) and checkout.lease_owner is not None and loop.time() < answer_by:
            await asyncio.sleep(_JOIN_INTERVAL)
            checkout = await self._saga.drive(await self._saga.load(checkout.id))
        return checkout


def _check_accepted(checkout: Checkout, quote_id: str) -> None:
    """Raise QuoteChanged unless the checkout's quote is the one that its patient saw: nobody pays what they did not see."""
    if checkout.quote.id != quote_id:
        raise QuoteChanged(checkout.id, checkout.quote)
