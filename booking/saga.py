"""The driver of the checkout saga: intent, commit, call, commit.

Any number of drivers may run; each row is driven by one at a time, under a lease. Every write expects the version that
was read, so a driver that lost its lease can write nothing.
"""

import contextlib
import itertools
from datetime import timedelta

import structlog

from booking.models import Checkout, EndReason
from booking.models import CheckoutState as S
from booking.ports import Clock, HoldStore, UnitOfWorkFactory
from booking.refusals import OutcomeUnknown, PaymentInProgress, SlotTaken, StaleCheckout, UpstreamUnavailable
from booking.saga_table import BEFORE_MONEY, CALLING, CLAIMING, TERMINAL, WAITING, legal
from booking.steps import SETTLE, Steps

# Longer than the sum of the timeouts of one step (at most two upstream calls of 20 s, and a look).
LEASE = timedelta(seconds=90)

# What must be left of the lease when a call is sent: the longest that one step takes.
STEP_BUDGET = timedelta(seconds=60)

# A step that keeps failing is given to a person after this many tries: half an hour, twice a patient's confirm window.
MAX_TRIES = 60

log = structlog.get_logger(__name__)


def at_rest(checkout: Checkout) -> bool:
    """Whether nothing is to be done until the patient, or an operator, acts."""
    waits = checkout.state in WAITING and checkout.confirm_deadline is None and not checkout.cancel_requested
    return waits or checkout.state in TERMINAL or checkout.state is S.NEEDS_ATTENTION


