"""The outcome of an accepted change: returns the row, or raises the refusal that its caller gets."""

from collections.abc import Mapping

from booking.changes.model import ChangeEndReason, ChangeKind, ChangeState, RequestedChange
from booking.changes.rows import DECLINED
from booking.refusals import (
    AmountNotChargeable,
    CardDeclined,
    CardRequired,
    ClinicianNotBookable,
    DeclineReason,
    PaymentUnavailable,
    Refusal,
    SlotTaken,
)
from booking.refusals.changes import (
    CancellationNotAllowed,
    ChangedByPractice,
    ChangeFailed,
    NotAllowedReason,
    RescheduleNotAllowed,
)
from booking.refusals.invoices import InvoicePaid
from booking.refusals.memberships import MembershipChangedByPractice, MembershipChangeFailed

_ENDS: Mapping[str | None, type[Refusal]] = {
    ChangeEndReason.SLOT_TAKEN: SlotTaken,
    ChangeEndReason.CLINICIAN_NOT_BOOKABLE: ClinicianNotBookable,
    ChangeEndReason.PROVIDER_MISMATCH: ClinicianNotBookable,
    ChangeEndReason.CHANGED_BY_PRACTICE: ChangedByPractice,
}

_UNPAID: Mapping[str | None, type[Refusal]] = {
    ChangeEndReason.INVOICE_PAID: InvoicePaid,
    ChangeEndReason.CARD_MISSING: CardRequired,
    ChangeEndReason.AMOUNT_NOT_CHARGEABLE: AmountNotChargeable,
}


def membership_outcome(change: RequestedChange) -> RequestedChange:
    """As `outcome`, of a change of a membership."""
    if change.state is ChangeState.SUPERSEDED:
        raise MembershipChangedByPractice
    if change.state is ChangeState.REFUSED:
        raise MembershipChangeFailed
    return change


def invoice_outcome(change: RequestedChange) -> RequestedChange:
    """As `outcome`, of a payment of an invoice: nothing was charged by one that has ended. One that the practice changed is returned."""
    if change.state is not ChangeState.REFUSED:
        return change
    if change.end_reason is ChangeEndReason.CARD_DECLINED:
        raise CardDeclined(decline_reason(change))
    raise _UNPAID.get(change.end_reason, PaymentUnavailable)


def decline_reason(change: RequestedChange) -> DeclineReason:
    """Why the card was declined, as far as this version knows the reason."""
    (reason, *_) = [one.result[DECLINED] for one in change.actions if DECLINED in one.result] or [""]
    known = reason in set(DeclineReason)
    return DeclineReason(reason) if known else DeclineReason.TRY_ANOTHER_CARD


def outcome(change: RequestedChange) -> RequestedChange:
    """Return the row if it is done, under way, or with a person; otherwise raise the refusal that says how it ended."""
    if change.state not in {ChangeState.REFUSED, ChangeState.SUPERSEDED}:
        return change
    if change.end_reason is ChangeEndReason.TOO_LATE:
        refusal = CancellationNotAllowed if change.kind is ChangeKind.CANCELLATION else RescheduleNotAllowed
        raise refusal(NotAllowedReason.OVER)
    raise _ENDS.get(change.end_reason, ChangeFailed)
