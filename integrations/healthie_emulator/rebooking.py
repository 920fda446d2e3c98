"""Mutations that move appointments, set their status, or delete them."""

from typing import Any

from integrations.healthie_emulator.booking import (
    PLAIN_FIELDS,
    Payload,
    Refusal,
    comma_terminated,
    read_place,
    read_start,
    require_free,
    visible,
)
from integrations.healthie_emulator.bookkeeping import automatic_charges, visit_credits
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.records import Appointment
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import IN_PERSON, appointment_type_of, statuses


def _update(request: Request, given: dict[str, Any]) -> Payload:
    """Move an appointment or set its status. A patient's key keeps to the practice's notice periods."""
    found = visible(request, given.get("id"))
    if found is None:
        return refused("Appointment not found", field="id", appointment=None)
    try:
        changes = _read_changes(request, found, given)
        if request.me.is_patient:
            _keep_notice(request, found, changes)
    except Refusal as refusal:
        return refusal.payload
    if not changes:
        return {"appointment": found}
    changed = request.world.appointments.change(found.id, last_updated_by_id=request.me.user.id, **changes)
    if "pm_status" in changes:
        visit_credits.restore(request, changed)
        automatic_charges.charge_for_status(request.world, changed)
    if not given.get("suppress_webhook_notifications"):
        names = tuple({"starts_at": "date"}.get(name, name) for name in changes)
        request.world.emit("appointment.updated", "Appointment", found.id, names)
    return {"appointment": changed}


def _read_changes(request: Request, found: Appointment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    values = _read_given(request, found, given)
    changes = {name: value for name, value in values.items() if value != getattr(found, name)}
    if "pm_status" in changes:
        changes["pm_status_changed_at"] = world.clock.now()
        changes["pm_status_last_changed_by_id"] = request.me.user.id
    takes_other_time = changes.keys() & {"starts_at", "provider_id", "length"}
    if given.get("enforce_availability") and takes_other_time and not found.is_blocker:
        names = ("appointment_type_id", "length", "contact_type", "appointment_location_id", "provider_id")
        as_it_was = {name: getattr(found, name) for name in (*names, "starts_at")}
        require_free(world, as_it_was | changes, found)
    return changes


def _read_given(request: Request, found: Appointment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    values = {name: given[name] for name in (*PLAIN_FIELDS, "client_updating") if given.get(name) is not None}
    if given.get("datetime") or given.get("date"):
        values["starts_at"] = read_start(request, given)
    if given.get("appointment_location_id") or given.get("contact_type") == IN_PERSON:
        after = {"appointment_location_id": found.appointment_location_id, **_told(given)}
        kind = world.appointment_types.get(found.appointment_type_id)
        values["appointment_location_id"] = read_place(world, after, kind)
    if given.get("appointment_type_id"):
        values |= _read_type(request, given["appointment_type_id"])
    values |= _read_people(request, given)
    if given.get("pm_status") is not None:
        if given["pm_status"] not in statuses(world.settings):
            raise Refusal("pm_status", "Pm status is not included in the list")
        values["pm_status"] = given["pm_status"]
    return values


def _read_people(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Read another patient, clinician or list of second clinicians; patients change none of them."""
    values: dict[str, Any] = {}
    if request.me.is_patient:
        return values
    if given.get("user_id"):
        if patient(request, given["user_id"]) is None:
            raise Refusal("user_id", "Client not found")
        values["user_id"] = given["user_id"]
    if given.get("other_party_id"):
        if provider(request.world, given["other_party_id"]) is None:
            raise Refusal("other_party_id", "Provider not found")
        values["provider_id"] = given["other_party_id"]
    if others := comma_terminated(request.world, given.get("providers")):
        values["provider_ids"] = others
    return values


def _read_type(request: Request, type_id: str) -> dict[str, Any]:
    kind = appointment_type_of(request.world, type_id)
    if kind is None:
        raise Refusal("appointment_type_id", "Appointment type not found")
    return {"appointment_type_id": kind.id, "length": kind.length}


def _told(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _keep_notice(request: Request, found: Appointment, changes: dict[str, Any]) -> None:
    settings = request.world.settings
    minutes_left = (found.starts_at - request.world.clock.now()).total_seconds() / 60
    if changes.get("pm_status") not in {None, "Cancelled"}:
        raise not_allowed()
    if "pm_status" in changes and minutes_left < settings.minimum_advance_cancel_time:
        raise Refusal("pm_status", "It is too late to cancel this appointment")
    if "starts_at" in changes and minutes_left < settings.minimum_advance_reschedule_time:
        raise Refusal("datetime", "It is too late to reschedule this appointment")


def _delete(request: Request, given: dict[str, Any]) -> Payload:
    """Delete an appointment: with a member's key it disappears, with a patient's it becomes Cancelled."""
    world, found = request.world, visible(request, given.get("id"))
    if found is None:
        return refused("Appointment not found", field="id", appointment=None)
    now = world.clock.now()
    reason = (given.get("cancellation_reason") or {}).get("other_cancellation_reason")
    common = {"other_cancellation_reason": reason, "last_updated_by_id": request.me.user.id}
    if not request.me.is_patient:
        gone = world.appointments.change(found.id, deleted_at=now, **common)
        visit_credits.restore(request, gone, deleted=True)
        event, fields = "appointment.deleted", None
    else:
        cancelled: dict[str, Any] = {
            "pm_status": "Cancelled",
            "pm_status_changed_at": now,
            "pm_status_last_changed_by_id": request.me.user.id,
        }
        try:
            _keep_notice(request, found, cancelled)
        except Refusal as refusal:
            return refusal.payload
        gone = world.appointments.change(found.id, **cancelled, **common)
        visit_credits.restore(request, gone)
        event, fields = "appointment.updated", ("pm_status", "pm_status_changed_at")
    if not given.get("suppress_webhook_notifications"):
        world.emit(event, "Appointment", gone.id, fields)
    return {"appointment": gone}


RESOLVERS = {
    "Mutation.updateAppointment": _update,
    "Mutation.deleteAppointment": _delete,
}
