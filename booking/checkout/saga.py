"""The driver of the checkout saga: intent, commit, call, commit.

Any number of drivers may run; each row is driven by one at a time, under a lease. Every write expects the version that
was read, so a driver that lost its lease can write nothing. What is due after the end is in checkout/follow_up.py.
"""

import contextlib
import itertools
from datetime import datetime, timedelta

import structlog

from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.compensation import escalate
from booking.checkout.follow_up import FollowUp
from booking.checkout.guards import SENDING, Guards, is_too_late
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.steps import SETTLE, Steps
from booking.checkout.transitions import BEFORE_MONEY, CALLING, PROVABLE, WAITING, legal
from booking.checkout.writer import LEASE, CheckoutWriter, at_rest
from booking.errors import OutcomeUnknown, StaleCheckout, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.refusals import HoldExpired, PaymentInProgress, SlotTaken
from booking.stored_names import Unknown
from booking.unit_of_work import UnitOfWorkFactory
from booking.work_context import working_for

# What must be left of the lease when a call is sent: the longest that one step takes. A change with its turn (2 s), its
# record (5 s) and its timeout (21 s), and three reads around it (12 s each).
STEP_BUDGET = timedelta(seconds=65)

# While its patient may wait for it a row is taken up again as soon as looking is safe; after ten minutes nobody waits at the
# screen, and an upstream that is down or has locked us out is asked more rarely.
EAGER_TRIES = 20
RARELY = timedelta(minutes=5)

# A step that keeps failing is given to a person after this many tries: two and a half hours, since outages and lockouts of an
# hour are reported (Healthie), and what is done late by a machine is still done right. That it lasts is alerted long before.
MAX_TRIES = 50

log = structlog.get_logger(__name__)


