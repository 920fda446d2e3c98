"""Writing checkouts: versioned, with the slot claim, the story and the alerts of the move in the same transaction."""

from datetime import datetime, timedelta

import structlog

from booking.checkout.compensation import escalate
from booking.checkout.history import record_transition
from booking.checkout.model import Attempt, Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation_schedule import due_next
from booking.checkout.steps import SETTLE
from booking.checkout.transitions import BEFORE_MONEY, CALLING, CLAIMING, ENDED, TERMINAL, WAITING, legal
from booking.errors import AlreadyCounted, StaleCheckout, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.refusals import PaymentInProgress, SlotTaken
from booking.unit_of_work import UnitOfWork, UnitOfWorkFactory

# Longer than the longest step (`booking.checkout.saga.STEP_BUDGET`), with time to write what came of it.
LEASE = timedelta(seconds=90)

# After the end a worker gives the hold back once more: whoever has not done it by then died right after the commit.
FREE_AGAIN = timedelta(seconds=5)

log = structlog.get_logger(__name__)


def at_rest(checkout: Checkout) -> bool:
    """Whether nothing is to be done until the patient, or an operator, acts."""
    waits = checkout.state in WAITING and checkout.confirm_deadline is None and not checkout.cancel_requested
    return waits or checkout.state in TERMINAL or checkout.state is S.NEEDS_ATTENTION


class CheckoutWriter:
    """The writes of one process that drives; each expects the version that was read."""

    def __init__(self, *, units: UnitOfWorkFactory, holds: HoldStore, clock: Clock, name: str) -> None:
        self._units = units
        self._holds = holds
        self._clock = clock
        self._name = name  # of this process; unique among all that drive

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
        except AlreadyCounted as refusal:
            log.exception("checkout.already_counted", checkout=before.id, what=refusal.what)
            return await self._record(before, _already_counted(before))
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
            saved = await unit.checkouts.save(after, was=before)
            await record_transition(
                unit, before, saved, by=after.lease_owner or before.lease_owner or self._name
            )
            await unit.commit()
        return saved

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
        return await self._record(current, after.changed(version=current.version, cancel_requested=True))

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

    async def load(self, checkout_id: str) -> Checkout:
        """The row of a checkout that is driven, as it is now."""
        async with self._units() as unit:
            return await existing(unit, checkout_id)

    async def _give_back_hold(self, checkout: Checkout) -> bool:
        """Give the hold back; answers whether the hold store heard it. If not, a worker tries again."""
        try:
            # Whoever started it owns the hold still when their process died before it was handed over.
            await self._holds.release(checkout.hold_id, owners={checkout.owner, checkout.started_by})
        except UpstreamUnavailable:
            log.warning("checkout.hold_not_released", checkout=checkout.id)
            return False
        return True


async def existing(unit: UnitOfWork, checkout_id: str) -> Checkout:
    """The row of a checkout that is driven."""
    checkout = await unit.checkouts.get(checkout_id)
    if checkout is None:
        raise AssertionError("a checkout that is driven exists")
    return checkout


def entered(before: Checkout, after: Checkout, *, now: datetime) -> Checkout:
    """What the row gets by entering another state."""
    calling = after.state in CALLING
    after = after.changed(tries=0, intended_at=now if calling else None)
    if calling and after.state in CLAIMING and before.state in BEFORE_MONEY:
        charged = None if after.quote.due_today.is_zero else after.card_id
        tried = Attempt(number=after.attempt, card_id=charged, intended_at=now)
        after = after.changed(attempts=(*after.attempts, tried))
    if after.state in TERMINAL:
        # Who they are and how they paid is upstream's to keep. A card that nobody has judged was not declined.
        declined = None if after.card_unjudged else after.declined
        after = after.changed(guest=None, email_code=None, card=None, declined=declined)
    if after.state in TERMINAL | {S.NEEDS_ATTENTION} and before.state not in ENDED:
        after = after.changed(ended_at=now, checks=0)
    return after


def _already_counted(checkout: Checkout) -> Checkout:
    """What upstream seems to have done for this checkout stands on another's row: nobody here can tell whose it is."""
    if checkout.state in TERMINAL:
        return checkout.changed(checks=checkout.checks + 1).flagged(AttentionReason.ALREADY_COUNTED)
    if checkout.state is S.CHARGE_INTENDED and checkout.end_reason is not None:
        # An operator has it undone, and what was looked for is the other one's: this one was not charged.
        return checkout.changed(state=S.CANCELLED)
    return escalate(checkout, AttentionReason.ALREADY_COUNTED)
