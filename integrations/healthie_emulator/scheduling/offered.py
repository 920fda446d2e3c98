"""Mutations of staff on what can be booked and under which policy: visit types and appointment settings."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, to_minor
from integrations.healthie_emulator.errors import Refusal, not_allowed, refused
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.scheduling.records import AppointmentType
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import CONTACT_TYPES, appointment_type_of

NOT_FOUND = "Appointment type not found"

# How inputs of a visit type name the ways to meet.
CONTACT_NAMES = dict(zip(("video_chat", "phone_call", "in_person"), CONTACT_TYPES, strict=True))

DIRECT = (
    "client_display_description",
    "client_facing_display_name",
    "clients_can_book",
    "is_group",
    "is_waitlist_enabled",
    "length",
    "metadata",
    "name",
    "require_cc_at_booking",
    "user_group_id",
)
KEPT = (
    "bookable_by_groups",
    "bookable_without_group",
    "custom_text_reminder_body",
    "dont_ask_for_reason",
    "embed_question_form_id",
    "insurance_billing_enabled",
    "require_in_state_clients",
    "row_order",
)


def _create_type(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Offer another visit type: `name` and `length` are required, and clients may book it unless it says otherwise."""
    if request.me.is_patient:
        raise not_allowed()
    world = request.world
    if not (given.get("name") or "").strip():
        return _refuse("name", "Name can't be blank")
    if not (given.get("length") or 0) > 0:
        return _refuse("length", "Length must be greater than 0")
    try:
        values = _read_type(request, given, {})
    except Refusal as refusal:
        return refusal.payload(appointmentType=None)
    values.setdefault("available_contact_types", CONTACT_TYPES)
    values.setdefault("clients_can_book", True)
    made = world.appointment_types.add(position=len(world.appointment_types), **values)
    return {"appointmentType": made, "messages": None}


def _update_type(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    if request.me.is_patient:
        raise not_allowed()
    kind = appointment_type_of(request.world, given.get("id"))
    if kind is None:
        return _refuse("id", NOT_FOUND)
    try:
        values = _read_type(request, given, kind.more)
    except Refusal as refusal:
        return refusal.payload(appointmentType=None)
    if given.get("has_specific_appointment_settings") is False:
        values |= {"own_settings": None, "minimum_advance_schedule_time": None}
    values["available_contact_types"] = _shown_contacts(kind, given, values)
    return {"appointmentType": request.world.appointment_types.change(kind.id, **values), "messages": None}


def _delete_type(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Take a type off the list: softly, so that its appointments keep it."""
    if request.me.is_patient:
        raise not_allowed()
    world, kind = request.world, appointment_type_of(request.world, given.get("id"))
    if kind is None:
        return _refuse("id", NOT_FOUND)
    gone = world.appointment_types.change(kind.id, deleted_at=world.clock.now())
    return {"appointmentType": gone, "messages": None}


def _refuse(field: str, message: str) -> dict[str, Any]:
    return refused(message, field=field, appointmentType=None)


def _read_type(request: Request, given: dict[str, Any], more: Any) -> dict[str, Any]:
    """Read what was sent of a type. Raises Refusal."""
    values = {name: given[name] for name in DIRECT if given.get(name) is not None}
    kept = {name: given[name] for name in KEPT if given.get(name) is not None}
    if given.get("contact_type_overrides"):
        names = [CONTACT_NAMES.get(each, each) for each in given["contact_type_overrides"]]
        if not set(names) <= set(CONTACT_TYPES):
            raise Refusal("contact_type_overrides", "Contact type is not included in the list")
        values["available_contact_types"] = tuple(names)
    if given.get("provider_ids_for_appt_type_connections") is not None:
        ids = [each for each in given["provider_ids_for_appt_type_connections"] if each]
        if any(provider(request.world, each) is None for each in ids):
            raise Refusal("provider_ids_for_appt_type_connections", "Provider not found")
        values["provider_ids"] = tuple(ids)
    if given.get("require_specific_providers") is False:
        values["provider_ids"] = ()
    if given.get("pricing"):
        values["price"] = to_minor(given["pricing"], PRACTICE_CURRENCY)
        if values["price"] is None:
            raise Refusal("pricing", "Pricing is not a number")
    if (setting := given.get("appointment_setting")) is not None:
        told = {name: value for name, value in setting.items() if name not in {"id", "_destroy"}}
        values["own_settings"] = None if setting.get("_destroy") else told
    return {**values, "more": {**more, **kept}}


def _shown_contacts(kind: AppointmentType, given: dict[str, Any], values: dict[str, Any]) -> tuple[str, ...]:
    """Read which ways to meet are shown: the list if it is sent, else each by its own field."""
    shown = dict.fromkeys(values.get("available_contact_types") or kind.available_contact_types, True)
    for short, name in CONTACT_NAMES.items():
        one = given.get(f"contact_type_override_{short}")
        if one is not None:
            shown[name] = one["show"]
    return tuple(name for name in CONTACT_TYPES if shown.get(name))


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createAppointmentType": _create_type,
    "Mutation.updateAppointmentType": _update_type,
    "Mutation.deleteAppointmentType": _delete_type,
}
