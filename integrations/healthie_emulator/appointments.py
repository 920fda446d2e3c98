"""Appointment queries, and the resolvers of an appointment's fields."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.booking import visible
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.hours import FREEING_STATUSES
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.records import Appointment, User
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import IN_PERSON

ORDERS: dict[str, Callable[[Appointment], Any]] = {
    "DATE": lambda each: each.starts_at,
    "CREATED_AT": lambda each: each.created_at,
    "UPDATED_AT": lambda each: each.updated_at,
}


def _one(request: Request, args: dict[str, Any]) -> Appointment | None:
    return visible(request, args.get("id"), deleted=bool(args.get("include_deleted")))


def _many(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List appointments that are not deleted.

    A member's key lists its owner's own unless `is_org`, a patient or a clinician is asked for; cancelled and moved
    ones only `with_all_statuses` or by their status.
    """
    tests = [_by_people(request, args), _by_time(request, args), _by_status(args), _by_kind(request, args)]
    found = (
        each
        for each in request.world.appointments
        if visible(request, each.id) and all(passes(each) for passes in tests)
    )
    return page(in_order(found, args, ORDERS, "DATE_ASC"), args)


Test = Callable[[Appointment], bool]


def _by_people(request: Request, args: dict[str, Any]) -> Test:
    clinicians = {i for i in [args.get("provider_id"), *(args.get("provider_ids") or [])] if i}
    patient_id = args.get("user_id")
    if not (clinicians or patient_id or args.get("is_org") or request.me.is_patient):
        clinicians = {request.me.user.id}

    def passes(each: Appointment) -> bool:
        return (not clinicians or bool(clinicians & {each.provider_id, *each.provider_ids})) and (
            patient_id in {None, each.user_id}
        )

    return passes


def _by_time(request: Request, args: dict[str, Any]) -> Test:
    zone, now = request.zone, request.world.clock.now()
    first = dates.read(args["startDate"], zone) if args.get("startDate") else None
    last = _end(args["endDate"], zone) if args.get("endDate") else None
    only = dates.read_day(args["specificDay"], zone) if args.get("specificDay") else None
    side = "upcoming" if args.get("is_upcoming") else (args.get("filter") or "all").lower()

    def passes(each: Appointment) -> bool:
        if only and each.starts_at.astimezone(dates.zone_named(zone)).date() != only:
            return False
        if (first and each.starts_at < first) or (last and each.starts_at > last):
            return False
        return {"past": each.starts_at < now, "upcoming": each.starts_at >= now}.get(
            "upcoming" if side == "future" else side, True
        )

    return passes


def _end(text: str, zone: str) -> datetime:
    moment = dates.read(text, zone)
    return moment + timedelta(days=1) if dates.names_only_a_day(text) else moment


def _by_status(args: dict[str, Any]) -> Test:
    one = args.get("filter_by_appointment_status")
    wanted = {s for s in [one, *(args.get("filter_by_appointment_statuses") or [])] if s}

    def passes(each: Appointment) -> bool:
        if wanted:
            return each.pm_status in wanted
        if args.get("without_status"):
            return each.pm_status is None
        return bool(args.get("with_all_statuses")) or each.pm_status not in FREEING_STATUSES

    return passes


def _by_kind(request: Request, args: dict[str, Any]) -> Test:
    kind, words = args.get("filter_by_appointment_type_id"), (args.get("keywords") or "").lower()

    def passes(each: Appointment) -> bool:
        return (
            kind in {None, each.appointment_type_id}
            and (not args.get("is_with_clients") or each.user_id is not None)
            and words in _title(each, request, {}).lower()
        )

    return passes


def _user(name: str) -> Callable[..., User | None]:
    return lambda each, request, _: request.world.users.get(getattr(each, name))


def _providers(each: Appointment, request: Request, args: dict[str, Any]) -> list[User]:
    ids = dict.fromkeys((each.provider_id, *each.provider_ids))
    if args.get("empty_unless_multiple") and len(ids) == 1:
        return []
    return [request.world.users[i] for i in ids]


def _name_of(user_id: str | None, request: Request) -> str:
    user = request.world.users.get(user_id)
    return full_name(user) if user else ""


def _title(each: Appointment, request: Request, _args: dict[str, Any]) -> str:
    kind = request.world.appointment_types.get(each.appointment_type_id)
    return f"{kind.name if kind else 'Blocked'} {_name_of(each.user_id, request)}".strip()


def _place(each: Appointment, request: Request, _args: dict[str, Any]) -> str | None:
    place = request.world.appointment_locations.get(each.appointment_location_id)
    return each.location or (place.location if place and each.contact_type == IN_PERSON else None)


def _end_of(each: Appointment) -> datetime:
    return each.starts_at + timedelta(minutes=each.length)


def _written(read: Callable[[Appointment], datetime]) -> Callable[..., str]:
    """Write an instant of a field whose type is plain text."""
    return lambda each, request, _: dates.write(read(each), type_name="Appointment", zone=request.zone)


def _minutes_left(each: Appointment, request: Request) -> float:
    return (each.starts_at - request.world.clock.now()).total_seconds() / 60


def _setting(name: str) -> Callable[..., Any]:
    return lambda _, request, __: getattr(request.world.settings, name)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appointment": _one,
    "Query.appointments": _many,
    "Appointment.date": lambda each, *_: each.starts_at,
    "Appointment.start": _written(lambda each: each.starts_at),
    "Appointment.end": _written(_end_of),
    "Appointment.timezone_abbr": lambda each, request, _: each.starts_at.astimezone(
        dates.zone_named(request.zone)
    ).strftime("%Z"),
    "Appointment.provider": _user("provider_id"),
    "Appointment.provider_name": lambda each, request, _: _name_of(each.provider_id, request),
    "Appointment.providers": _providers,
    "Appointment.user": _user("user_id"),
    "Appointment.attendees": lambda each, request, _: [
        user for user in [request.world.users.get(each.user_id)] if user
    ],
    "Appointment.appointment_type": lambda each, request, _: request.world.appointment_types.get(
        each.appointment_type_id
    ),
    "Appointment.requested_payment": lambda each, request, _: request.world.requested_payments.get(
        each.requested_payment_id
    ),
    "Appointment.location": _place,
    "Appointment.title": _title,
    "Appointment.scheduled_by": lambda each, request, _: _name_of(each.initiator_id, request),
    "Appointment.is_group": lambda *_: False,
    "Appointment.is_zoom_chat": lambda *_: False,
    "Appointment.can_client_cancel": lambda each, request, _: (
        _minutes_left(each, request) >= request.world.settings.minimum_advance_cancel_time
    ),
    "Appointment.can_client_reschedule": lambda each, request, _: (
        _minutes_left(each, request) >= request.world.settings.minimum_advance_reschedule_time
    ),
    "Appointment.minimum_advance_cancel_time": _setting("minimum_advance_cancel_time"),
    "Appointment.minimum_advance_reschedule_time": _setting("minimum_advance_reschedule_time"),
    "Appointment.late_cancellation_fee": _setting("late_cancellation_fee"),
    "Appointment.no_show_fee": _setting("no_show_fee"),
}
