"""Appointments that are made, moved and taken away."""

import asyncio
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours, invoices, packages
from integrations.healthie_emulator.catalog import IN_PERSON, appointment_type_of, statuses
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.records import Appointment, AppointmentType
from integrations.healthie_emulator.state import Request, World

Payload = dict[str, Any]

DEFAULT_LENGTH = 60  # minutes, of an appointment without a type

# How long a booking looks away between its check and its entry, when it holds nothing: two at once both pass.
UNHELD_SECONDS = 0.05

PLAIN_FIELDS = ("contact_type", "location", "metadata", "notes", "confirmed", "other_cancellation_reason")


class _Refusal(Exception):
    """A business reason against a change: Healthie's message and its field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.payload = refused(message, field=field, appointment=None)


async def create(request: Request, given: dict[str, Any]) -> Payload:
    """Book, without a look at availability unless `enforce_availability`; the key's owner is the primary provider."""
    try:
        values = _read_new(request, given)
        if given.get("enforce_availability") and not values["is_blocker"]:
            _require_free(request.world, values, None)
            if request.world.switches.check_availability_without_holding:
                await asyncio.sleep(UNHELD_SECONDS)
    except _Refusal as refusal:
        return refusal.payload
    made = _bill(request, request.world.appointments.add(**values))
    if not given.get("suppress_webhook_notifications"):
        request.world.emit("appointment.created", "Appointment", made.id)
    return {"appointment": made}


