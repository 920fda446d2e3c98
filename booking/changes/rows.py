"""What follows on a row: pure functions from a row to the row to be written next. Times are in UTC."""

from datetime import datetime

from booking.changes.model import (
    Action,
    ActionKind,
    ActionState,
    ChangeEndReason,
    ChangeState,
    RequestedChange,
)
from booking.changes.ports import CARD_MISSING, CHANGED_BY_PRACTICE
from booking.errors import UpstreamRefused
from booking.operations.model import AttentionReason
from booking.refusals import AmountNotChargeable, CardDeclined, ClinicianNotBookable, SlotTaken

# In the result of an action whose card was declined, before the DeclineReason.
DECLINED = "declined"

_REASONS = {
    CHANGED_BY_PRACTICE: ChangeEndReason.CHANGED_BY_PRACTICE,
    CARD_MISSING: ChangeEndReason.CARD_MISSING,
}


def current(change: RequestedChange) -> tuple[int, Action]:
    """The action that a driver works on. Raises AssertionError when there is none."""
    if (index := change.at) is None:
        raise AssertionError("a change that is driven has an action to do")
    return index, change.actions[index]


def with_intent(change: RequestedChange, *, now: datetime) -> RequestedChange:
    """Return the row with the intent of its next action, to be committed before that is sent; at its end, when all are done."""
    if change.state is not ChangeState.OPEN:
        return change
    if (index := change.at) is None:
        return change.changed(state=ChangeState.DONE)
    if change.actions[index].state is not ActionState.PENDING:
        return change
    return change.with_action(index, state=ActionState.INTENDED, intended_at=now).changed(tries=0)


def done(change: RequestedChange, *, now: datetime, **result: str) -> RequestedChange:
    """Return the row with its present action done; `result` are ids that upstream answered."""
    index, action = current(change)
    return change.with_action(
        index, state=ActionState.DONE, ended_at=now, result={**action.result, **result}
    ).changed(tries=0)


def refused(
    change: RequestedChange,
    refusal: Exception,
    *,
    attention: AttentionReason,
    takes_back: bool,
    now: datetime,
) -> RequestedChange:
    """Return the row after a certain refusal of its present action: nothing was done by it, and nothing will be.

    With nothing done before, the change ends. Else what was done is taken back, if the action is one that `takes_back`; or the
    change is for a person, for this reason.
    """
    index, action = current(change)
    why = {DECLINED: str(refusal.reason)} if isinstance(refusal, CardDeclined) else {}
    after = change.with_action(index, state=ActionState.FAILED, ended_at=now, result={**action.result, **why})
    if not after.begun:
        return _ended(after, end_reason(refusal))
    if takes_back:
        return taking_back(after, end_reason(refusal), now=now)
    return escalated(after, attention, refusal)


def stopped(
    change: RequestedChange, why: ChangeEndReason, *, attention: AttentionReason, takes_back: bool
) -> RequestedChange:
    """Return the row whose present action must not be sent (any more), and was not."""
    if not change.begun:
        return _ended(change, why)
    if takes_back:
        return taking_back(change, why)
    return escalated(change, attention)


def taking_back(
    change: RequestedChange, why: ChangeEndReason, *, now: datetime | None = None
) -> RequestedChange:
    """Return the row with the intent to undo the visit that it has booked."""
    index = next(n for n, action in enumerate(change.actions) if action.kind is ActionKind.BOOK_VISIT)
    return change.with_action(index, state=ActionState.UNDO_INTENDED, ended_at=now).changed(
        end_reason=why, tries=0
    )


def taken_back(change: RequestedChange, *, now: datetime) -> RequestedChange:
    """Return the row at its end, with nothing left of what it did."""
    index, _ = current(change)
    why = change.end_reason
    after = change.with_action(index, state=ActionState.UNDONE, ended_at=now)
    return _ended(after, why if isinstance(why, ChangeEndReason) else ChangeEndReason.REFUSED_UPSTREAM)


def escalated(
    change: RequestedChange, why: AttentionReason, refusal: Exception | None = None
) -> RequestedChange:
    """Return the row on the attention list. A `refusal` for a permission that a key lacks is a reason of its own beside `why`."""
    after = flagged(change.changed(state=ChangeState.NEEDS_ATTENTION), why)
    lacks_permission = isinstance(refusal, UpstreamRefused) and refusal.permission is not None
    return flagged(after, AttentionReason.NOT_PERMITTED) if lacks_permission else after


def flagged(change: RequestedChange, why: AttentionReason) -> RequestedChange:
    """Return the row with this reason among its reasons for attention."""
    return change if why in change.attention else change.changed(attention=(*change.attention, why))


def end_reason(refusal: Exception) -> ChangeEndReason:
    """What a refusal of the first action means for the whole change."""
    if isinstance(refusal, SlotTaken):
        return ChangeEndReason.SLOT_TAKEN
    if isinstance(refusal, ClinicianNotBookable):
        return ChangeEndReason.CLINICIAN_NOT_BOOKABLE
    if isinstance(refusal, CardDeclined):
        return ChangeEndReason.CARD_DECLINED
    if isinstance(refusal, AmountNotChargeable):
        return ChangeEndReason.AMOUNT_NOT_CHARGEABLE
    if isinstance(refusal, UpstreamRefused) and refusal.reason in _REASONS:
        return _REASONS[refusal.reason]
    return ChangeEndReason.REFUSED_UPSTREAM


def _ended(change: RequestedChange, why: ChangeEndReason) -> RequestedChange:
    superseded = why is ChangeEndReason.CHANGED_BY_PRACTICE
    return change.changed(state=ChangeState.SUPERSEDED if superseded else ChangeState.REFUSED, end_reason=why)
