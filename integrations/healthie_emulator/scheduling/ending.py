"""deleteAppointment: staff delete, patients cancel, and whoever has the uuid of a seat gives it up."""

from typing import Any

from integrations.healthie_emulator.booking import visible
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.errors import Refusal, not_signed_in, refused
from integrations.healthie_emulator.scheduling import seats, series
from integrations.healthie_emulator.scheduling.reading import Payload, keep_policy, read_reason
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request

NOT_FOUND = "Appointment not found"


def _delete(request: Request, given: dict[str, Any]) -> Payload:
    """Delete an appointment: with a member's key it disappears, with a patient's it becomes Cancelled.

    `appointment_inclusion_uuid` gives up one seat instead, without a key; `deleteRecurring` takes those after it as well.
    """
    if given.get("appointment_inclusion_uuid"):
        return _give_up_seat(request, given)
    if request.actor is None:
        raise not_signed_in()
    found = visible(request, given.get("id"))
    if found is None:
        return refused(NOT_FOUND, field="id", appointment=None)
    following = series.following(request.world, found) if given.get("deleteRecurring") else []
    try:
        changes = _read_ending(request, found, given.get("cancellation_reason") or {})
    except Refusal as refusal:
        return refusal.payload(appointment=None)
    quiet = bool(given.get("suppress_webhook_notifications"))
    for each in following:
        _end(request, each, changes, quiet=quiet)
    return {"appointment": _end(request, found, changes, quiet=quiet)}


def _end(request: Request, found: Appointment, changes: dict[str, Any], *, quiet: bool) -> Appointment:
    gone = request.world.appointments.change(found.id, **changes)
    visit_credits.restore(request, gone, deleted="deleted_at" in changes)
    if not quiet:
        fields = None if "deleted_at" in changes else ("pm_status", "pm_status_changed_at")
        event = "appointment.deleted" if "deleted_at" in changes else "appointment.updated"
        series.announce(request.world, event, gone, fields)
    return gone


def _read_ending(request: Request, found: Appointment, reason: dict[str, Any]) -> dict[str, Any]:
    """Read what ends an appointment: a time of deletion from staff, a status from a patient, and the reason."""
    now, me = request.world.clock.now(), request.me
    common = {
        "last_updated_by_id": me.user.id,
        **read_reason(request, reason.get("id"), reason.get("initiated_by")),
    }
    if reason.get("other_cancellation_reason"):
        common["other_cancellation_reason"] = reason["other_cancellation_reason"]
    if not me.is_patient:
        return {"deleted_at": now, **common}
    cancelled = {
        "pm_status": "Cancelled",
        "pm_status_changed_at": now,
        "pm_status_last_changed_by_id": me.user.id,
        **common,
    }
    keep_policy(request, found, cancelled)
    return cancelled


def _give_up_seat(request: Request, given: dict[str, Any]) -> Payload:
    seat = seats.by_uuid(request.world, given["appointment_inclusion_uuid"])
    if seat is None or seat.cancelled:
        return refused(NOT_FOUND, field="appointment_inclusion_uuid", appointment=None)
    reason = (given.get("cancellation_reason") or {}).get("other_cancellation_reason")
    by = request.actor.user if request.actor else None
    seats.give_up(request.world, seat, by=by, other_cancellation_reason=reason)
    return {"appointment": request.world.appointments[seat.appointment_id]}


RESOLVERS = {"Mutation.deleteAppointment": _delete}
