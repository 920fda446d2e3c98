"""What a change means: only what lies between two looks, each thing once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.events.model import EventName
from booking.models import AppointmentStatus as Status
from booking.resources import (
    Kind,
    Party,
    PaymentStatus,
    Resource,
    ResourceState,
    Snapshot,
)
from booking.sync.derivation import NEWS, diff
from tests.doubles.resource_samples import CARD, DISPUTE, FORM, HOURS, KINDS, NOW, PATIENT, PAYMENT, VISIT

LONG_AGO = NOW - NEWS - timedelta(days=30)


def seen(state: ResourceState | None, kind: Kind | None = None, *, gone: bool = False) -> Snapshot:
    found = kind or KINDS[type(state)]
    return Snapshot(resource=Resource(kind=found, id="7"), version=1, state=state, gone=gone, seen_at=NOW)


def unseen(kind: Kind) -> Snapshot:
    return Snapshot(resource=Resource(kind=kind, id="7"))


def names(before: Snapshot, after: ResourceState | None, *, merged: bool = False) -> list[EventName]:
    return [one.name for one in diff(before, after, merged=merged, now=NOW)]


CHANGES: list[tuple[ResourceState, ResourceState | None, list[EventName]]] = [
    (VISIT, VISIT, []),
    (VISIT, replace(VISIT, updated_at=NOW + timedelta(hours=1)), []),
    (VISIT, replace(VISIT, start=NOW), [EventName.APPOINTMENT_RESCHEDULED]),
    (VISIT, replace(VISIT, clinician_id="12"), [EventName.APPOINTMENT_RESCHEDULED]),
    (VISIT, replace(VISIT, status=Status.CANCELLED), [EventName.APPOINTMENT_CANCELLED]),
    (VISIT, replace(VISIT, status=Status.COMPLETED), [EventName.APPOINTMENT_COMPLETED]),
    (VISIT, replace(VISIT, status=Status.NO_SHOW), [EventName.APPOINTMENT_NO_SHOW]),
    (VISIT, replace(VISIT, status=Status.RESCHEDULED), [EventName.APPOINTMENT_RESCHEDULED]),
    (VISIT, replace(VISIT, status=Status.CHECKED_IN), [EventName.APPOINTMENT_CHECKED_IN]),
    (replace(VISIT, status=Status.CANCELLED), VISIT, [EventName.APPOINTMENT_REINSTATED]),
    (VISIT, replace(VISIT, deleted_at=NOW), [EventName.APPOINTMENT_DELETED]),
    (VISIT, None, [EventName.APPOINTMENT_DELETED]),
    (replace(VISIT, deleted_at=NOW), None, []),
    (replace(VISIT, deleted_at=NOW), VISIT, [EventName.APPOINTMENT_REINSTATED]),
    (PAYMENT, replace(PAYMENT, status=PaymentStatus.SUCCEEDED), [EventName.PAYMENT_SUCCEEDED]),
    (PAYMENT, replace(PAYMENT, status=PaymentStatus.FAILED), [EventName.PAYMENT_FAILED]),
    (PAYMENT, replace(PAYMENT, refund="r1"), [EventName.PAYMENT_REFUNDED]),
    (replace(PAYMENT, refund="r1"), replace(PAYMENT, refund="r2"), [EventName.PAYMENT_REFUNDED]),
    (replace(PAYMENT, refund="r1"), replace(PAYMENT, refund="r1"), []),
    (PAYMENT, None, []),
    (DISPUTE, replace(DISPUTE, status="lost"), []),
    (PATIENT, replace(PATIENT, updated_at=NOW + timedelta(hours=1)), []),
    (PATIENT, replace(PATIENT, details="d2"), [EventName.PATIENT_UPDATED]),
    (PATIENT, replace(PATIENT, active=False), [EventName.PATIENT_UPDATED]),
    (FORM, replace(FORM, completed=True), [EventName.FORM_COMPLETED]),
    (replace(FORM, completed=True), replace(FORM, completed=True), []),
    (CARD, None, [EventName.CARD_REMOVED]),
    (HOURS, replace(HOURS, hours="h2"), [EventName.AVAILABILITY_CHANGED]),
    (HOURS, replace(HOURS, updated_at=NOW + timedelta(hours=1)), []),
    (HOURS, None, [EventName.AVAILABILITY_CHANGED]),
]


@pytest.mark.parametrize(("before", "after", "events"), CHANGES)
def test_a_change_between_two_looks_is_an_event_by_its_name(
    before: ResourceState, after: ResourceState | None, events: list[EventName]
) -> None:
    assert names(seen(before), after) == events


FIRST_SIGHT: list[tuple[ResourceState, list[EventName]]] = [
    (VISIT, [EventName.APPOINTMENT_CREATED]),
    (replace(VISIT, created_at=LONG_AGO), []),
    (
        replace(VISIT, status=Status.CANCELLED, status_changed_at=NOW),
        [EventName.APPOINTMENT_CREATED, EventName.APPOINTMENT_CANCELLED],
    ),
    (
        replace(VISIT, created_at=LONG_AGO, status=Status.COMPLETED, status_changed_at=NOW),
        [EventName.APPOINTMENT_COMPLETED],
    ),
    (replace(VISIT, created_at=LONG_AGO, status=Status.COMPLETED, status_changed_at=LONG_AGO), []),
    (replace(PAYMENT, status=PaymentStatus.SUCCEEDED), [EventName.PAYMENT_SUCCEEDED]),
    (replace(PAYMENT, status=PaymentStatus.SUCCEEDED, created_at=LONG_AGO), []),
    (replace(PAYMENT, created_at=LONG_AGO, refund="r1"), [EventName.PAYMENT_REFUNDED]),
    (DISPUTE, [EventName.PAYMENT_DISPUTED]),
    (PATIENT, [EventName.PATIENT_CREATED]),
    (replace(PATIENT, created_at=LONG_AGO), [EventName.PATIENT_UPDATED]),
    (replace(PATIENT, created_at=LONG_AGO, updated_at=LONG_AGO), []),
    (replace(FORM, completed=True), [EventName.FORM_COMPLETED]),
    (CARD, [EventName.CARD_ADDED]),
    (replace(CARD, created_at=LONG_AGO), []),
    (HOURS, [EventName.AVAILABILITY_CHANGED]),
]


@pytest.mark.parametrize(("after", "events"), FIRST_SIGHT)
def test_what_is_seen_for_the_first_time_is_an_event_as_far_as_it_is_news(
    after: ResourceState, events: list[EventName]
) -> None:
    assert names(unseen(KINDS[type(after)]), after) == events


@pytest.mark.parametrize(
    ("kind", "events"),
    [
        (Kind.VISIT, [EventName.APPOINTMENT_DELETED]),
        (Kind.CARD, [EventName.CARD_REMOVED]),
        (Kind.AVAILABILITY, [EventName.AVAILABILITY_CHANGED]),
        (Kind.PAYMENT, []),
        (Kind.PATIENT, []),
        (Kind.FORM, []),
    ],
)
def test_what_is_gone_before_it_was_ever_seen_is_one_event(kind: Kind, events: list[EventName]) -> None:
    assert names(unseen(kind), None) == events
    assert names(seen(None, kind, gone=True), None) == []


def test_a_merge_is_an_event_of_who_is_left_and_of_who_is_not() -> None:
    assert names(seen(PATIENT), PATIENT, merged=True) == [EventName.PATIENT_MERGED]
    assert names(seen(PATIENT), None, merged=True) == [EventName.PATIENT_MERGED]


@pytest.mark.parametrize("by", [Party.PATIENT, Party.CLINICIAN, Party.STAFF])
def test_a_cancellation_says_who_cancelled(by: Party) -> None:
    cancelled = replace(VISIT, status=Status.CANCELLED, changed_by=by)
    (events,) = diff(seen(VISIT), cancelled, merged=False, now=NOW)
    assert events.by is by


def test_an_event_names_ids_and_nothing_else() -> None:
    (events,) = diff(seen(VISIT), replace(VISIT, start=NOW), merged=False, now=NOW)
    assert events.ids == {"appointment": "7", "patient": "501", "clinician": "11", "checkout": "chk_1"}


def test_an_event_of_what_is_gone_has_the_ids_that_it_had() -> None:
    (events,) = diff(seen(CARD), None, merged=False, now=NOW)
    assert events.ids == {"card": "7", "patient": "501"}


VISITS = st.builds(
    replace,
    st.just(VISIT),
    status=st.sampled_from([one for one in Status if one is not Status.RESCHEDULED]),
    start=st.sampled_from([NOW, NOW + timedelta(days=1)]),
    deleted_at=st.sampled_from([None, NOW]),
)
# How a visit stands after each; one that is moved to another time stands as it did.
STANDS_AS = {
    EventName.APPOINTMENT_REINSTATED: Status.BOOKED,
    EventName.APPOINTMENT_CREATED: Status.BOOKED,
    EventName.APPOINTMENT_CANCELLED: Status.CANCELLED,
    EventName.APPOINTMENT_COMPLETED: Status.COMPLETED,
    EventName.APPOINTMENT_NO_SHOW: Status.NO_SHOW,
    EventName.APPOINTMENT_CHECKED_IN: Status.CHECKED_IN,
}


@given(st.lists(VISITS, min_size=1, max_size=6))
def test_whoever_follows_the_events_of_a_visit_knows_at_the_end_how_it_stands(history: list[Any]) -> None:
    gone, status, before = False, None, unseen(Kind.VISIT)
    for state in history:
        for name in names(before, state):
            gone = name is EventName.APPOINTMENT_DELETED
            status = STANDS_AS.get(name, status)
        before = seen(state)
    assert gone is (history[-1].deleted_at is not None)
    assert gone or status is history[-1].status


@given(VISITS)
def test_looking_twice_at_the_same_tells_nothing_the_second_time(state: Any) -> None:
    assert names(seen(state), state) == []
