"""Attribution: which observed changes of a visit are what its patient, or staff, requested here.

Such a change is made with the clinician's key, or the organisation's, so the system of record names its owner; the row says who asked.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from booking.changes.model import Action, ActionKind, ActionState, RequestedChange
from booking.events.model import EventName
from booking.models import AppointmentStatus
from booking.resources import Party, Snapshot, VisitState
from booking.sync.derivation import ObservedChange

# By how much the clocks of two processes may differ.
CLOCK_SKEW = timedelta(minutes=1)

_ACTIONS = {
    EventName.APPOINTMENT_CANCELLED: ActionKind.CANCEL_VISIT,
    EventName.APPOINTMENT_RESCHEDULED: ActionKind.MOVE_VISIT,
}


def may_be_requested(found: Sequence[ObservedChange], before: Snapshot) -> bool:
    """Whether the rows of requested changes have to be read for these: seldom, since most refreshes show none."""
    return before.seen_at is None or any(one.name in _ACTIONS for one in found)


def attributed(
    found: Sequence[ObservedChange],
    changes: Sequence[RequestedChange],
    *,
    before: Snapshot,
    after: VisitState,
) -> list[ObservedChange]:
    """The observed changes of a visit, with who requested them.

    A visit that was never read before does not show what has become of it; what was requested is added. `changes` are those of the visit.
    """
    requested = {name: _requester(name, changes, before=before, after=after) for name in _ACTIONS}
    events = [replace(one, by=requested.get(one.name) or one.by) for one in found]
    if before.seen_at is None:
        seen = {one.name for one in found}
        ids = {
            "appointment": before.resource.id,
            "patient": after.patient_id,
            "clinician": after.clinician_id,
        }
        events += [
            ObservedChange(name=name, ids={**ids, "checkout": after.checkout_id}, by=by)
            for name, by in requested.items()
            if by is not None and name not in seen
        ]
    return events


def _requester(
    name: EventName, changes: Sequence[RequestedChange], *, before: Snapshot, after: VisitState
) -> Party | None:
    """Who requested this since the visit was last read; None: nobody here."""
    for change in reversed(changes):
        action = change.action(_ACTIONS[name])
        if action is None or change.appointment_id != before.resource.id or not _is_since(action, before):
            continue
        # Somebody else has moved it to another time than the one that was requested, or let it take place after all.
        if _is_so(name, change, after):
            return Party.STAFF if change.by_staff else Party.PATIENT
    return None


def _is_since(action: Action, before: Snapshot) -> bool:
    """Whether it was made since the visit was last read. What is intended may have been made at any moment."""
    if action.state is ActionState.INTENDED:
        return True
    if action.state is not ActionState.DONE or action.ended_at is None:
        return False
    return before.seen_at is None or action.ended_at >= before.seen_at - CLOCK_SKEW


def _is_so(name: EventName, change: RequestedChange, after: VisitState) -> bool:
    """Whether the visit stands as it was requested."""
    if name is EventName.APPOINTMENT_CANCELLED:
        return after.status is AppointmentStatus.CANCELLED
    return change.new_slot is not None and change.new_slot.start == after.start
