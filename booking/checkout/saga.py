"""The driver of the checkout saga: intent, commit, call, commit.

1. started: the hold is taken and the quote frozen. The row rests until its patient confirms.
2. patient_intended -> patient_ready: a guest's record is created; a signed-in patient has one already.
3. card_intended -> card_ready: the card is put on file. A decline leads back to patient_ready, where the row rests again.
4. card_ready -> charge_intended: terms and hold are checked again, and the write takes the slot claim.
   charge_intended -> charged: the card is charged, and the charge read back and proved.
5. booking_intended -> booked: the visit is booked and read back. With nothing due, the write of this intent takes the slot claim.
6. confirmed: the end; hold and claim are released. cancelled, expired and slot_lost are the ends without money.
7. Guards are asked before each call. A checkout that they stop ends; what was paid or booked is compensated:
   deletion_intended, compensating, recurring_cancel_intended, refund_intended, refunded.
8. A driver that finds an intent of another driver looks upstream for the call's outcome before it sends. While the outcome
   is unknown the row is parked; after the last try it is escalated to a person: needs_attention.
9. For 72 hours after the end, reconciliation (checkout/follow_up.py) undoes what landed late.

States: checkout/states.py. Steps: checkout/steps.py and checkout/compensation.py. Any number of processes may drive; a lease
(checkout/leases.py) gives each row to one driver at a time, and the row's version fences a driver that lost its lease.
"""

import contextlib

import structlog

from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.follow_up import FollowUp
from booking.checkout.guards import Guards, stopped_early
from booking.checkout.leases import LeasedWriter
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.states import STATES
from booking.checkout.steps import Steps
from booking.checkout.timing import lease_lasts
from booking.checkout.transitions import WAITING, at_rest
from booking.checkout.writer import CheckoutWriter
from booking.errors import OutcomeUnknown, StaleCheckout, UpstreamUnavailable
from booking.ports import Clock, HoldStore, Invoices
from booking.refusals import HoldExpired, PaymentInProgress, SlotTaken
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for

log = structlog.get_logger(__name__)


