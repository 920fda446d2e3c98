"""updateAppointment: moves appointments, alone or with those after it, sets their status, and changes who has a seat."""

from typing import Any

from integrations.healthie_emulator.booking import visible
from integrations.healthie_emulator.bookkeeping import automatic_charges, visit_credits
from integrations.healthie_emulator.errors import Refusal, refused
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.scheduling import seats, series
from integrations.healthie_emulator.scheduling.reading import (
    PLAIN_FIELDS,
    Payload,
    comma_terminated,
    keep_policy,
    read_attendee_ids,
    read_pattern,
    read_place,
    read_price,
    read_reason,
    read_start,
    require_free,
)
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.scheduling.settings import statuses
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import IN_PERSON, appointment_type_of

NOT_FOUND = "Appointment not found"

# What only an appointment that is there already can be given.
LATER_FIELDS = (
    "actual_duration",
    "client_confirmed",
    "client_updating",
    "late_cancellation_fee",
    "no_show_fee",
)

# What a patient's key may change besides the time and the status.
OF_PATIENTS = ("client_confirmed", "client_updating", "other_cancellation_reason")


def _update(request: Request, given: dict[str, Any]) -> Payload:
    """Move an appointment or set its status. A patient's key keeps to the policy, and moves only to free time."""
    found = visible(request, given.get("id"))
    if found is None:
        return refused(NOT_FOUND, field="id", appointment=None)
    try:
        changes = _read_changes(request, found, given)
        if request.me.is_patient:
            keep_policy(request, found, changes)
        _change_seats(request, found, given)
        pattern = read_pattern(given)
    except Refusal as refusal:
        return refusal.payload(appointment=None)
    if found.series_id is not None and (given.get("updateRecurring") or pattern is not None):
        changed = _update_series(request, found, changes, pattern)
    elif changes:
        changed = request.world.appointments.change(
            found.id, last_updated_by_id=request.me.user.id, **changes
        )
    else:
        return {"appointment": found}
    if "pm_status" in changes:
        visit_credits.restore(request, changed)
        automatic_charges.charge_for_status(request.world, changed)
    if not given.get("suppress_webhook_notifications"):
        names = tuple({"starts_at": "date"}.get(name, name) for name in changes)
        series.announce(request.world, "appointment.updated", changed, names)
    return {"appointment": changed}


def _read_changes(request: Request, found: Appointment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    values = _read_given(request, found, given)
    changes = {name: value for name, value in values.items() if value != getattr(found, name)}
    if "pm_status" in changes:
        changes["pm_status_changed_at"] = world.clock.now()
        changes["pm_status_last_changed_by_id"] = request.me.user.id
    takes_other_time = changes.keys() & {"starts_at", "provider_id", "length"}
    enforced = given.get("enforce_availability") and found.series_id is None
    if (enforced or request.me.is_patient) and takes_other_time and not found.is_blocker:
        names = ("appointment_type_id", "length", "contact_type", "appointment_location_id", "provider_id")
        as_it_was = {name: getattr(found, name) for name in (*names, "starts_at")}
        require_free(world, as_it_was | changes, found)
    by_patient = request.me.is_patient or (
        given.get("client_updating") and world.switches.client_updating_counts
    )
    if "starts_at" in changes and by_patient:
        changes["patient_reschedule_count"] = found.patient_reschedule_count + 1
    return changes


def _read_given(request: Request, found: Appointment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    names = OF_PATIENTS if request.me.is_patient else (*PLAIN_FIELDS, *LATER_FIELDS)
    values = {name: given[name] for name in names if given.get(name) is not None}
    if given.get("datetime") or given.get("date"):
        values["starts_at"] = read_start(request, given)
    if given.get("pm_status") is not None:
        if given["pm_status"] not in statuses(world.settings):
            raise Refusal("pm_status", "Pm status is not included in the list")
        values["pm_status"] = given["pm_status"]
    values |= read_reason(
        request, given.get("cancellation_reason_id"), given.get("cancellation_initiated_by")
    )
    if request.me.is_patient:
        return values
    if given.get("appointment_location_id") or given.get("contact_type") == IN_PERSON:
        after = {"appointment_location_id": found.appointment_location_id, **_told(given)}
        kind = world.appointment_types.get(found.appointment_type_id)
        values["appointment_location_id"] = read_place(world, after, kind)
    if given.get("appointment_type_id"):
        values |= _read_type(request, given["appointment_type_id"])
    if given.get("price"):
        values["price"] = read_price(given)
    return values | _read_people(request, given)


def _read_people(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Read another patient, clinician or list of second clinicians."""
    values: dict[str, Any] = {}
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


def _change_seats(request: Request, found: Appointment, given: dict[str, Any]) -> None:
    """Seat patients in a group, or note who was there. Whether `attendee_ids` replace the others is not documented: a switch."""
    world, me = request.world, request.me
    if me.is_patient or not seats.is_group(world, found):
        return
    if given.get("attendee_ids") is not None:
        instead = world.switches.attendee_ids_replace
        seats.attend(request, found, read_attendee_ids(request, given), instead=instead)
    for each in given.get("attended_clients") or ():
        seat = world.seats.get(each.get("id")) or seats.seat_of(world, found.id, each.get("user_id") or "")
        if seat is None or seat.appointment_id != found.id:
            raise Refusal("attended_clients", "Attendee not found")
        noted = {name: each[name] for name in ("attended", "confirmed") if each.get(name) is not None}
        seat = world.seats.change(seat.id, **noted)
        if each.get("cancelled") and not seat.cancelled:
            reasons = ("cancellation_reason", "other_cancellation_reason")
            seats.give_up(world, seat, by=me.user, **{name: each.get(name) for name in reasons})


def _update_series(
    request: Request, found: Appointment, changes: dict[str, Any], pattern: series.Pattern | None
) -> Appointment:
    """Change an appointment and those after it; time and interval split the series, a new count alone does not."""
    world, old = request.world, request.world.series[found.series_id or ""]
    interval = pattern[0] if pattern else old.repeat_interval
    rest = series.following(world, found)
    if "starts_at" in changes or interval != old.repeat_interval or pattern is None:
        series.split(world, found, interval)
    kept = world.series[world.appointments[found.id].series_id or ""]
    if pattern is not None:
        world.series.change(kept.id, repeat_interval=interval, join_all=pattern[2])
        if kept.id == old.id:
            world.series.change(kept.id, repeat_times=pattern[1])
    own = {"last_updated_by_id": request.me.user.id}
    changed = world.appointments.change(found.id, **own, **changes)
    shared = {name: value for name, value in changes.items() if name != "starts_at"}
    for step, each in enumerate(rest, 1):
        moved = (
            {"starts_at": series.occurrence(world, changed, interval, step)}
            if "starts_at" in changes or interval != old.repeat_interval
            else {}
        )
        world.appointments.change(each.id, **own, **shared, **moved)
    return changed


RESOLVERS = {
    "Mutation.updateAppointment": _update,
}
