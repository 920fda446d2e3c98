"""The writes of a process that drives checkouts: it takes a lease on a row, and each write renews it or gives it back.

A driver whose lease ran out can write nothing: every write expects the version that was read.
"""

import itertools
from datetime import datetime

import structlog

from booking.checkout.compensation import escalate
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation_schedule import due_next
from booking.checkout.timing import FREE_AGAIN, LEASE, MAX_TRIES, SETTLE, pause_after
from booking.checkout.transitions import CALLING, ENDED, TERMINAL, WAITING, at_rest, legal
from booking.checkout.writer import CheckoutWriter, entered
from booking.errors import AlreadyCounted, StaleCheckout, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.refusals import PaymentInProgress, SlotTaken

log = structlog.get_logger(__name__)


class LeasedWriter:
    """Writes rows for the drivers of one process; `name` is that process's, unique among all that drive."""

    def __init__(self, *, writer: CheckoutWriter, holds: HoldStore, clock: Clock, name: str) -> None:
        self._writer = writer
        self._holds = holds
        self._clock = clock
        self._name = name
        self._serial = itertools.count(1)

    async def load(self, checkout_id: str) -> Checkout:
        """The row, as it is now, of a checkout that exists."""
        return await self._writer.load(checkout_id)

    def new_driver(self) -> str:
        """A name for whoever is about to drive a row."""
        return f"{self._name}/{next(self._serial)}"

    async def lease(self, checkout: Checkout, *, now: datetime) -> tuple[Checkout, str]:
        """Claim the row; answers it, and its driver's name. Raises StaleCheckout when it is not as it was read."""
        driver = self.new_driver()
        leased = checkout.changed(lease_owner=driver, lease_until=now + LEASE, due_at=now + LEASE)
        return await self.write(checkout, leased), driver

    async def write(self, before: Checkout, after: Checkout) -> Checkout:
        """Write the row as it is given. Raises as `CheckoutWriter.write`."""
        return await self._writer.write(
            before, after, by=after.lease_owner or before.lease_owner or self._name
        )

    async def record(self, before: Checkout, after: Checkout) -> Checkout:
        """Write a transition, with what the row gets by it, and renew or give back the lease; an end gives the hold back.

        Raises StaleCheckout when the row is no longer this driver's; PaymentInProgress with the row at rest again.
        """
        try:
            saved = await self.write(before, self._stamped(before, after))
        except SlotTaken:
            return await self.record(
                before, before.changed(state=S.SLOT_LOST, end_reason=EndReason.SLOT_TAKEN)
            )
        except AlreadyCounted as refusal:
            log.exception("checkout.already_counted", checkout=before.id, what=refusal.what)
            return await self.record(before, _already_counted(before))
        except PaymentInProgress:
            rested = await self.record(
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
            await self.give_back_hold(saved)
        return saved

    async def park(self, checkout: Checkout, why: str) -> Checkout:
        """Put the row aside until what was sent has landed or never will; give up to a person when it never ends."""
        now = self._clock.now()
        tries = checkout.tries + 1
        log.warning("checkout.parked", checkout=checkout.id, state=checkout.state, tries=tries, why=why)
        gives_up = legal(checkout.state, S.NEEDS_ATTENTION) or checkout.late is not None
        if tries >= MAX_TRIES and gives_up:
            return await self.record(checkout, escalate(checkout, AttentionReason.OUT_OF_TRIES))
        parked = checkout.changed(
            tries=tries, updated_at=now, due_at=now + pause_after(tries), lease_owner=None, lease_until=None
        )
        try:
            return await self.write(checkout, parked)
        except StaleCheckout:
            return await self.load(checkout.id)  # marked or taken over: whoever is due next goes on

    async def park_again(self, checkout: Checkout, parked: Checkout) -> None:
        """Give the lease back, and leave the row due when it was; the patient's wish to cancel may have come in between."""
        current = await self.load(checkout.id)
        if current.lease_owner == checkout.lease_owner:
            again = current.changed(lease_owner=None, lease_until=None, due_at=parked.due_at)
            await self.write(current, again)

    async def give_back_hold(self, checkout: Checkout) -> bool:
        """Give the hold back; answers whether the hold store heard it. If not, a worker tries again."""
        try:
            # Whoever started it owns the hold still when their process died before it was handed over.
            await self._holds.release(checkout.hold_id, owners={checkout.owner, checkout.started_by})
        except UpstreamUnavailable:
            log.warning("checkout.hold_not_released", checkout=checkout.id)
            return False
        return True

    async def _record_after_mark(self, before: Checkout, after: Checkout) -> Checkout:
        """The one write that may come between a driver's own: the patient's wish to cancel. Raises StaleCheckout on any other.

        The outcome of a call is written all the same; where no call was out, the next step is chosen anew.
        """
        current = await self.load(before.id)
        marked = current.cancel_requested and not before.cancel_requested
        if not marked or current.lease_owner != before.lease_owner or current.state != before.state:
            raise StaleCheckout(before.id)
        if before.state not in CALLING:
            return current
        return await self.record(current, after.changed(version=current.version, cancel_requested=True))

    def _stamped(self, before: Checkout, after: Checkout) -> Checkout:
        """Times, tries and lease of the row that is about to be written."""
        now = self._clock.now()
        after = after.changed(updated_at=now)
        if after.state != before.state:
            after = entered(before, after, now=now)
        if not at_rest(after):
            return after.changed(lease_until=now + LEASE, due_at=now + LEASE)
        due = None
        if after.state in WAITING:
            due = max(after.due_at or now, now + SETTLE)
        elif after.state in TERMINAL:
            due = due_next(after, now=now) if before.state in ENDED else now + FREE_AGAIN
        elif after.state is S.NEEDS_ATTENTION:
            due = due_next(after, now=now)
        return after.changed(lease_owner=None, lease_until=None, due_at=due)


def _already_counted(checkout: Checkout) -> Checkout:
    """What upstream seems to have done for this checkout stands on another's row: nobody here can tell whose it is."""
    if checkout.state in TERMINAL:
        return checkout.changed(checks=checkout.checks + 1).flagged(AttentionReason.ALREADY_COUNTED)
    if checkout.state is S.CHARGE_INTENDED and checkout.end_reason is not None:
        # An operator has it undone, and what was looked for is the other one's: this one was not charged.
        return checkout.changed(state=S.CANCELLED)
    return escalate(checkout, AttentionReason.ALREADY_COUNTED)
