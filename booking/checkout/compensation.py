"""Compensation: undoes what a checkout began, in order: the visit, the recurring payment, the charge.

Each call is read back and idempotent. The same calls undo a late finding; its row then returns to how it had ended.
"""

from booking.checkout.credits import CreditLedger
from booking.checkout.invoices import none_left
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.money import Money
from booking.operations.model import AttentionReason
from booking.ports import Billing, Scheduling
from booking.refusals import ClinicianNotBookable


def escalate(checkout: Checkout, why: AttentionReason, refusal: Exception | None = None) -> Checkout:
    """Return the row on the attention list at needs_attention; one that had ended returns to its end, without a slot claim.

    A `refusal` for a permission that an API key lacks is a reason of its own beside `why`.
    """
    if checkout.late is not None:
        escalated = _late_done(checkout).flagged(why)
    else:
        escalated = checkout.changed(state=S.NEEDS_ATTENTION, attention_from=checkout.state).flagged(why)
    lacks_permission = isinstance(refusal, UpstreamRefused) and refusal.permission is not None
    return escalated.flagged(AttentionReason.NOT_PERMITTED) if lacks_permission else escalated


class Compensation:
    """The compensating steps; checkout/states.py says at which state each is taken. What upstream refuses is escalated."""

    def __init__(self, *, billing: Billing, scheduling: Scheduling, credit_ledger: CreditLedger) -> None:
        self._billing = billing
        self._scheduling = scheduling
        self._credit_ledger = credit_ledger

    async def delete_appointment(self, checkout: Checkout) -> Checkout:
        """Delete the visit; a charge is compensated next."""
        try:
            await self._scheduling.delete(checkout)
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.APPOINTMENT_NOT_DELETED, refusal)
        undone = none_left(checkout.changed(state=S.COMPENSATING if checkout.charge else S.CANCELLED))
        return await self._flag_credit(checkout, undone)

    async def _flag_credit(self, booked: Checkout, after: Checkout) -> Checkout:
        """Flag the credit of a deleted visit that the ledger does not show as given back: whether it is, is the practice's setting."""
        if not booked.quote.uses_credit or booked.patient_id is None:
            return after
        slot = booked.visit_slot
        account = await self._credit_ledger.account(
            booked.patient_id, slot.visit_type_id, clinician_id=slot.clinician_id
        )
        kept = account is not None and booked.appointment_id in account.uses
        return after.flagged(AttentionReason.CREDIT_NOT_GIVEN_BACK) if kept else after

    async def choose_compensation(self, checkout: Checkout) -> Checkout:
        """Go on to the refund, or first to the recurring payment that the charge began."""
        recurs = checkout.charge is not None and checkout.charge.recurring_payment_id is not None
        return checkout.changed(state=S.RECURRING_CANCEL_INTENDED if recurs else S.REFUND_INTENDED)

    async def cancel_recurring(self, checkout: Checkout) -> Checkout:
        """Cancel the recurring payment that the charge began."""
        try:
            await self._billing.cancel_recurring(checkout)
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.RECURRING_NOT_CANCELLED, refusal)
        return checkout.changed(state=S.RECURRING_CANCELLED)

    async def refund_next(self, checkout: Checkout) -> Checkout:
        """Go on to the refund."""
        return checkout.changed(state=S.REFUND_INTENDED)

    async def refund(self, checkout: Checkout) -> Checkout:
        """Refund the charge in full."""
        try:
            refunded = await self._refund_in_full(checkout)
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.REFUND_FAILED, refusal)
        return _flag_package(checkout, checkout.changed(state=S.REFUNDED, refunded=refunded))

    async def _refund_in_full(self, checkout: Checkout) -> Money:
        """Refund the checkout's charge and return the amount. Raises OutcomeUnknown unless all of it was refunded."""
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
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED, refusal)
        return await self._flag_credit(_as_found(checkout), _late_done(checkout))

    async def cancel_late_recurring(self, checkout: Checkout) -> Checkout:
        """Cancel the recurring payment of a charge that was found late."""
        try:
            await self._billing.cancel_recurring(_as_found(checkout))
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED, refusal)
        return checkout.changed(state=S.LATE_REFUND_INTENDED)

    async def refund_late_charge(self, checkout: Checkout) -> Checkout:
        """Refund a charge that was found late, in full."""
        found = _as_found(checkout)
        try:
            await self._refund_in_full(found)
        except (UpstreamRefused, ClinicianNotBookable) as refusal:
            return escalate(checkout, AttentionReason.LATE_UNDO_FAILED, refusal)
        return _flag_package(found, _late_done(checkout))


def _as_found(checkout: Checkout) -> Checkout:
    """Return the checkout with the late finding in place of its own charge and visit, as the ports expect it."""
    late = checkout.late
    if late is None:
        raise AssertionError("what is undone late was found")
    return checkout.changed(attempt=late.attempt, charge=late.charge, appointment_id=late.appointment_id)


def _late_done(checkout: Checkout) -> Checkout:
    late = checkout.late
    if late is None:
        raise AssertionError("what is undone late was found")
    return checkout.changed(state=late.ended_as, late=None, resolved_ids=(*checkout.resolved_ids, *late.ids))


def _flag_package(paid: Checkout, after: Checkout) -> Checkout:
    """Flag a refunded charge with a package: upstream leaves the package with the patient, so a person removes it."""
    remains = paid.charge is not None and paid.charge.package_id is not None
    return after.flagged(AttentionReason.PACKAGE_REMAINS) if remains else after
