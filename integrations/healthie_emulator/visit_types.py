"""Visit types, the policy that they are booked under, and the places where they are held. All of it needs a key."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, from_minor, to_display
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.people import provider as find_provider
from integrations.healthie_emulator.records import (
    AppointmentLocation,
    AppointmentSetting,
    AppointmentType,
    User,
)
from integrations.healthie_emulator.state import Request, World

IN_PERSON = "In Person"

BASE_STATUSES = ["Occurred", "No-Show", "Re-Scheduled", "Cancelled"]


def statuses(settings: AppointmentSetting) -> list[str]:
    """List the statuses that an appointment may be given."""
    late = ["Late Cancellation"] if settings.enable_late_cancellation_status else []
    return [*BASE_STATUSES, *late, *(["Checked-In"] if settings.enable_checked_in_status else [])]


def settings_for(world: World, kind: AppointmentType | None) -> AppointmentSetting:
    """Return the policy that visits of a type are booked under: the practice's, with what the type has of its own."""
    own = kind.minimum_advance_schedule_time if kind else None
    if own is None:
        return world.settings
    return replace(world.settings, minimum_advance_schedule_time=own)


def offers(kind: AppointmentType, provider_id: str) -> bool:
    """Return whether a clinician offers a visit type."""
    return not kind.provider_ids or provider_id in kind.provider_ids


def appointment_type_of(world: World, type_id: object) -> AppointmentType | None:
    """Return a visit type that is still offered."""
    kind = world.appointment_types.get(type_id)
    return kind if kind and kind.deleted_at is None else None


def _appointment_type(request: Request, args: dict[str, Any]) -> AppointmentType | None:
    return request.world.appointment_types.get(args.get("id"))


