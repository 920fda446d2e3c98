"""Undoing what was begun, in order: the visit, the recurring payment, the charge. Each call reads back, and is safe to repeat.

The same calls undo a late finding; such a row goes back to how it had ended.
"""

from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.ports import Billing, Scheduling
from booking.refusals import ClinicianNotBookable


def escalate(checkout: Checkout, why: AttentionReason) -> Checkout:
    """The row in a person's hands; one that had ended stays ended, without a claim."""
    if checkout.late is not None:
        return _late_done(checkout).flagged(why)
    return checkout.changed(state=S.NEEDS_ATTENTION, attention_from=checkout.state).flagged(why)


class Compensation:
    """The steps that undo; at which state each is taken stands in checkout/states.py."""

    def __init__(self, *, billing: Billing, scheduling: Scheduling) -> None:
        self._billing = billing
        self._scheduling = scheduling

    async def delete_appointment(self, checkout: Checkout) -> Checkout:
        """Delete the visit; what was paid for it is next."""
        try:
            await self._scheduling.delete(checkout)
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.APPOINTMENT_NOT_DELETED)
        return checkout.changed(state=S.COMPENSATING if checkout.charge else S.CANCELLED)

    async def choose_compensation(self, checkout: Checkout) -> Checkout:
        """What was paid goes back; a recurring payment that it began is stopped before."""
        recurs = checkout.charge is not None and checkout.charge.recurring_payment_id is not None
        return checkout.changed(state=S.RECURRING_CANCEL_INTENDED if recurs else S.REFUND_INTENDED)

    async def cancel_recurring(self, checkout: Checkout) -> Checkout:
        """Stop the recurring payment that the charge began."""
        try:
            await self._billing.cancel_recurring(checkout)
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.RECURRING_NOT_CANCELLED)
        return checkout.changed(state=S.RECURRING_CANCELLED)

    async def refund_next(self, checkout: Checkout) -> Checkout:
        """The recurring payment is stopped: the charge is next."""
        return checkout.changed(state=S.REFUND_INTENDED)

    async def refund(self, checkout: Checkout) -> Checkout:
        """Refund the charge in full."""
        try:
            refunded = await self._refund_in_full(checkout)
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.REFUND_FAILED)
        return _noting_package(checkout, checkout.changed(state=S.REFUNDED, refunded=refunded))

    async def _refund_in_full(self, checkout: Checkout) -> Money:
        """Refund the checkout's charge, and answer what came of it. Raises OutcomeUnknown unless that is all of it."""
        if checkout.charge is None:
            raise AssertionError("what is refunded was charged")
        refunded = await self._billing.refund(checkout)
        if refunded != checkout.charge.net:
            raise OutcomeUnknown("the refund is not what was charged")
        return refunded

    async def delete_late_visit(self, checkout: Checkout) -> Checkout:
        """Delete a visit that was found late."""
        try:
            await self._scheduling.delete(_as_found(checkout))
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED)
        return _late_done(checkout)

    async def cancel_late_recurring(self, checkout: Checkout) -> Checkout:
        """Stop the recurring payment of a charge that was found late."""
        try:
            await self._billing.cancel_recurring(_as_found(checkout))
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED)
        return checkout.changed(state=S.LATE_REFUND_INTENDED)

    async def refund_late_charge(self, checkout: Checkout) -> Checkout:
        """Refund a charge that was found late, in full."""
        found = _as_found(checkout)
        try:
            await self._refund_in_full(found)
        except (UpstreamRefused, ClinicianNotBookable):
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED)
        return _noting_package(found, _late_done(checkout))


def _as_found(checkout: Checkout) -> Checkout:
    """The checkout as if the late finding were its charge or visit: what a call that undoes needs to see."""
    late = checkout.late
    if late is None:
        raise AssertionError("what is undone late was found")
    return checkout.changed(attempt=late.attempt, charge=late.charge, appointment_id=late.appointment_id)


def _late_done(checkout: Checkout) -> Checkout:
    late = checkout.late
    if late is None:
        raise AssertionError("what is undone late was found")
    return checkout.changed(state=late.ended_as, late=None, resolved_ids=(*checkout.resolved_ids, *late.ids))


def _noting_package(paid: Checkout, after: Checkout) -> Checkout:
    """A refund leaves the package of the plan with the patient; a person takes it back."""
    remains = paid.charge is not None and paid.charge.package_id is not None
    return after.flagged(AttentionReason.PACKAGE_REMAINS) if remains else after
