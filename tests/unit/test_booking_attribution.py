"""Who a change of a visit is put down to: the patient or staff who requested it here, else whom the system of record names."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.changes.model import Action, ActionKind, ActionState, ChangeState, RequestedChange
from booking.events.model import EventName
from booking.models import AppointmentStatus
from booking.resources import Kind, Party, Resource, Snapshot, VisitState
from booking.sync.attribution import attributed, may_be_requested
from booking.sync.derivation import NEWS, diff
from tests.doubles.resource_samples import NOW, VISIT
from tests.integration.change_samples import a_cancellation, a_reschedule
from tests.integration.database_samples import a_slot

CANCELLED, RESCHEDULED = EventName.APPOINTMENT_CANCELLED, EventName.APPOINTMENT_RESCHEDULED
BOOKED = replace(VISIT, changed_by=Party.CLINICIAN, created_at=NOW - NEWS - timedelta(days=9))
GONE = replace(BOOKED, status=AppointmentStatus.CANCELLED, status_changed_at=None)
LATER = NOW + timedelta(days=5)
MOVED = replace(BOOKED, start=LATER)
AN_HOUR_AGO = NOW - timedelta(hours=1)


def a_snapshot(state: VisitState | None = BOOKED) -> Snapshot:
    seen_at = AN_HOUR_AGO if state is not None else None
    return Snapshot(resource=Resource(kind=Kind.VISIT, id="7"), version=1, state=state, seen_at=seen_at)


def requested(kind: ActionKind, **changes: object) -> RequestedChange:
    """A change of the visit that is done since it was last read."""
    values: dict[str, object] = {"state": ActionState.DONE, "intended_at": NOW, "ended_at": NOW} | changes
    by_staff = bool(values.pop("by_staff", False))
    action = Action(kind=kind, **values)  # type: ignore[arg-type]  # names as in Action
    if kind is ActionKind.CANCEL_VISIT:
        return a_cancellation(appointment_id="7", actions=(action,), by_staff=by_staff)
    return a_reschedule(to=a_slot(start=LATER), appointment_id="7", actions=(action,), by_staff=by_staff)


def events(
    before: Snapshot, after: VisitState, *changes: RequestedChange
) -> list[tuple[EventName, Party | None]]:
    found = diff(before, after, merged=False, now=NOW)
    if may_be_requested(found, before):
        found = attributed(found, changes, before=before, after=after)
    return [(one.name, one.by) for one in found]


CANCEL, MOVE = ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT


@pytest.mark.parametrize(("kind", "after", "name"), [(CANCEL, GONE, CANCELLED), (MOVE, MOVED, RESCHEDULED)])
class TestOneThatWasRequestedHere:
    def test_is_by_its_patient_or_by_staff(
        self, kind: ActionKind, after: VisitState, name: EventName
    ) -> None:
        assert events(a_snapshot(), after, requested(kind)) == [(name, Party.PATIENT)]
        assert events(a_snapshot(), after, requested(kind, by_staff=True)) == [(name, Party.STAFF)]

    def test_also_before_its_outcome_is_committed(
        self, kind: ActionKind, after: VisitState, name: EventName
    ) -> None:
        sent = requested(kind, state=ActionState.INTENDED, ended_at=None)
        assert events(a_snapshot(), after, sent) == [(name, Party.PATIENT)]

    @pytest.mark.parametrize("state", [ActionState.PENDING, ActionState.FAILED, ActionState.UNDONE])
    def test_not_if_it_was_never_made(
        self, kind: ActionKind, after: VisitState, name: EventName, state: ActionState
    ) -> None:
        never = requested(kind, state=state)
        assert events(a_snapshot(), after, never) == [(name, Party.CLINICIAN)]

    def test_not_if_it_was_made_before_the_visit_was_last_read(
        self, kind: ActionKind, after: VisitState, name: EventName
    ) -> None:
        """The practice undid it, and does the same later by itself."""
        former = requested(kind, ended_at=AN_HOUR_AGO - timedelta(minutes=2))
        assert events(a_snapshot(), after, former) == [(name, Party.CLINICIAN)]

    def test_is_told_though_the_visit_was_never_read_before(
        self, kind: ActionKind, after: VisitState, name: EventName
    ) -> None:
        assert events(a_snapshot(None), after) == []
        assert events(a_snapshot(None), after, requested(kind)) == [(name, Party.PATIENT)]
        assert events(a_snapshot(None), BOOKED, requested(kind)) == []  # the practice took it back meanwhile


def test_a_move_to_another_time_is_not_the_one_that_was_requested() -> None:
    elsewhere = replace(BOOKED, start=LATER + timedelta(hours=1))
    assert events(a_snapshot(), elsewhere, requested(MOVE)) == [(RESCHEDULED, Party.CLINICIAN)]


def test_a_cancellation_by_the_practice_is_not_the_move_that_was_requested() -> None:
    assert events(a_snapshot(), GONE, requested(MOVE)) == [(CANCELLED, Party.CLINICIAN)]


def test_other_events_keep_whom_they_are_by() -> None:
    over = replace(BOOKED, status=AppointmentStatus.COMPLETED)
    assert events(a_snapshot(), over, requested(CANCEL)) == [
        (EventName.APPOINTMENT_COMPLETED, Party.CLINICIAN)
    ]


def test_the_visit_that_a_change_has_booked_is_cancelled_by_whoever_cancels_it() -> None:
    """A change that moved another visit to this one cancelled that other one."""
    change = requested(CANCEL).changed(appointment_id="6", new_appointment_id="7", state=ChangeState.DONE)
    assert events(a_snapshot(), GONE, change) == [(CANCELLED, Party.CLINICIAN)]
