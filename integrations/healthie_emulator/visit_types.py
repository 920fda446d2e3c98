"""Visit types, and the places where they are held.

Booking pages read types and single places without a key. Changes are in scheduling/offered.py, the policy that visits
are booked under is in scheduling/settings.py.
"""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, from_minor, to_display
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.people import provider as find_provider
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling.records import AppointmentLocation, AppointmentType
from integrations.healthie_emulator.state import Request, World

IN_PERSON = "In Person"
CONTACT_TYPES = ("Healthie Video Call", "Phone Call", IN_PERSON)


def contact_type_id(name: str | None) -> str | None:
    """Return the id of a way to meet: its place in the list."""
    return str(CONTACT_TYPES.index(name) + 1) if name in CONTACT_TYPES else None


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
    bookable, group = args.get("clients_can_book"), args.get("show_group")
    found = (
        each
        for each in world.appointment_types
        if (each.deleted_at is None or args.get("with_deleted_appt_types"))
        and bookable in {None, each.clients_can_book}
        and group in {None, each.is_group}
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


RESOLVERS = {
    "Query.appointmentType": _appointment_type,
    "Query.appointmentTypes": _appointment_types,
    "Query.appointmentLocation": _appointment_location,
    "Query.appointmentLocations": _appointment_locations,
    "AppointmentType.client_display_name": lambda kind, *_: kind.client_facing_display_name or kind.name,
    "AppointmentType.bookable_without_group": lambda kind, *_: kind.more.get("bookable_without_group", True),
    "AppointmentType.bookable_by_groups": lambda kind, *_: bool(kind.more.get("bookable_by_groups")),
    "AppointmentType.metadata": lambda kind, request, _: (
        kind.metadata if request.actor and not request.actor.is_patient else None
    ),
    "AppointmentType.time_on_label": lambda kind, *_: f"{kind.name} - {kind.length} minutes",
    "AppointmentType.organization_id": lambda _, request, __: request.world.organization.id,
    "AppointmentType.pricing": lambda kind, *_: (
        "Free" if kind.price is None else to_display(kind.price, PRACTICE_CURRENCY)
    ),
    "AppointmentType.pricing_info": _price_info,
    "AppointmentType.pricing_option": lambda kind, *_: "free" if kind.price is None else "set_price",
    "AppointmentType.require_specific_providers": lambda kind, *_: bool(kind.provider_ids),
    "AppointmentType.provider_appt_type_connections": _connections,
    "AppointmentLocation.appointment_setting_id": lambda _, request, __: request.world.settings.id,
    "User.appointment_types": _types_of,
    "User.appointment_locations": _places_of,
    "User.has_bookable_appts": lambda user, request, _: bool(_types_of(user, request, {})),
}
