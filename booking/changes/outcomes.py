"""The outcome of an accepted change: returns the row, or raises the refusal that its caller gets."""

from collections.abc import Mapping

from booking.changes.model import ChangeEndReason, ChangeKind, ChangeState, RequestedChange
from booking.refusals import ClinicianNotBookable, Refusal, SlotTaken
from booking.refusals.changes import (
    CancellationNotAllowed,
    ChangedByPractice,
    ChangeFailed,
    NotAllowedReason,
    RescheduleNotAllowed,
)
from booking.refusals.memberships import MembershipChangedByPractice, MembershipChangeFailed

_ENDS: Mapping[str | None, type[Refusal]] = {
    ChangeEndReason.SLOT_TAKEN: SlotTaken,
    ChangeEndReason.CLINICIAN_NOT_BOOKABLE: ClinicianNotBookable,
    ChangeEndReason.PROVIDER_MISMATCH: ClinicianNotBookable,
    ChangeEndReason.CHANGED_BY_PRACTICE: ChangedByPractice,
}


def membership_outcome(change: RequestedChange) -> RequestedChange:
    """As `outcome`, of a change of a membership."""
    if change.state is ChangeState.SUPERSEDED:
        raise MembershipChangedByPractice
    if change.state is ChangeState.REFUSED:
        raise MembershipChangeFailed
    return change


def outcome(change: RequestedChange) -> RequestedChange:
    """Return the row if it is done, under way, or with a person; otherwise raise the refusal that says how it ended."""
    if change.state not in {ChangeState.REFUSED, ChangeState.SUPERSEDED}:
        return change
    if change.end_reason is ChangeEndReason.TOO_LATE:
        refusal = CancellationNotAllowed if change.kind is ChangeKind.CANCELLATION else RescheduleNotAllowed
        raise refusal(NotAllowedReason.OVER)
    raise _ENDS.get(change.end_reason, ChangeFailed)