def _read_new(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    world, me = request.world, request.me
    is_blocker = bool(given.get("is_blocker")) and not me.is_patient
    user_id = given.get("user_id") or (me.user.id if me.is_patient else None)
    if not is_blocker and patient(request, user_id) is None:
        raise _Refusal("user_id", "Client not found")
    kind = appointment_type_of(world, given.get("appointment_type_id"))
    if kind is None and (given.get("appointment_type_id") or not is_blocker):
        raise _Refusal("appointment_type_id", "Appointment type not found")
    primary, secondary = _providers(request, given, user_id)
    return {
        "user_id": user_id,
        "provider_id": primary,
        "provider_ids": secondary,
        "other_party_id": given.get("other_party_id"),
        "initiator_id": me.user.id,
        "last_updated_by_id": me.user.id,
        "appointment_type_id": kind.id if kind else None,
        "starts_at": _read_start(request, given),
        "length": kind.length if kind else DEFAULT_LENGTH,
        "appointment_location_id": _read_place(world, given, kind),
        "is_blocker": is_blocker,
        "external_videochat_url": given.get("external_videochat_url"),
        **{name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None},
    }


def _providers(request: Request, given: dict[str, Any], user_id: object) -> tuple[str, tuple[str, ...]]:
    """Answer the primary provider and the others.

    A patient's key books with the clinician that it names, else with the patient's own. A member's key books with its
    owner; only if the switch says so does `other_party_id` override that, and the owner comes second.
    """
    world, me, named = request.world, request.me, given.get("other_party_id")
    others = _comma_terminated(world, given.get("providers"))
    if me.is_patient:
        own = world.users[str(user_id)].dietitian_id
        chosen = provider(world, named or own)
        if chosen is None:
            raise _Refusal("other_party_id", "Provider not found")
        return chosen.id, others
    if named and provider(world, named) is None:
        raise _Refusal("other_party_id", "Provider not found")
    if named and named != me.user.id and world.switches.other_party_id_overrides:
        return named, (me.user.id, *others)
    return me.user.id, others


def _comma_terminated(world: World, text: str | None) -> tuple[str, ...]:
    """Read `101,102,`; a list that does not end in a comma is silently no list."""
    if not text or not text.endswith(","):
        return ()
    return tuple(i for i in (part.strip() for part in text.split(",")) if provider(world, i))


def _read_start(request: Request, given: dict[str, Any]) -> Any:
    """Read `datetime`, or `date` and `time`; without a `timezone` on the wall clock of the key's owner."""
    text = given.get("datetime") or " ".join(t for t in (given.get("date"), given.get("time")) if t)
    if not text:
        raise _Refusal("datetime", "Date can't be blank")
    try:
        return dates.read(text, given.get("timezone") or request.zone)
    except GraphQLError as error:
        raise _Refusal("datetime", error.message) from None


def _read_place(world: World, given: dict[str, Any], kind: AppointmentType | None) -> str | None:
    contact_type, place = given.get("contact_type"), given.get("appointment_location_id")
    if kind and contact_type and contact_type not in kind.available_contact_types:
        raise _Refusal("contact_type", "Contact type is not offered for this appointment type")
    if place and world.appointment_locations.get(place) is None:
        raise _Refusal("appointment_location_id", "Appointment location not found")
    if contact_type == IN_PERSON and not place:
        raise _Refusal(
            "appointment_location_id", "Appointment location can't be blank for in-person appointments"
        )
    return place


def _require_free(world: World, values: dict[str, Any], moved: Appointment | None) -> None:
    wanted = hours.Wanted(
        kind=world.appointment_types.get(values["appointment_type_id"]),
        length=values["length"],
        contact_type=values.get("contact_type"),
        appointment_location_id=values["appointment_location_id"],
        moved_appointment_id=moved.id if moved else None,
    )
    if not hours.is_free(world, values["provider_id"], wanted, values["starts_at"]):
        raise _Refusal("datetime", "This time is not available")


def _bill(request: Request, made: Appointment) -> Appointment:
    """Use a credit of the patient's package; without one a priced visit type raises an invoice."""
    world = request.world
    kind = world.appointment_types.get(made.appointment_type_id)
    if kind is None or made.user_id is None:
        return made
    if packages.use_credit(world, made.user_id, kind.id):
        return world.appointments.change(made.id, credit_was_used=True)
    if kind.price is None:
        return made
    return world.appointments.change(made.id, requested_payment_id=invoices.raise_invoice(request, made).id)


def visible(request: Request, appointment_id: object, *, deleted: bool = False) -> Appointment | None:
    """Answer an appointment that exists for the actor; deleted ones only when asked for."""
    found = request.world.appointments.get(appointment_id)
    if found is None or not request.me.sees_patient(found.user_id):
        return None
    return found if deleted or found.deleted_at is None else None


def update(request: Request, given: dict[str, Any]) -> Payload:
    """Move an appointment or set its status. A patient's key keeps to the practice's notice periods."""
    found = visible(request, given.get("id"))
    if found is None:
        return refused("Appointment not found", field="id", appointment=None)
    try:
        changes = _read_changes(request, found, given)
        if request.me.is_patient:
            _keep_notice(request, found, changes)
    except _Refusal as refusal:
        return refusal.payload
    if not changes:
        return {"appointment": found}
    changed = request.world.appointments.change(found.id, last_updated_by_id=request.me.user.id, **changes)
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
    if given.get("enforce_availability") and ("starts_at" in changes or "provider_id" in changes):
        names = ("appointment_type_id", "length", "contact_type", "appointment_location_id", "provider_id")
        as_it_was = {name: getattr(found, name) for name in (*names, "starts_at")}
        _require_free(world, as_it_was | changes, found)
    return changes


def _read_given(request: Request, found: Appointment, given: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    values = {name: given[name] for name in (*PLAIN_FIELDS, "client_updating") if given.get(name) is not None}
    if given.get("datetime") or given.get("date"):
        values["starts_at"] = _read_start(request, given)
    if given.get("appointment_location_id") or given.get("contact_type") == IN_PERSON:
        after = {"appointment_location_id": found.appointment_location_id, **_told(given)}
        kind = world.appointment_types.get(found.appointment_type_id)
        values["appointment_location_id"] = _read_place(world, after, kind)
    if given.get("other_party_id") and not request.me.is_patient:
        if provider(world, given["other_party_id"]) is None:
            raise _Refusal("other_party_id", "Provider not found")
        values["provider_id"] = given["other_party_id"]
    if others := _comma_terminated(world, given.get("providers")):
        values["provider_ids"] = others
    if given.get("pm_status") is not None:
        if given["pm_status"] not in statuses(world.settings):
            raise _Refusal("pm_status", "Pm status is not included in the list")
        values["pm_status"] = given["pm_status"]
    return values


def _told(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _keep_notice(request: Request, found: Appointment, changes: dict[str, Any]) -> None:
    settings = request.world.settings
    minutes_left = (found.starts_at - request.world.clock.now()).total_seconds() / 60
    if changes.get("pm_status") not in {None, "Cancelled"}:
        raise not_allowed()
    if "pm_status" in changes and minutes_left < settings.minimum_advance_cancel_time:
        raise _Refusal("pm_status", "It is too late to cancel this appointment")
    if "starts_at" in changes and minutes_left < settings.minimum_advance_reschedule_time:
        raise _Refusal("datetime", "It is too late to reschedule this appointment")


def delete(request: Request, given: dict[str, Any]) -> Payload:
    """Take an appointment away: with a member's key it disappears, with a patient's it becomes Cancelled."""
    world, found = request.world, visible(request, given.get("id"))
    if found is None:
        return refused("Appointment not found", field="id", appointment=None)
    now = world.clock.now()
    reason = (given.get("cancellation_reason") or {}).get("other_cancellation_reason")
    common = {"other_cancellation_reason": reason, "last_updated_by_id": request.me.user.id}
    if not request.me.is_patient:
        gone = world.appointments.change(found.id, deleted_at=now, **common)
        event, fields = "appointment.deleted", None
    else:
        cancelled: dict[str, Any] = {"pm_status": "Cancelled", "pm_status_changed_at": now}
        try:
            _keep_notice(request, found, cancelled)
        except _Refusal as refusal:
            return refusal.payload
        gone = world.appointments.change(found.id, **cancelled, **common)
        event, fields = "appointment.updated", ("pm_status", "pm_status_changed_at")
    if not given.get("suppress_webhook_notifications"):
        world.emit(event, "Appointment", gone.id, fields)
    return {"appointment": gone}


RESOLVERS = {
    "Mutation.createAppointment": create,
    "Mutation.updateAppointment": update,
    "Mutation.deleteAppointment": delete,
}