def _appointment_types(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    world = request.world
    asked_for = [i for i in [args.get("provider_id"), *(args.get("provider_ids") or [])] if i]
    ids = set(args.get("appointment_type_ids") or [])
    plan = world.offerings.get(args.get("offering_id"))
    in_plan = {each.appointment_type_id for each in plan.includes} if plan else set()
    words = (args.get("keywords") or "").lower()
    bookable = args.get("clients_can_book")
    found = (
        each
        for each in world.appointment_types
        if (each.deleted_at is None or args.get("with_deleted_appt_types"))
        and bookable in {None, each.clients_can_book}
        and (not ids or each.id in ids)
        and (not args.get("offering_id") or each.id in in_plan)
        and words in each.name.lower()
        and (not asked_for or any(find_provider(world, i) and offers(each, i) for i in asked_for))
    )
    orders: dict[str, Callable[[AppointmentType], Any]] = {
        "POSITION": lambda each: each.position,
        "CREATED_AT": lambda each: each.created_at,
        "UPDATED_AT": lambda each: each.updated_at,
    }
    return page(in_order(found, args, orders, "POSITION_ASC"), args)


def _connections(kind: AppointmentType, request: Request, _args: dict[str, Any]) -> list[dict[str, Any]]:
    people = (request.world.users[provider_id] for provider_id in kind.provider_ids)
    return [
        {
            "id": f"{kind.id}{user.id}",
            "appointment_type_id": kind.id,
            "provider_name": full_name(user),
            "user_id": user.id,
        }
        for user in people
    ]


def _appointment_setting(request: Request, args: dict[str, Any]) -> AppointmentSetting | None:
    """Return the practice's one policy; a `provider_id` of no clinician has none."""
    world, settings = request.world, request.world.settings
    if args.get("provider_id") and find_provider(world, args["provider_id"]) is None:
        return None
    return settings if args.get("id") in {None, settings.id} else None


def _appointment_location(request: Request, args: dict[str, Any]) -> AppointmentLocation | None:
    return request.world.appointment_locations.get(args.get("id"))


def _appointment_locations(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List places: the practice's with `org_level`, else those of the clinicians asked for or of the key's owner."""
    asked_for = [i for i in [args.get("provider_id"), *(args.get("provider_ids") or [])] if i]
    if not asked_for and not args.get("org_level"):
        asked_for = [request.me.user.id]
    ids = set(args.get("location_ids") or [])
    words = (args.get("keywords") or "").lower()
    found = [
        each
        for each in request.world.appointment_locations
        if (not asked_for or set(asked_for) & set(each.provider_ids))
        and (not ids or each.id in ids)
        and words in each.location.lower()
    ]
    return page(found, args)


def _types_of(user: User, request: Request, args: dict[str, Any]) -> list[AppointmentType]:
    ids = set(args.get("appointment_type_ids") or [])
    return [
        each
        for each in request.world.appointment_types
        if user.is_active_provider
        and each.deleted_at is None
        and offers(each, user.id)
        and (not ids or each.id in ids)
        and (each.clients_can_book or not args.get("require_client_bookable"))
    ]


def _places_of(user: User, request: Request, _args: dict[str, Any]) -> list[AppointmentLocation]:
    return [each for each in request.world.appointment_locations if user.id in each.provider_ids]


def _price_info(kind: AppointmentType, *_: Any) -> dict[str, Any]:
    return {"price": None if kind.price is None else from_minor(kind.price, PRACTICE_CURRENCY), "units": None}


def _contact_types(
    settings: AppointmentSetting, request: Request, _args: dict[str, Any]
) -> list[dict[str, Any]]:
    names = dict.fromkeys(n for each in request.world.appointment_types for n in each.available_contact_types)
    return [{"name": name, "show": True, "appointment_setting_id": settings.id} for name in names]


RESOLVERS = {
    "Query.appointmentType": _appointment_type,
    "Query.appointmentTypes": _appointment_types,
    "Query.appointmentSetting": _appointment_setting,
    "Query.appointmentLocation": _appointment_location,
    "Query.appointmentLocations": _appointment_locations,
    "AppointmentType.client_facing_display_name": lambda kind, *_: kind.name,
    "AppointmentType.client_display_name": lambda kind, *_: kind.name,
    "AppointmentType.bookable_without_group": lambda *_: True,
    "AppointmentType.is_group": lambda *_: False,
    "AppointmentType.has_specific_appointment_settings": lambda kind, *_: (
        kind.minimum_advance_schedule_time is not None
    ),
    "AppointmentType.organization_id": lambda _, request, __: request.world.organization.id,
    "AppointmentType.pricing": lambda kind, *_: (
        "Free" if kind.price is None else to_display(kind.price, PRACTICE_CURRENCY)
    ),
    "AppointmentType.pricing_info": _price_info,
    "AppointmentType.pricing_option": lambda kind, *_: "free" if kind.price is None else "set_price",
    "AppointmentType.require_specific_providers": lambda kind, *_: bool(kind.provider_ids),
    "AppointmentType.provider_appt_type_connections": _connections,
    "AppointmentType.appointment_setting": lambda kind, request, _: settings_for(request.world, kind),
    "AppointmentSetting.allow_clients_to_cancel_appt": lambda *_: True,
    "AppointmentSetting.allow_clients_to_reschedule_appt": lambda *_: True,
    "AppointmentSetting.appointment_locations": lambda _, request, __: list(
        request.world.appointment_locations
    ),
    "AppointmentSetting.auto_invoicing": lambda _, request, __: request.world.switches.booking_raises_invoice,
    "AppointmentSetting.prevent_client_booking": lambda *_: False,
    "AppointmentSetting.pm_statuses": lambda settings, *_: statuses(settings),
    "AppointmentSetting.contact_type_overrides": _contact_types,
    "AppointmentSetting.use_client_credit_system": lambda *_: True,
    "AppointmentSetting.user_id": lambda _, request, __: request.world.organization.owner_id,
    "AppointmentLocation.appointment_setting_id": lambda _, request, __: request.world.settings.id,
    "User.appointment_types": _types_of,
    "User.appointment_locations": _places_of,
    "User.has_bookable_appts": lambda user, request, _: bool(_types_of(user, request, {})),
}
