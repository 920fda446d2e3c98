"""What is known of a booked visit without asking upstream: our own row, and the last snapshot."""

from collections.abc import Sequence
from dataclasses import replace

from booking.changes.model import RequestedChange
from booking.checkout.model import Checkout, CheckoutState
from booking.models import Appointment, AppointmentStatus
from booking.resources import Snapshot, VisitState
from booking.visits.model import VisitRecord


def booked_visit(checkout: Checkout) -> Appointment | None:
    """The visit as it was booked, by the checkout's row, without names; None before."""
    if checkout.appointment_id is None or checkout.stands is not CheckoutState.CONFIRMED:
        return None
    slot = checkout.visit_slot
    return Appointment(
        id=checkout.appointment_id,
        clinician_id=slot.clinician_id,
        clinician_name=None,
        patient_id=checkout.patient_id,
        visit_type_id=slot.visit_type_id,
        visit_type_name=None,
        start=slot.start,
        minutes=slot.minutes,
        contact_type=slot.contact_type,
        location_id=slot.location_id,
        status=AppointmentStatus.BOOKED,
        checkout_id=checkout.id,
        open_invoice=None,
    )


def as_moved(booked: Appointment, changes: Sequence[RequestedChange]) -> Appointment:
    """The visit that the checkout's visit has become: a move to another clinician has booked a new one in its place.

    `changes`: those of the checkout, the first one first.
    """
    for change in changes:
        slot, moved_to = change.moved_to, change.new_appointment_id
        if slot is not None and moved_to is not None and change.appointment_id == booked.id:
            booked = replace(
                booked,
                id=moved_to,
                clinician_id=slot.clinician_id,
                clinician_name=None,
                start=slot.start,
                minutes=slot.minutes,
                contact_type=slot.contact_type,
                location_id=slot.location_id,
            )
    return booked


def as_last_known(booked: Appointment, snapshot: Snapshot | None) -> Appointment:
    """The booked visit with what a later snapshot of it says."""
    state = snapshot.state if snapshot else None
    if snapshot is None or not isinstance(state, VisitState):
        return booked
    same = state.clinician_id == booked.clinician_id
    return replace(
        booked,
        status=AppointmentStatus.CANCELLED if _is_gone(snapshot, state) else state.status,
        start=state.start or booked.start,
        minutes=state.minutes or booked.minutes,
        clinician_id=state.clinician_id,
        clinician_name=booked.clinician_name if same else None,
    )


def record_of(snapshot: Snapshot | None) -> VisitRecord | None:
    """The visit by its snapshot alone, without names; None when it was never seen."""
    state = snapshot.state if snapshot else None
    if snapshot is None or not isinstance(state, VisitState) or state.start is None:
        return None
    appointment = Appointment(
        id=snapshot.resource.id,
        clinician_id=state.clinician_id,
        clinician_name=None,
        patient_id=state.patient_id,
        visit_type_id=state.visit_type_id,
        visit_type_name=None,
        start=state.start,
        minutes=state.minutes,
        contact_type=None,
        location_id=None,
        status=state.status,
        checkout_id=state.checkout_id,
        open_invoice=None,
    )
    return VisitRecord(
        appointment=appointment, deleted=_is_gone(snapshot, state), updated_at=state.updated_at
    )


def _is_gone(snapshot: Snapshot, state: VisitState) -> bool:
    return snapshot.gone or state.deleted_at is not None
