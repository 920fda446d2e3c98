"""Application service of `confirmCheckout`, `cancelCheckout` and `checkout`; checkout/start.py has `startCheckout`.

`CheckoutService.confirm` writes the patient's confirm on the row and has `Saga.drive` pay and book; `Steps.charge` charges.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

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

# Seconds between the reads of a confirm that waits for another's drive: unnoticed by a person, cheap for the database.
_JOIN_INTERVAL = 0.1

_CARD_ON_FILE = "The practice asks for a card for this visit. Nothing is charged to it."

log = structlog.get_logger(__name__)

_Drive: TypeAlias = Callable[[Checkout], Awaitable[Checkout]]


@dataclass(frozen=True, kw_only=True)
class CheckoutRules:
    """The time limits of a checkout that settings may change."""

    # No charge is sent later than this after the patient's confirm.
    confirm_window: timedelta = timedelta(minutes=15)
    # A confirm answers within this, with the result or with a row that is under way.
    answer_within: timedelta = timedelta(seconds=10)


class CheckoutService:
    """Confirms, cancels and reads checkouts for their patients; the saga does the work."""

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
        self._checkout_holds = checkout_holds
        self._cards = cards
        self._access = CheckoutAccess(units=units, clock=clock)
        self._clock = clock
        self._rules = rules
        self._attempts = attempts
        self._unpaid = unpaid
        self._driving: set[asyncio.Task[Checkout]] = set()

    @property
    def answer_within(self) -> timedelta:
        """The longest that a confirm waits before it answers."""
        return self._rules.answer_within

    async def confirm(
        self, caller: Caller, checkout_id: str, card: CardChoice | None, *, quote_id: str
    ) -> Checkout:
        """Pay and book on the terms of this quote. Returns a confirmed row, or one under way when `answer_within` is over.

        A second confirm joins the first. Raises NotFound; QuoteChanged when the checkout has another quote by now, or the
        practice has changed the terms (nothing was charged); UpstreamUnavailable (nothing was done; also for a guest
        whose patient has another payment in progress); CardRequired, CardDeclined, TooManyAttempts, SignInRequired,
        EmailVerificationRequired, UnpaidVisitsUsedUp, HoldExpired, TooLateToBook, SlotTaken, ClinicianNotBookable,
        PaymentUnavailable, AmountNotChargeable, PaymentInProgress, BookingFailed, TermsChanged, ChargedWrongly,
        CheckoutClosed.
        """
        answer_by = asyncio.get_running_loop().time() + self.answer_within.total_seconds()
        checkout, counted = await self._access.get(caller, checkout_id), CountedAttempts()
        accepted = False
        while at_rest(checkout) and checkout.state in WAITING:
            _check_accepted(checkout, quote_id)
            try:
                checkout, counted = await self._accept(caller, checkout, card, answer_by)
                accepted = True
            except StaleCheckout:  # another confirm, a cancel or a worker wrote first: read its result
                checkout = await self._access.get(caller, checkout_id)
        if checkout.state in ENDED:
            return outcome(checkout)
        try:
            task = self._driven(checkout, answer_by, counted, accepted=accepted)
            checkout = await self._until(answer_by, task, checkout)
            if at_rest(checkout) and checkout.state in WAITING:
                _check_accepted(checkout, quote_id)
            return outcome(checkout)
        except PaymentInProgress:
            if caller.principal.kind is PrincipalKind.GUEST:
                # A guest must not learn that they are a patient who pays elsewhere at this moment. Nothing was done.
                raise UpstreamUnavailable("another payment is in progress") from None
            raise

    async def cancel(self, caller: Caller, checkout_id: str) -> Checkout:
        """Cancel. Returns the cancelled row, or one under way that is undone as soon as its call's outcome is known.

        Idempotent. Raises NotFound; CheckoutClosed when it has ended otherwise, or is escalated.
        """
        while True:
            checkout = await self._access.get(caller, checkout_id)
            if checkout.stands is S.CANCELLED or checkout.cancel_requested:
                return checkout
            if checkout.state in ENDED or checkout.state is S.NEEDS_ATTENTION:
                raise CheckoutClosed(checkout.stands)
            try:
                if at_rest(checkout):
                    return await self._saga.end(checkout, S.CANCELLED, EndReason.CANCELLED_BY_PATIENT)
                marked = checkout.changed(cancel_requested=True, updated_at=self._clock.now())
                return await self._access.save(checkout, marked, HistoryKind.CANCEL_REQUESTED)
            except StaleCheckout:
                continue  # written in between: cancel the row as it is now

    async def view(self, caller: Caller, checkout_id: str) -> Checkout | None:
        """Return the caller's checkout; None when it is another's or does not exist, without telling which."""
        return await self._access.view(caller, checkout_id)

    async def aclose(self) -> None:
        """Wait for running drives, at most as long as a step takes, then cancel them; a worker takes those rows up."""
        await cancel_and_wait([*self._driving], grace=STEP_BUDGET.total_seconds())

    async def _accept(
        self, caller: Caller, checkout: Checkout, card: CardChoice | None, answer_by: float
    ) -> tuple[Checkout, CountedAttempts]:
        """Write the patient's confirm on the row, leased, with its card and visit counted by the attempt limits.

        Raises TooLateToBook, HoldExpired, SlotTaken, CardRequired, TooManyAttempts, StaleCheckout, UpstreamUnavailable,
        and what UnpaidVisits.count raises.
        """
        await self._check_time(checkout)
        await self._check_hold(checkout)
        try:
            async with asyncio.timeout_at(answer_by):  # only reads: cutting them off is safe
                card = await self._usable_card(caller, checkout, card)
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
        )
        writing = asyncio.ensure_future(self._saga.accept(checkout, accepted))
        try:
            return await asyncio.shield(writing), counted
        except asyncio.CancelledError:
            # The confirm may get written all the same, with a lease that nobody else takes before it is over.
            writing.add_done_callback(lambda done: self._go_on_alone(done, answer_by, counted))
            raise
        except Exception:  # the confirm was not written, so nothing was tried
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
        """Find the hold, or take it again; else end the checkout. Raises HoldExpired, SlotTaken; StaleCheckout."""
        try:
            await self._checkout_holds.until(checkout)
        except (HoldExpired, SlotTaken) as refusal:
            await self._saga.end_without_hold(checkout, refusal)
            raise

    async def _usable_card(
        self, caller: Caller, checkout: Checkout, card: CardChoice | None
    ) -> CardChoice | None:
        """Return the card if it may be charged: a new token, or one on file of the signed-in patient. Raises CardRequired."""
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

    def _driven(
        self, checkout: Checkout, answer_by: float, counted: CountedAttempts, *, accepted: bool
    ) -> asyncio.Task[Checkout]:
        """Drive in a task, or join another's drive. `accepted`: the row is leased to us."""
        first = self._saga.go_on if accepted else self._saga.drive
        task = asyncio.create_task(self._drive_and_settle(first, checkout, answer_by, counted))
        self._driving.add(task)
        task.add_done_callback(self._finished)
        return task

    def _go_on_alone(
        self, writing: asyncio.Future[Checkout], answer_by: float, counted: CountedAttempts
    ) -> None:
        """Drive a row whose confirm was written after its caller had been cancelled."""
        if not writing.cancelled() and writing.exception() is None:
            self._driven(writing.result(), answer_by, counted, accepted=True)

    async def _until(self, answer_by: float, task: asyncio.Task[Checkout], checkout: Checkout) -> Checkout:
        """Wait for a drive until `answer_by`; the task goes on after that."""
        done, _ = await asyncio.wait({task}, timeout=answer_by - asyncio.get_running_loop().time())
        if done:
            return task.result()
        return await self._saga.load(checkout.id)

    def _finished(self, task: asyncio.Task[Checkout]) -> None:
        """Log how a drive failed: the confirm may have been answered before."""
        self._driving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("checkout.drive_ended", error=type(error).__name__)

    async def _drive_and_settle(
        self, first: _Drive, checkout: Checkout, answer_by: float, counted: CountedAttempts
    ) -> Checkout:
        """Drive to the end, whether or not the caller still waits, and settle the attempt limits."""
        try:
            checkout = await self._drive_or_join(first, checkout, answer_by)
        except Exception:
            # Another payment was in progress, or the outcome is unknown: settle by the row as it stands.
            with contextlib.suppress(Exception):  # if it cannot be read, the attempts stay counted
                await counted.settle(await self._saga.load(checkout.id))
            raise
        await counted.settle(checkout)
        return checkout

    async def _drive_or_join(self, first: _Drive, checkout: Checkout, answer_by: float) -> Checkout:
        """Drive to the end; while another driver has the lease, poll the row, but only until `answer_by`."""
        loop = asyncio.get_running_loop()
        checkout = await first(checkout)
        while not at_rest(checkout) and checkout.lease_owner is not None and loop.time() < answer_by:
            await asyncio.sleep(_JOIN_INTERVAL)
            checkout = await self._saga.drive(await self._saga.load(checkout.id))
        return checkout


def _check_accepted(checkout: Checkout, quote_id: str) -> None:
    """Raise QuoteChanged unless the checkout's quote is the one that the patient saw and accepted."""
    if checkout.quote.id != quote_id:
        raise QuoteChanged(checkout.id, checkout.quote)
