"""The steps and looks of requested changes. changes/actions.py says which belongs to which action; changes/driver.py calls them.

A step makes one change upstream, never inside a transaction, and returns the row to be written next. It lets refusals pass, which
the driver writes, and OutcomeUnknown and UpstreamUnavailable, on which the driver parks the row.

A look reads upstream what became of an action that another driver, or an earlier try, has intended. It returns the row to be
written next, or None when nothing landed.
"""

from booking.changes.guards import is_at
from booking.changes.membership import MembershipAsStands, bills_next_as, paused_result
from booking.changes.model import ChangeEndReason, RequestedChange
from booking.changes.ports import ChangePayments, Credits, MembershipChanges, VisitChanges, Visits
from booking.changes.rows import current, done, flagged, taking_back
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Appointment, AppointmentStatus
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.ports import Clock

# So often the ledger is read again, after a pause each time, before its silence is believed.
CREDIT_TRIES = 3


class ChangeSteps:
    """One step an action, and a look for each that the system of record does not make idempotent by itself."""

    def __init__(
        self,
        *,
        visits: Visits,
        visit_changes: VisitChanges,
        payments: ChangePayments,
        credit_ledger: Credits,
        membership_changes: MembershipChanges,
        clock: Clock,
    ) -> None:
        self._visits = visits
        self._visit_changes = visit_changes
        self._payments = payments
        self._credit_ledger = credit_ledger
        self._membership_changes = membership_changes
        self._clock = clock

    async def cancel(self, change: RequestedChange) -> RequestedChange:
        """Cancel the visit."""
        await self._visit_changes.cancel(change)
        return done(change, now=self._clock.now())

    async def look_for_cancellation(self, change: RequestedChange) -> RequestedChange | None:
        """A visit that is found cancelled after our intent counts as cancelled by us: its patient gets what they accepted."""
        visit = await self._visits.stands(change.visit_id, clinician_id=change.visit_slot.clinician_id)
        cancelled = visit is not None and visit.appointment.status is AppointmentStatus.CANCELLED
        return done(change, now=self._clock.now()) if cancelled else None

    async def move(self, change: RequestedChange) -> RequestedChange:
        """Move the visit to the new slot."""
        await self._visit_changes.move(change)
        return done(change, now=self._clock.now())

    async def look_for_move(self, change: RequestedChange) -> RequestedChange | None:
        """Whether the visit is in the new slot, and at its place.

        Raises OutcomeUnknown when it is there at another place: moved in part, or changed by the practice since.
        """
        slot = change.new_slot
        visit = await self._visits.stands(change.visit_id, clinician_id=change.visit_slot.clinician_id)
        if visit is None or visit.deleted or slot is None or not is_at(visit, slot):
            return None
        if slot.location_id in (None, visit.appointment.location_id):
            return done(change, now=self._clock.now())
        if slot.start == change.visit_slot.start:  # only the place was to change, and it has not
            return None
        raise OutcomeUnknown("the visit is at the new time, but at another place")

    async def book(self, change: RequestedChange) -> RequestedChange:
        """Book a visit in the new slot, and compare what was read back with what was asked."""
        return self._booked(change, await self._visit_changes.book(change))

    async def look_for_booking(self, change: RequestedChange) -> RequestedChange | None:
        """Find the visit by the change's reference."""
        visit = await self._visit_changes.find_booked(change)
        return self._booked(change, visit) if visit is not None else None

    def _booked(self, change: RequestedChange, visit: Appointment) -> RequestedChange:
        now, slot = self._clock.now(), change.new_slot
        after = done(change, now=now, appointment_id=visit.id).changed(new_appointment_id=visit.id)
        if slot is None or (visit.clinician_id, visit.start) != (slot.clinician_id, slot.start):
            return taking_back(after, ChangeEndReason.PROVIDER_MISMATCH, now=now)
        return flagged(after, AttentionReason.OPEN_INVOICE) if visit.open_invoice is not None else after

    async def delete_booked(self, change: RequestedChange) -> None:
        """Delete the visit that was booked."""
        await self._visit_changes.delete_booked(change)

    async def stop_recurring(self, change: RequestedChange) -> RequestedChange:
        """End the recurring payment."""
        await self._payments.stop_recurring(change)
        return done(change, now=self._clock.now())

    async def pause_recurring(self, change: RequestedChange) -> RequestedChange:
        """Pause the membership."""
        return self._paused(change, await self._membership_changes.pause(change))

    async def look_for_pause(self, change: RequestedChange) -> RequestedChange | None:
        """A membership that is found paused after our intent counts as paused by us."""
        membership = await self._membership_changes.standing(change)
        if membership is None or membership.is_ended or not membership.is_paused:
            return None
        return self._paused(change, membership)

    def _paused(self, change: RequestedChange, membership: MembershipAsStands) -> RequestedChange:
        return done(change, now=self._clock.now(), **paused_result(membership))

    async def resume_recurring(self, change: RequestedChange) -> RequestedChange:
        """Resume the membership."""
        return self._resumed(change, await self._membership_changes.resume(change))

    async def look_for_resumption(self, change: RequestedChange) -> RequestedChange | None:
        """A membership that is found resumed after our intent counts as resumed by us."""
        membership = await self._membership_changes.standing(change)
        if membership is None or membership.is_ended or membership.is_paused:
            return None
        return self._resumed(change, membership)

    def _resumed(self, change: RequestedChange, membership: MembershipAsStands) -> RequestedChange:
        """With another next payment than was accepted, a person looks after it: it bills on either way."""
        after = done(change, now=self._clock.now())
        return (
            after if bills_next_as(membership, change) else flagged(after, AttentionReason.RESUMED_OTHERWISE)
        )

    async def refund(self, change: RequestedChange) -> RequestedChange:
        """Give back what was accepted. More may have been given back since, by the practice; less is not believed."""
        index, action = current(change)
        if action.amount is None:
            raise AssertionError("what is given back has an amount")
        refunded = await self._payments.refund(change, index)
        if refunded.amount < owed(change, action.amount).amount:
            raise OutcomeUnknown("less is given back than was accepted")
        return done(change, now=self._clock.now(), refunded=str(refunded.amount))

    async def charge_fee(self, change: RequestedChange) -> RequestedChange:
        """Charge the fee."""
        index, _ = current(change)
        return self._charged(change, await self._payments.charge_fee(change, index))

    async def look_for_fee(self, change: RequestedChange) -> RequestedChange | None:
        """Find the charge of the fee."""
        index, _ = current(change)
        payment_id = await self._payments.find_fee(change, index)
        return self._charged(change, payment_id) if payment_id is not None else None

    def _charged(self, change: RequestedChange, payment_id: str) -> RequestedChange:
        return done(change, now=self._clock.now(), payment_id=payment_id)

    async def read_credit(self, change: RequestedChange) -> RequestedChange:
        """Read whether the credit was given back, as the quote said. What the ledger does not show in time is for a person."""
        if not await self._credit_ledger.given_back(change):
            if change.tries < CREDIT_TRIES:
                raise OutcomeUnknown("the ledger does not show the credit yet")
            raise UpstreamRefused("read_credit", "not_given_back")
        return done(change, now=self._clock.now())


def owed(change: RequestedChange, amount: Money) -> Money:
    """What is given back of the payment in all, once this amount is."""
    return amount if change.refunded_before is None else change.refunded_before + amount
