"""Leases on checkout rows: a driver takes one before its first step, and each of its writes renews it or gives it back.

Fencing: a driver whose lease was taken over can write nothing, since taking over has moved the row's version on.
"""

import itertools
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Protocol, TypeAlias

import structlog

from booking.checkout.compensation import escalate
from booking.checkout.model import Checkout, EndReason
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation_schedule import due_next
from booking.checkout.timing import LEASE, MAX_TRIES, RELEASE_AGAIN, SETTLE, pause_after
from booking.checkout.transitions import CALLING, ENDED, TERMINAL, WAITING, at_rest, legal
from booking.checkout.writer import CheckoutWriter, entered
from booking.errors import AlreadyCounted, StaleCheckout, UpstreamUnavailable
from booking.operations.model import AttentionReason
from booking.ports import Clock, HoldStore
from booking.refusals import PaymentInProgress, SlotTaken

log = structlog.get_logger(__name__)

# Answers the row that follows from another one without a call, or None.
Onward: TypeAlias = Callable[[Checkout], Checkout | None]


class _Write(Protocol):
    async def __call__(self, before: Checkout, *rows: Checkout) -> Checkout: ...


def _nowhere(_: Checkout) -> None:
    return None


class LeasedWriter:
    """Writes rows for the drivers of one process; `name` is the process's, unique among all processes that drive."""

    def __init__(self, *, writer: CheckoutWriter, holds: HoldStore, clock: Clock, name: str) -> None:
        self._writer = writer
        self._holds = holds
        self._clock = clock
        self._name = name
        self._serial = itertools.count(1)

    async def load(self, checkout_id: str) -> Checkout:
        """Read the current row; the checkout must exist (AssertionError)."""
        return await self._writer.load(checkout_id)

    def new_driver(self) -> str:
        """Return a new lease owner name, unique for this drive."""
        return f"{self._name}/{next(self._serial)}"

    async def lease(
        self, checkout: Checkout, *, now: datetime, onward: Onward = _nowhere
    ) -> tuple[Checkout, str]:
        """Take the lease; returns the row and the lease owner. Raises StaleCheckout when the row's version has moved on.

        What follows by `onward` is written with it, as in `record`.
        """
        driver = self.new_driver()
        leased = checkout.changed(lease_owner=driver, lease_until=now + LEASE, due_at=now + LEASE)
        return await self._write_onward(checkout, leased, onward), driver

    async def accept(
        self, before: Checkout, accepted: Checkout, *, now: datetime, onward: Onward = _nowhere
    ) -> Checkout:
        """Write a patient's confirm and take the lease with it, as `lease` does. Raises StaleCheckout."""
        leased = accepted.changed(lease_owner=self.new_driver(), lease_until=now + LEASE, due_at=now + LEASE)
        return await self._write_onward(before, leased, onward, write=self._write_accepted)

    async def write(self, before: Checkout, *rows: Checkout) -> Checkout:
        """Write rows that follow one another, with the lease as it is. Raises as `CheckoutWriter.write`."""
        driver = next((row.lease_owner for row in rows if row.lease_owner is not None), before.lease_owner)
        return await self._writer.write(before, *rows, by=driver or self._name)

    async def record(self, before: Checkout, after: Checkout, *, onward: Onward = _nowhere) -> Checkout:
        """Write a transition, and renew the lease, or release it when the row rests then; after an end the hold is released.

        What follows from the row by `onward` is written in the same transaction, and the last row returned. If that is refused,
        for whatever reason, the transition is written alone: the outcome of a call is kept, whatever becomes of the next.

        A conflict with another row becomes a transition too: a lost slot claim ends at slot_lost, a charge or visit that
        another row has is escalated. Raises StaleCheckout when another driver has taken the row over; PaymentInProgress,
        with the row at rest.
        """
        try:
            return await self._write_onward(before, self._with_times(before, after), onward)
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
            return await self._record_after_cancel_request(before, after)

    async def park(self, checkout: Checkout, why: str) -> Checkout:
        """Park the row until what was sent has landed or never will; after MAX_TRIES escalate it instead."""
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
            return await self.load(checkout.id)  # cancel requested, or taken over: the next driver goes on

    async def park_again(self, checkout: Checkout, parked: Checkout) -> None:
        """Release the lease with the row's former due time; a cancel request that came in between is kept."""
        current = await self.load(checkout.id)
        if current.lease_owner == checkout.lease_owner:
            again = current.changed(lease_owner=None, lease_until=None, due_at=parked.due_at)
            await self.write(current, again)

    async def release_hold(self, checkout: Checkout) -> bool:
        """Release the hold; returns whether the hold store confirmed it, or there is none. If not, a worker tries again."""
        if checkout.slot is None:
            return True
        try:
            # The principal that started it still owns the hold when the process died before transferring it.
            await self._holds.release(checkout.hold_id, owners={checkout.owner, checkout.started_by})
        except UpstreamUnavailable:
            log.warning("checkout.hold_not_released", checkout=checkout.id)
            return False
        return True

    async def _record_after_cancel_request(self, before: Checkout, after: Checkout) -> Checkout:
        """Accept a cancel request, the only write that may come between a driver's own. Raises StaleCheckout on any other.

        The outcome of a call is written with the request kept; if no call was out, the row is returned for a new choice
        of step.
        """
        current = await self.load(before.id)
        cancel_came = current.cancel_requested and not before.cancel_requested
        if not cancel_came or current.lease_owner != before.lease_owner or current.state != before.state:
            raise StaleCheckout(before.id)
        if before.state not in CALLING:
            return current
        return await self.record(current, after.changed(version=current.version, cancel_requested=True))

    async def _write_accepted(self, before: Checkout, *rows: Checkout) -> Checkout:
        return await self._writer.write_accepted(before, *rows, by=rows[0].lease_owner or self._name)

    async def _write_onward(
        self, before: Checkout, after: Checkout, onward: Onward, *, write: _Write | None = None
    ) -> Checkout:
        """Write the row, with all that follows from it, or alone; after an end release the hold. Raises as `write`."""
        rows = [after]
        while (following := onward(rows[-1])) is not None:
            rows.append(self._with_times(rows[-1], following))
        write = write or self.write
        try:
            saved = await write(before, *rows)
        except (SlotTaken, AlreadyCounted, PaymentInProgress, StaleCheckout):
            if len(rows) == 1:
                raise
            del rows[1:]
            saved = await write(before, after)
        for left, entered_at in pairwise((before, *rows)):
            log.info(
                "checkout.moved",
                checkout=saved.id,
                before=left.state,
                after=entered_at.state,
                attempt=saved.attempt,
            )
        if saved.state in TERMINAL:
            await self.release_hold(saved)
        return saved

    def _with_times(self, before: Checkout, after: Checkout) -> Checkout:
        """Return the row with its times, tries, lease and due time as they are to be written."""
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
            due = due_next(after, now=now) if before.state in ENDED else now + RELEASE_AGAIN
        elif after.state is S.NEEDS_ATTENTION:
            due = due_next(after, now=now)
        return after.changed(lease_owner=None, lease_until=None, due_at=due)


def _already_counted(checkout: Checkout) -> Checkout:
    """Return the row escalated: another row has the charge or visit that was found, and no machine can tell whose it is."""
    if checkout.state in TERMINAL:
        return checkout.changed(checks=checkout.checks + 1).flagged(AttentionReason.ALREADY_COUNTED)
    if checkout.state is S.CHARGE_INTENDED and checkout.end_reason is not None:
        # An operator ends it, and the charge that was found belongs to the other row: this one was not charged.
        return checkout.changed(state=S.CANCELLED)
    return escalate(checkout, AttentionReason.ALREADY_COUNTED)