class Saga:
    """Drives checkouts from recovery point to recovery point."""

    def __init__(
        self, *, steps: Steps, units: UnitOfWorkFactory, holds: HoldStore, clock: Clock, name: str
    ) -> None:
        self._steps = steps
        self._units = units
        self._holds = holds
        self._clock = clock
        self._name = name  # of this process; unique among all that drive
        self._serial = itertools.count(1)

    async def drive(self, checkout_id: str) -> Checkout:
        """Take steps until the row rests, or must wait for an outcome; answers the row.

        A row that somebody else drives is answered as it is. Raises PaymentInProgress (the row rests again).
        """
        try:
            return await self._drive(checkout_id, driver=f"{self._name}/{next(self._serial)}")
        except StaleCheckout:
            return await self._load(
                checkout_id
            )  # somebody else took over: whatever this driver knew is history

    async def end(self, checkout: Checkout, state: S, reason: EndReason) -> Checkout:
        """End a checkout that rests before any money moved, and give its hold back. Raises StaleCheckout."""
        return await self._record(checkout, checkout.changed(state=state, end_reason=reason))

    async def _drive(self, checkout_id: str, *, driver: str) -> Checkout:
        checkout = await self._lease(checkout_id, driver)
        committed_here = False  # an intent of somebody else's may have its call out
        while checkout.lease_owner == driver and not at_rest(checkout):
            try:
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
        checkout = await self._load(checkout_id)
        if not at_rest(checkout):
            with contextlib.suppress(
                PaymentInProgress
            ):  # the row rests again, and its patient may confirm it anew
                await self.drive(checkout_id)
        elif checkout.state in WAITING:
            with contextlib.suppress(StaleCheckout):  # the patient came back in this very moment
                await self._expire_if_abandoned(checkout)

    async def _expire_if_abandoned(self, checkout: Checkout) -> None:
        hold = await self._holds.get(checkout.hold_id)
        if hold is not None:
            await self._record(checkout, checkout.changed(due_at=hold.expires_at))
        else:
            await self.end(checkout, S.EXPIRED, EndReason.HOLD_EXPIRED)

    async def _next(self, checkout: Checkout, *, look: bool) -> Checkout:
        """The row as its next write shall be."""
        if checkout.state in BEFORE_MONEY and checkout.cancel_requested:
            return checkout.changed(state=S.CANCELLED, end_reason=EndReason.CANCELLED_BY_PATIENT)
        if checkout.state in BEFORE_MONEY and self._deadline_passed(checkout):
            return checkout.changed(state=S.EXPIRED, end_reason=EndReason.HOLD_EXPIRED)
        if look and checkout.state in CALLING:
            found = await self._steps.look(checkout)
            if found is not None:
                return found
        if self._lease_left(checkout) < STEP_BUDGET:
            return checkout  # writing it renews the lease; the step comes after that
        return await self._steps.take(checkout)

    async def _record(self, before: Checkout, after: Checkout) -> Checkout:
        """Write the move, take or give back the slot claim with it, and renew or give back the lease.

        Raises StaleCheckout when the row is no longer this driver's; PaymentInProgress with the row at rest again.
        """
        if not legal(before.state, after.state):
            raise AssertionError(f"no move from {before.state} to {after.state}")
        try:
            saved = await self._write(before, self._stamped(before, after))
        except SlotTaken:
            return await self._record(
                before, before.changed(state=S.SLOT_LOST, end_reason=EndReason.SLOT_TAKEN)
            )
        except PaymentInProgress:
            rested = await self._record(
                before, before.changed(state=S.PATIENT_READY, card=None, confirm_deadline=None)
            )
            if at_rest(rested):
                raise
            return rested
        except StaleCheckout:
            return await self._record_after_mark(before, after)
        log.info(
            "checkout.moved", checkout=saved.id, before=before.state, after=saved.state, attempt=saved.attempt
        )
        if saved.state in TERMINAL:
            await self._give_back_hold(saved)
        return saved

    async def _write(self, before: Checkout, after: Checkout) -> Checkout:
        claims, claimed = after.state in CLAIMING, before.state in CLAIMING
        async with self._units() as unit:
            if claims and not claimed:
                await unit.claims.take(after)
            if claimed and not claims:
                await unit.claims.release(after.id)
            saved = await unit.checkouts.save(after)
            await unit.commit()
        return saved

    async def _record_after_mark(self, before: Checkout, after: Checkout) -> Checkout:
        """The one write that may come between a driver's own: the patient's wish to cancel. Raises StaleCheckout on any other.

        The outcome of a call is written all the same; where no call was out, the next step is chosen anew.
        """
        current = await self._load(before.id)
        marked = current.cancel_requested and not before.cancel_requested
        if not marked or current.lease_owner != before.lease_owner or current.state != before.state:
            raise StaleCheckout(before.id)
        if before.state not in CALLING:
            return current
        return await self._record(current, after.changed(version=current.version, cancel_requested=True))

    def _stamped(self, before: Checkout, after: Checkout) -> Checkout:
        """Times, tries and lease of the row that is about to be written."""
        now = self._clock.now()
        moved = after.state != before.state
        after = after.changed(updated_at=now, tries=0 if moved else after.tries)
        if moved:
            after = after.changed(intended_at=now if after.state in CALLING else None)
        if after.state in TERMINAL:
            after = after.changed(
                guest=None, card=None
            )  # who they are and how they paid is upstream's to keep
        if at_rest(after):
            waits = after.state in WAITING
            due = max(after.due_at or now, now + SETTLE) if waits else None
            return after.changed(lease_owner=None, lease_until=None, due_at=due)
        return after.changed(lease_until=now + LEASE, due_at=now + LEASE)

    async def _park(self, checkout: Checkout, why: str) -> Checkout:
        """Put the row aside until what was sent has landed or never will; give up to a person when it never ends."""
        now = self._clock.now()
        tries = checkout.tries + 1
        log.warning("checkout.parked", checkout=checkout.id, state=checkout.state, tries=tries, why=why)
        if (
            tries >= MAX_TRIES
            and S.NEEDS_ATTENTION is not checkout.state
            and legal(checkout.state, S.NEEDS_ATTENTION)
        ):
            return await self._record(
                checkout, checkout.changed(state=S.NEEDS_ATTENTION, attention="out_of_tries")
            )
        parked = checkout.changed(
            tries=tries, updated_at=now, due_at=now + SETTLE, lease_owner=None, lease_until=None
        )
        try:
            return await self._write(checkout, parked)
        except StaleCheckout:
            return await self._load(checkout.id)  # marked or taken over: whoever is due next goes on

    async def _lease(self, checkout_id: str, driver: str) -> Checkout:
        """Claim the row for this driver, unless somebody else drives it or it rests; answers the row."""
        checkout = await self._load(checkout_id)
        now = self._clock.now()
        if at_rest(checkout) or (checkout.due_at is not None and now < checkout.due_at):
            return checkout  # nothing to do, or somebody drives it, or it is parked until its outcome can be known
        leased = checkout.changed(lease_owner=driver, lease_until=now + LEASE, due_at=now + LEASE)
        try:
            return await self._write(checkout, leased)
        except StaleCheckout:
            return await self._load(checkout_id)

    async def _load(self, checkout_id: str) -> Checkout:
        async with self._units() as unit:
            checkout = await unit.checkouts.get(checkout_id)
        if checkout is None:
            raise AssertionError("a checkout that is driven exists")
        return checkout

    async def _give_back_hold(self, checkout: Checkout) -> None:
        try:
            # Whoever started it owns the hold still when their process died before it was handed over.
            for owner in {checkout.owner, checkout.started_by}:
                await self._holds.release(checkout.hold_id, owner=owner)
        except UpstreamUnavailable:
            log.warning("checkout.hold_not_released", checkout=checkout.id)  # it expires by itself

    def _lease_left(self, checkout: Checkout) -> timedelta:
        return (checkout.lease_until or self._clock.now()) - self._clock.now()

    def _deadline_passed(self, checkout: Checkout) -> bool:
        return checkout.confirm_deadline is not None and self._clock.now() >= checkout.confirm_deadline
