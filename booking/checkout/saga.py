"""The driver of the checkout saga: intent, commit, call, commit.

1. started: the hold is taken and the quote frozen. The row rests until its patient confirms.
2. patient_intended -> patient_ready: a guest's record is made; a signed-in patient is known already.
3. card_intended -> card_ready: the card is put on file. A decline leads back to patient_ready, where the row rests again.
4. charge_intended -> charged: terms and hold are read anew, the write takes the slot claim, and the money is proved.
5. booking_intended -> booked: the visit is made and read back. With nothing due it is this write that takes the claim.
6. confirmed: the end, with which hold and claim go. cancelled, expired and slot_lost are the ends without money.
7. Before each call the guards are asked. What may not go on ends; what is paid or booked goes back, by way of
   deletion_intended, compensating, recurring_cancel_intended and refund_intended, to refunded.
8. Whoever finds an intent of somebody else's looks for what became of it before they send. What stays unknown is parked,
   and what no machine can settle is given to a person: needs_attention.
9. What has ended is seen after for 72 hours (checkout/follow_up.py): what landed late is undone.

The states are in checkout/states.py, the steps in checkout/steps.py and checkout/compensation.py. Any number of drivers may run; each row is driven by
one at a time, under a lease (checkout/leases.py).
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
from booking.ports import Clock, HoldStore
from booking.refusals import HoldExpired, PaymentInProgress, SlotTaken
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for

log = structlog.get_logger(__name__)


class Saga:
    """Drives checkouts from recovery point to recovery point."""

    def __init__(
        self,
        *,
        steps: Steps,
        guards: Guards,
        late: LateReconciler,
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
        self._follow_up = FollowUp(late=late, writer=self._writer, units=units, clock=clock)
        self._under = checkout_holds

    async def load(self, checkout_id: str) -> Checkout:
        """The row, as it is now, of a checkout that exists."""
        return await self._writer.load(checkout_id)

    async def drive(self, checkout: Checkout) -> Checkout:
        """Take steps, from the row as it was just read, until it rests or must wait for an outcome; answers the row.

        A row that somebody else drives is answered as it is, one at a newer version's state among them. Raises PaymentInProgress
        (the row rests again).
        """
        now = self._clock.now()
        if isinstance(checkout.state, Unknown):
            return checkout
        if at_rest(checkout) or (checkout.due_at is not None and now < checkout.due_at):
            return checkout  # nothing to do, or somebody drives it, or it is parked until its outcome can be known
        try:
            leased, driver = await self._writer.lease(checkout, now=now)
            return await self._go_on(leased, driver)
        except StaleCheckout:  # somebody else took over: whatever this driver knew is history
            return await self._writer.load(checkout.id)

    async def end(self, checkout: Checkout, state: S, reason: EndReason) -> Checkout:
        """End a checkout that rests before any money moved, and give its hold back. Raises StaleCheckout."""
        return await self._writer.record(checkout, checkout.changed(state=state, end_reason=reason))

    async def end_without_hold(self, checkout: Checkout, why: HoldExpired | SlotTaken) -> Checkout:
        """End a checkout that rests and whose hold is gone for good. Raises StaleCheckout.

        Its time is over, or somebody else has the slot.
        """
        if isinstance(why, SlotTaken):
            return await self.end(checkout, S.SLOT_LOST, EndReason.SLOT_TAKEN)
        return await self.end(checkout, S.EXPIRED, EndReason.HOLD_EXPIRED)

    async def _go_on(self, checkout: Checkout, driver: str) -> Checkout:
        committed_here = False  # an intent of somebody else's may have its call out
        while checkout.lease_owner == driver and not at_rest(checkout):
            try:
                with working_for(checkout):
                    after = await self._next(checkout, look=not committed_here)
                checkout = await self._writer.record(checkout, after)
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
        """Do what is due: go on with a row that somebody left, or end one whose patient let the hold run out."""
        checkout = await self._writer.load(checkout_id)
        if not at_rest(checkout):
            # Where another payment is in progress it rests again, and its patient may confirm it anew.
            with contextlib.suppress(PaymentInProgress):
                await self.drive(checkout)
            return
        # Stale: the patient, or another worker, came in this very moment.
        with contextlib.suppress(StaleCheckout):
            if checkout.state in WAITING:
                await self._expire_if_abandoned(checkout)
            elif self._is_due(checkout):  # it has ended, or a person has it
                await self._see_after(checkout)

    async def check_early(self, checkout_id: str) -> None:
        """Look ahead of time at what a parked row waits for, since upstream says that something came of it.

        What is proved to have landed is taken, and the row goes on. Finding nothing proves nothing: the row stays parked
        until its own time, and nothing is sent before that. A row that somebody drives is left alone.
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
                await self._go_on(await self._writer.record(checkout, landed), driver)

    async def _expire_if_abandoned(self, checkout: Checkout) -> None:
        try:
            hold = await self._under.of(checkout)
        except UpstreamUnavailable:
            await self._writer.record(
                checkout, checkout.changed(due_at=None)
            )  # looked at again after a while
        except (HoldExpired, SlotTaken) as refusal:
            await self.end_without_hold(checkout, refusal)
        else:
            ends = hold.expires_at
            await self._writer.record(checkout, checkout.changed(due_at=ends, hold_expires_at=ends))

    async def _see_after(self, checkout: Checkout) -> None:
        """Do what is due after the end; what came late is undone at once. Raises StaleCheckout."""
        reopened = await self._follow_up.follow_up(checkout)
        if reopened is not None:
            driver = self._writer.new_driver()
            await self._go_on(
                await self._writer.record(checkout, reopened.changed(lease_owner=driver)), driver
            )

    async def _next(self, checkout: Checkout, *, look: bool) -> Checkout:
        """The row as its next write shall be."""
        state = STATES[checkout.known_state]
        if state.step is None:
            raise AssertionError(f"nothing is done at {checkout.state}")
        stopped = stopped_early(checkout, state.early, undo=state.undo, now=self._clock.now())
        if stopped is not None:
            return stopped
        if look and state.look and (found := await state.look(self._steps, checkout)) is not None:
            return found
        if state.guards:
            stopped = await self._guards.stopped(checkout, state.guards, undo=state.undo)
        if stopped is not None:
            return stopped
        if not lease_lasts(checkout, state.budget, now=self._clock.now()):
            return checkout  # writing it renews the lease; the step comes after that
        return await state.step(self._steps, checkout)

    def _is_due(self, checkout: Checkout) -> bool:
        return checkout.due_at is not None and self._clock.now() >= checkout.due_at