class Saga:
    """Drives checkouts from recovery point to recovery point, for CheckoutService and for the worker."""

    def __init__(
        self,
        *,
        steps: Steps,
        guards: Guards,
        reconciler: LateReconciler,
        invoices: Invoices,
        units: UnitOfWorkFactory,
        holds: HoldStore,
        checkout_holds: CheckoutHolds,
        clock: Clock,
        name: str,
    ) -> None:
        self._writer = LeasedWriter(writer=CheckoutWriter(units=units), holds=holds, clock=clock, name=name)
        self._steps = steps
        self._guards = guards
        self._clock = clock
        self._follow_up = FollowUp(
            reconciler=reconciler, invoices=invoices, writer=self._writer, units=units, clock=clock
        )
        self._checkout_holds = checkout_holds

    async def load(self, checkout_id: str) -> Checkout:
        """Read the current row; the checkout must exist (AssertionError)."""
        return await self._writer.load(checkout_id)

    async def drive(self, checkout: Checkout) -> Checkout:
        """Take steps from the row as just read until it rests or is parked; returns the row then.

        Returns a row that is parked, leased by another driver, or at a state of a newer release, unchanged. Raises
        PaymentInProgress (the patient pays for another checkout; the row rests again), and what a step raises
        unexpectedly, with the row parked.
        """
        now = self._clock.now()
        if isinstance(checkout.state, Unknown):
            return checkout
        if at_rest(checkout) or (checkout.due_at is not None and now < checkout.due_at):
            # Nothing to do, leased by another driver, or parked until the outcome can be known.
            return checkout
        try:
            leased, driver = await self._writer.lease(checkout, now=now, onward=self._onward)
            return await self._take_steps(leased, driver, committed_here=leased.state != checkout.state)
        except StaleCheckout:  # another driver took over
            return await self._writer.load(checkout.id)

    async def accept(self, checkout: Checkout, accepted: Checkout) -> Checkout:
        """Write a patient's confirm on the row as just read, leased to this process; `go_on` must follow. Raises StaleCheckout.

        Lease and first transition are one write with the confirm: nobody else could do anything in between but take the lease.
        """
        return await self._writer.accept(checkout, accepted, now=self._clock.now(), onward=self._onward)

    async def go_on(self, accepted: Checkout) -> Checkout:
        """Take steps from the row that `accept` returned, as `drive` does."""
        if accepted.lease_owner is None:
            raise AssertionError("an accepted row is leased")
        try:
            return await self._take_steps(accepted, accepted.lease_owner, committed_here=True)
        except StaleCheckout:  # another driver took over
            return await self._writer.load(accepted.id)

    async def end(self, checkout: Checkout, state: S, reason: EndReason) -> Checkout:
        """End a resting checkout before any money has moved, and release its hold. Raises StaleCheckout."""
        return await self._writer.record(checkout, checkout.changed(state=state, end_reason=reason))

    async def end_without_hold(self, checkout: Checkout, why: HoldExpired | SlotTaken) -> Checkout:
        """End a resting checkout whose hold is gone: it expired, or another owner has the slot. Raises StaleCheckout."""
        if isinstance(why, SlotTaken):
            return await self.end(checkout, S.SLOT_LOST, EndReason.SLOT_TAKEN)
        return await self.end(checkout, S.EXPIRED, EndReason.HOLD_EXPIRED)

    async def _take_steps(self, checkout: Checkout, driver: str, *, committed_here: bool = False) -> Checkout:
        """Take steps while this driver has the lease; the call of an intent that another driver committed may be out."""
        while checkout.lease_owner == driver and not at_rest(checkout):
            try:
                with working_for(checkout):
                    after = await self._next_row(checkout, look=not committed_here)
                checkout = await self._writer.record(checkout, after, onward=self._onward)
            except (StaleCheckout, PaymentInProgress):
                raise
            except (OutcomeUnknown, UpstreamUnavailable) as error:
                return await self._writer.park(checkout, type(error).__name__)
            except Exception as error:
                await self._writer.park(checkout, type(error).__name__)
                raise
            committed_here = True
        return checkout

    async def resume(self, checkout_id: str) -> None:
        """Do what is due on a row, for the worker: drive it on, expire it with its hold, or follow it up after its end."""
        checkout = await self._writer.load(checkout_id)
        if not at_rest(checkout):
            # The row rests again, and its patient may confirm it again.
            with contextlib.suppress(PaymentInProgress):
                await self.drive(checkout)
            return
        # Stale: the patient's request or another worker wrote the row in between.
        with contextlib.suppress(StaleCheckout):
            if checkout.state in WAITING:
                await self._expire_if_abandoned(checkout)
            elif self._is_due(checkout):  # ended, or escalated
                await self._run_follow_up(checkout)

    async def check_early(self, checkout_id: str) -> None:
        """Look upstream for the outcome that a parked row waits for, before it is due: a webhook said that something landed.

        If the call is proved to have landed, the row is driven on. Finding nothing proves nothing: the row stays parked
        until it is due, and nothing is sent before that. A row that is leased is left alone.
        """
        parked = await self._writer.load(checkout_id)
        prove = None if isinstance(parked.state, Unknown) else STATES[parked.state].landed
        if prove is None or parked.due_at is None or parked.lease_owner is not None:
            return
        with working_for(parked), contextlib.suppress(StaleCheckout, PaymentInProgress):
            checkout, driver = await self._writer.lease(parked, now=self._clock.now())
            try:
                landed = await prove(self._steps, checkout)
            except (OutcomeUnknown, UpstreamUnavailable):
                landed = None
            except Exception:
                await self._writer.park_again(checkout, parked)
                raise
            if landed is None:
                await self._writer.park_again(checkout, parked)
            else:
                log.info("checkout.landed", checkout=checkout_id, state=checkout.state)
                onward = await self._writer.record(checkout, landed, onward=self._onward)
                await self._take_steps(onward, driver, committed_here=True)

    async def _expire_if_abandoned(self, checkout: Checkout) -> None:
        try:
            ends = await self._checkout_holds.until(checkout)
        except UpstreamUnavailable:
            # `record` makes a waiting row due again after SETTLE.
            await self._writer.record(checkout, checkout.changed(due_at=None))
        except (HoldExpired, SlotTaken) as refusal:
            await self.end_without_hold(checkout, refusal)
        else:
            await self._writer.record(checkout, checkout.changed(due_at=ends, hold_expires_at=ends))

    async def _run_follow_up(self, checkout: Checkout) -> None:
        """Follow up an ended or escalated row; a late finding is undone at once. Raises StaleCheckout."""
        reopened = await self._follow_up.follow_up(checkout)
        if reopened is not None:
            driver = self._writer.new_driver()
            await self._take_steps(
                await self._writer.record(checkout, reopened.changed(lease_owner=driver)), driver
            )

    async def _next_row(self, checkout: Checkout, *, look: bool) -> Checkout:
        """Return the row to be written next; `look` is False right after this driver committed the intent."""
        state = STATES[checkout.known_state]
        stopped = stopped_early(checkout, state.early, undo=state.undo, now=self._clock.now())
        if stopped is not None:
            return stopped
        if (following := self._onward(checkout)) is not None:
            return following
        if state.step is None:
            raise AssertionError(f"no step at {checkout.state}")
        if look and state.look and (found := await state.look(self._steps, checkout)) is not None:
            return found
        if state.guards:
            stopped = await self._guards.stopped(checkout, state.guards, undo=state.undo)
        if stopped is not None:
            return stopped
        if not lease_lasts(checkout, state.budget, now=self._clock.now()):
            return checkout  # writing it renews the lease; the step is taken on the next round
        return await state.step(self._steps, checkout)

    def _onward(self, checkout: Checkout) -> Checkout | None:
        """Return the row that follows without a call; None where there is none, or an early guard stops the row."""
        if at_rest(checkout):
            return None
        state = STATES[checkout.known_state]
        if state.onward is None:
            return None
        if stopped_early(checkout, state.early, undo=state.undo, now=self._clock.now()) is not None:
            return None
        return state.onward(checkout)

    def _is_due(self, checkout: Checkout) -> bool:
        return checkout.due_at is not None and self._clock.now() >= checkout.due_at
