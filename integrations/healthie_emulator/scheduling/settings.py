"""The policy that visits are booked under: the practice's, a clinician's own, a type's own."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling.records import AppointmentSetting, AppointmentType
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.visit_types import CONTACT_TYPES, contact_type_id

_RENAMED = {"charge_for_occured_appts": "charge_for_occurred_appts"}  # the deprecated name: the right one

BASE_STATUSES = ["Occurred", "No-Show", "Re-Scheduled", "Cancelled"]


def statuses(settings: AppointmentSetting) -> list[str]:
    """List the statuses that an appointment may be given."""
    late = ["Late Cancellation"] if settings.enable_late_cancellation_status else []
    return [*BASE_STATUSES, *late, *(["Checked-In"] if settings.enable_checked_in_status else [])]


def has_own_settings(kind: AppointmentType) -> bool:
    """Return whether a type changes the practice's policy."""
    return kind.minimum_advance_schedule_time is not None or kind.own_settings is not None


def settings_for(world: World, kind: AppointmentType | None) -> AppointmentSetting:
    """Return the policy that visits of a type are booked under: the practice's, with what the type has of its own."""
    if kind is None or not has_own_settings(kind):
        return world.settings
    own = dict(kind.own_settings or {})
    if kind.minimum_advance_schedule_time is not None:
        own.setdefault("minimum_advance_schedule_time", kind.minimum_advance_schedule_time)
    return with_values(world.settings, own)


def with_values(settings: AppointmentSetting, given: Mapping[str, Any]) -> AppointmentSetting:
    """Return a policy with other values; what nothing here acts upon is kept beside it."""
    known = {each.name for each in fields(settings)}
    given = {_RENAMED.get(name, name): value for name, value in given.items()}
    acting = {name: _stored(name, value) for name, value in given.items() if name in known}
    more = {name: value for name, value in given.items() if name not in known}
    return replace(settings, **acting, more={**settings.more, **more})


def _stored(name: str, value: Any) -> Any:
    if name == "max_days_in_future":
        return int(value) if str(value or "").isdecimal() else None
    return tuple(value) if isinstance(value, list) else value


def _appointment_setting(request: Request, args: dict[str, Any]) -> AppointmentSetting | None:
    """Return a policy by id or of a clinician: their own if they have one, else the practice's.

    Healthie's guide says that one of the two is required; what comes without is not documented: a switch.
    """
    world = request.world
    if args.get("id"):
        return world.appointment_settings.get(args["id"])
    if args.get("provider_id"):
        return _setting_of(world.users.get(args["provider_id"]), request, {})
    return world.settings if world.switches.setting_without_id else None


def _setting_of(user: User | None, request: Request, _args: dict[str, Any]) -> AppointmentSetting | None:
    """Return a member's policy: their own, else the one that they share with the practice. Patients have none."""
    if user is None or user.is_patient:
        return None
    own = (each for each in request.world.appointment_settings if each.user_id == user.id)
    return next(own, request.world.settings)


def _contact_types(
    settings: AppointmentSetting, request: Request, _args: dict[str, Any]
) -> list[dict[str, Any]]:
    offered = {n for each in request.world.appointment_types for n in each.available_contact_types}
    return [
        {
            "id": contact_type_id(name),
            "name": name,
            "show": name in offered,
            "appointment_setting_id": settings.id,
        }
        for name in CONTACT_TYPES
    ]


def _create_setting(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Give a clinician a policy of their own: the practice's with what was sent; the key owner's unless `user_id` says whose."""
    if request.me.is_patient:
        raise not_allowed()
    world, whose = request.world, given.get("user_id") or request.me.user.id
    if provider(world, whose) is None:
        return refused("Provider not found", field="user_id", appointmentSetting=None)
    now = world.clock.now()
    values = with_values(world.settings, _told(given))
    fields = {name: getattr(values, name) for name in values.__dataclass_fields__}
    fields |= {
        "id": world.appointment_settings.new_id(),
        "user_id": whose,
        "created_at": now,
        "updated_at": now,
    }
    return {"appointmentSetting": world.appointment_settings.add(**fields), "messages": None}


def _update_setting(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change a policy; what was not sent stays."""
    if request.me.is_patient:
        raise not_allowed()
    settings = request.world.appointment_settings
    found = settings.get(given.get("id"))
    if found is None:
        return refused("Appointment setting not found", field="id", appointmentSetting=None)
    values = with_values(found, _told(given))
    changes = {name: getattr(values, name) for name in values.__dataclass_fields__ if name != "updated_at"}
    return {"appointmentSetting": settings.change(found.id, **changes), "messages": None}


def _told(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy takes as it is sent; places and ways to meet have operations of their own."""
    apart = {"id", "user_id", "appointment_locations", "contact_type_overrides", "calendar_color_schemes"}
    return {name: value for name, value in given.items() if name not in apart and value is not None}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appointmentSetting": _appointment_setting,
    "AppointmentSetting.appointment_locations": lambda _, request, __: list(
        request.world.appointment_locations
    ),
    "AppointmentSetting.auto_invoicing": lambda each, request, _: (
        each.auto_invoicing and request.world.switches.booking_raises_invoice
    ),
    "AppointmentSetting.pm_statuses": lambda settings, *_: statuses(settings),
    "AppointmentSetting.contact_type_overrides": _contact_types,
    "AppointmentSetting.user_id": lambda each, request, _: (
        each.user_id or request.world.organization.owner_id
    ),
    "AppointmentSetting.owner": lambda each, request, _: request.world.users.get(
        each.user_id or request.world.organization.owner_id
    ),
    "AppointmentSetting.calendar_interval": lambda each, *_: (
        each.more.get("calendar_interval") or str(each.booking_interval_restriction or 15)
    ),
    "AppointmentSetting.max_days_in_future": lambda each, *_: (
        None if each.max_days_in_future is None else str(each.max_days_in_future)
    ),
    "User.appointment_setting": _setting_of,
    "User.has_own_appointment_setting": lambda user, request, _: any(
        each.user_id == user.id for each in request.world.appointment_settings
    ),
    "AppointmentType.has_specific_appointment_settings": lambda kind, *_: has_own_settings(kind),
    "AppointmentType.appointment_setting": lambda kind, request, _: settings_for(request.world, kind),
    "AppointmentSetting.auto_charge_enabled": lambda each, *_: (
        each.auto_schedule_charges_for_late_cancellation_no_show or each.charge_for_occurred_appts
    ),
    "AppointmentSetting.charge_for_occured_appts": lambda each, *_: each.charge_for_occurred_appts,
    "Mutation.createAppointmentSetting": _create_setting,
    "Mutation.updateAppointmentSetting": _update_setting,
}