class Saga(CheckoutWriter):
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
        super().__init__(units=units, holds=holds, clock=clock, name=name)
        self._steps = steps
        self._guards = guards
        self._follow_up = FollowUp(late=late, units=units, holds=holds, clock=clock, name=name)
        self._under = checkout_holds
        self._serial = itertools.count(1)

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
            leased, driver = await self._lease(checkout, now=now)
            return await self._go_on(leased, driver)
        except StaleCheckout:  # somebody else took over: whatever this driver knew is history
            return await self.load(checkout.id)

    async def end(self, checkout: Checkout, state: S, reason: EndReason) -> Checkout:
        """End a checkout that rests before any money moved, and give its hold back. Raises StaleCheckout."""
        return await self._record(checkout, checkout.changed(state=state, end_reason=reason))

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
                checkout = await self._record(checkout, after)
            except (StaleCheckout, PaymentInProgress):
                raise
            except (OutcomeUnknown, UpstreamUnavailable) as error:
                return await self._park(checkout, type(error).__name__)
            except Exception as error:
                await self._park(checkout, type(error).__name__)
                raise
            committed_here = True
        return checkout

    async def resume(self, checkout_id: str) -> None:
        """Do what is due: go on with a row that somebody left, or end one whose patient let the hold run out."""
        checkout = await self.load(checkout_id)
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
        parked = await self.load(checkout_id)
        if parked.state not in PROVABLE or parked.due_at is None or parked.lease_owner is not None:
            return
        with working_for(parked), contextlib.suppress(StaleCheckout, PaymentInProgress):
            checkout, driver = await self._lease(parked, now=self._clock.now())
            try:
                landed = await self._steps.check_early(checkout)
            except (OutcomeUnknown, UpstreamUnavailable):
                landed = None
            except Exception:
                await self._park_again(checkout, parked)
                raise
            if landed is None:
                await self._park_again(checkout, parked)
            else:
                log.info("checkout.landed", checkout=checkout_id, state=checkout.state)
                await self._go_on(await self._record(checkout, landed), driver)

    async def _park_again(self, checkout: Checkout, parked: Checkout) -> None:
        """Give the lease back, and leave the row due when it was; the patient's wish to cancel may have come in between."""
        current = await self.load(checkout.id)
        if current.lease_owner == checkout.lease_owner:
            again = current.changed(lease_owner=None, lease_until=None, due_at=parked.due_at)
            await self._write(current, again)

    async def _expire_if_abandoned(self, checkout: Checkout) -> None:
        try:
            hold = await self._under.of(checkout)
        except UpstreamUnavailable:
            await self._record(checkout, checkout.changed(due_at=None))  # looked at again after a while
        except (HoldExpired, SlotTaken) as refusal:
            await self.end_without_hold(checkout, refusal)
        else:
            ends = hold.expires_at
            await self._record(checkout, checkout.changed(due_at=ends, hold_expires_at=ends))

    async def _see_after(self, checkout: Checkout) -> None:
        """Do what is due after the end; what came late is undone at once. Raises StaleCheckout."""
        reopened = await self._follow_up.follow_up(checkout)
        if reopened is not None:
            driver = self._driver()
            await self._go_on(await self._record(checkout, reopened.changed(lease_owner=driver)), driver)

    async def _next(self, checkout: Checkout, *, look: bool) -> Checkout:
        """The row as its next write shall be."""
        if checkout.state in BEFORE_MONEY and (left := self._left(checkout)) is not None:
            return left
        if look and checkout.state in CALLING:
            found = await self._steps.look(checkout)
            if found is not None:
                return found
        if checkout.state in SENDING and (stopped := await self._guards.stopped(checkout)) is not None:
            return stopped
        if self._lease_left(checkout) < STEP_BUDGET:
            return checkout  # writing it renews the lease; the step comes after that
        return await self._steps.take(checkout)

    def _left(self, checkout: Checkout) -> Checkout | None:
        """The row ended, of which no money has moved yet, when it is not worth another step; None: it is."""
        if checkout.cancel_requested:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.CANCELLED_BY_PATIENT)
        if self._deadline_passed(checkout):
            return checkout.changed(state=S.EXPIRED, end_reason=EndReason.HOLD_EXPIRED)
        if is_too_late(checkout, self._clock.now()):
            return checkout.changed(state=S.EXPIRED, end_reason=EndReason.TOO_LATE)
        return None

    async def _park(self, checkout: Checkout, why: str) -> Checkout:
        """Put the row aside until what was sent has landed or never will; give up to a person when it never ends."""
        now = self._clock.now()
        tries = checkout.tries + 1
        log.warning("checkout.parked", checkout=checkout.id, state=checkout.state, tries=tries, why=why)
        gives_up = legal(checkout.state, S.NEEDS_ATTENTION) or checkout.late is not None
        if tries >= MAX_TRIES and gives_up:
            return await self._record(checkout, escalate(checkout, AttentionReason.OUT_OF_TRIES))
        pause = SETTLE if tries < EAGER_TRIES else RARELY
        parked = checkout.changed(
            tries=tries, updated_at=now, due_at=now + pause, lease_owner=None, lease_until=None
        )
        try:
            return await self._write(checkout, parked)
        except StaleCheckout:
            return await self.load(checkout.id)  # marked or taken over: whoever is due next goes on

    async def _lease(self, checkout: Checkout, *, now: datetime) -> tuple[Checkout, str]:
        """Claim the row; answers it, and the driver's name. Raises StaleCheckout when it is not as it was read."""
        driver = self._driver()
        leased = checkout.changed(lease_owner=driver, lease_until=now + LEASE, due_at=now + LEASE)
        return await self._write(checkout, leased), driver

    def _is_due(self, checkout: Checkout) -> bool:
        return checkout.due_at is not None and self._clock.now() >= checkout.due_at

    def _lease_left(self, checkout: Checkout) -> timedelta:
        return (checkout.lease_until or self._clock.now()) - self._clock.now()

    def _deadline_passed(self, checkout: Checkout) -> bool:
        return checkout.confirm_deadline is not None and self._clock.now() >= checkout.confirm_deadline

    def _driver(self) -> str:
        return f"{self._name}/{next(self._serial)}"
