"""Looks after the end of a change of a visit, for a call of its that landed late.

Upstream executes what it was sent within SETTLE, nearly always; what a proxy or a queue kept for longer lands when nobody waits for it.
Nothing in a call to move or to cancel a visit says how the visit stood, so a late one overwrites what was done since: the
patient's next change, or the practice's own. A late booking makes a visit that nobody wants.

Only a change whose call was looked for is looked after: of any other each call was answered. The looks are scheduled as those of a
checkout (checkout/reconciliation_schedule.py). What a late booking made is deleted, since it names the change; for the rest
a person is told, because nothing tells whether the practice has set it so.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from booking.changes.guards import is_at
from booking.changes.model import ActionKind, ActionState, ChangeState, RequestedChange
from booking.changes.ports import VisitChanges, Visits
from booking.changes.rows import current, flagged
from booking.changes.visit import VisitAsStands
from booking.checkout.reconciliation_schedule import CHECK_AGAIN, CHECKED_ENOUGH, CHECKS_AFTER
from booking.checkout.timing import RELEASE_AGAIN
from booking.models import AppointmentStatus
from booking.operations.model import AttentionReason

log = structlog.get_logger(__name__)

_OF_VISITS = frozenset({ActionKind.MOVE_VISIT, ActionKind.BOOK_VISIT, ActionKind.CANCEL_VISIT})

# In the result of an action: a driver has looked for its outcome, so one of its calls may be still on the way.
_LOOKED_FOR = "looked_for"


def looked_for(change: RequestedChange) -> RequestedChange:
    """Return the row with the note that its present action was looked for, if it is one that changes a visit."""
    index, action = current(change)
    if action.kind not in _OF_VISITS:
        return change
    return change.with_action(index, result={**action.result, _LOOKED_FOR: "yes"})


def follow_up_at(change: RequestedChange, *, now: datetime) -> datetime | None:
    """When a worker takes up the change that ends now; None: never."""
    if change.hold_id is not None:
        return now + RELEASE_AGAIN
    return next_check(change.changed(ended_at=now), now=now)


def next_check(change: RequestedChange, *, now: datetime) -> datetime | None:
    """When the ended change is looked after next; None: never, or not any more."""
    if change.ended_at is None or not any(_was_looked_for(change, kind) for kind in _OF_VISITS):
        return None
    return next((at for pause in CHECKS_AFTER if (at := change.ended_at + pause) > now), None)


def is_due(change: RequestedChange, *, now: datetime) -> bool:
    """Whether the ended change is to be looked after now; before, a worker comes only for its hold."""
    return (
        change.ended_at is not None and change.due_at is not None and now >= change.ended_at + CHECKS_AFTER[0]
    )


def looked_in_vain(change: RequestedChange, *, now: datetime) -> RequestedChange:
    """Return the row after a look that failed: it is repeated, and after days a person is told."""
    if change.ended_at is not None and now >= change.ended_at + CHECKED_ENOUGH:
        return flagged(change, AttentionReason.LATE_CHECK_FAILED).changed(due_at=None, updated_at=now)
    return change.changed(due_at=now + CHECK_AGAIN)


class LateLooks:
    """Compares the visit with what its changes say."""

    def __init__(self, *, visits: Visits, visit_changes: VisitChanges) -> None:
        self._visits = visits
        self._visit_changes = visit_changes

    async def look(
        self, change: RequestedChange, changes: Sequence[RequestedChange], *, now: datetime
    ) -> RequestedChange:
        """Return the row to be written; `changes` are all of the visit, the first one first.

        Raises UpstreamUnavailable, UpstreamRefused, OutcomeUnknown.
        """
        after = change
        if _was_looked_for(change, ActionKind.BOOK_VISIT):
            after = await self._delete_second_visit(change, now=now)
        visit = await self._visits.stands(change.visit_id, clinician_id=change.visit_slot.clinician_id)
        if visit is not None and _landed_late(change, visit, changes):
            after = flagged(after, AttentionReason.CHANGE_LANDED_LATE)
        if after.attention == change.attention:
            return after.changed(due_at=next_check(change, now=now))
        return after.changed(due_at=None, updated_at=now)

    async def _delete_second_visit(self, change: RequestedChange, *, now: datetime) -> RequestedChange:
        """Delete a visit that names the change and is not the one that it has booked."""
        found = await self._visit_changes.find_booked(change)
        wanted = change.new_appointment_id if change.state is ChangeState.DONE else None
        if found is None or found.id == wanted or found.status is not AppointmentStatus.BOOKED:
            return change
        log.warning("change.booked_late", change=change.id)
        if found.start <= now:
            return flagged(change, AttentionReason.CHANGE_LANDED_LATE)
        await self._visit_changes.delete_booked(change.changed(new_appointment_id=found.id))
        return change


def _landed_late(change: RequestedChange, visit: VisitAsStands, changes: Sequence[RequestedChange]) -> bool:
    """Whether the visit stands as a call of this change would have left it, and as no change says that it is."""
    if visit.deleted or any(not each.ended for each in changes):
        return False
    done = [
        each for each in changes if each.state is ChangeState.DONE and each.appointment_id == change.visit_id
    ]
    if visit.appointment.status is AppointmentStatus.CANCELLED:
        cancelled = any(_is_done(each, ActionKind.CANCEL_VISIT) for each in done)
        return _was_looked_for(change, ActionKind.CANCEL_VISIT) and not cancelled
    if (
        not _was_looked_for(change, ActionKind.MOVE_VISIT)
        or visit.appointment.status is not AppointmentStatus.BOOKED
    ):
        return False
    moves = [each.new_slot for each in done if _is_done(each, ActionKind.MOVE_VISIT)]
    stands_there = change.new_slot is not None and is_at(visit, change.new_slot)
    return stands_there and (not moves or moves[-1] is None or not is_at(visit, moves[-1]))


def _was_looked_for(change: RequestedChange, kind: ActionKind) -> bool:
    action = change.action(kind)
    return action is not None and _LOOKED_FOR in action.result


def _is_done(change: RequestedChange, kind: ActionKind) -> bool:
    action = change.action(kind)
    return action is not None and action.state is ActionState.DONE
