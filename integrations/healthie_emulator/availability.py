"""Availability queries: free slots, the days that have any, and the next one. Public: booking pages ask them without a key."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.scheduling import seats
from integrations.healthie_emulator.scheduling.clinicians import asked_for
from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentType
from integrations.healthie_emulator.scheduling.settings import settings_for
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import appointment_type_of

LONGEST_RANGE = timedelta(days=100)  # a longer one would run into the time limit of a real request
UNSAID_LENGTH = 60  # minutes, of a slot when neither a type nor a length is named; Healthie's widget asks so

Range = tuple[datetime, datetime]


def available_slots(request: Request, args: dict[str, Any]) -> list[dict[str, Any]]:
    """List free slots by start; the range is whole days, read in the zone that applies.

    With `make_unique` (the default) one slot stays of those that start together. A group type has the appointments
    that have a place left; with `clients_can_join_waitlist` also the full ones that have a waitlist.
    """
    start, end = _bounded(request, args, _days(request, args))
    found = [
        *_group_slots(request, args, start, end),
        *(
            {"user_id": who, "date": moment, "length": length}
            for moment, who, length in _free(request, args, start, end)
        ),
    ]
    found.sort(key=lambda slot: slot["date"])
    if args.get("make_unique") is not False:
        found = list({slot["date"]: slot for slot in reversed(found)}.values())[::-1]
    return [{"is_fully_booked": False, "has_waitlist_enabled": False, **slot} for slot in found]


def days_available(request: Request, args: dict[str, Any]) -> list[str]:
    """List the days (`2026-03-08`, in the zone that applies) that have a slot.

    `start_date` with `end_date` is the range, else the month of `date_from_month`, else the present month.
    """
    if bool(args.get("start_date")) != bool(args.get("end_date")):
        raise GraphQLError("start_date and end_date must be sent together")
    wanted = _days(request, args) if args.get("start_date") else _month(request, args)
    start, end = _bounded(request, args, wanted)
    zone = dates.zone_named(zone_of(request, args))
    moments = [
        *(slot["date"] for slot in _group_slots(request, args, start, end)),
        *(moment for moment, _, _ in _free(request, args, start, end)),
    ]
    return [day.isoformat() for day in sorted({moment.astimezone(zone).date() for moment in moments})]


def next_slot(request: Request, args: dict[str, Any]) -> str | None:
    """Return the start of the first slot there is, from `start_date_boundary` on if that is sent."""
    now = request.world.clock.now()
    start = now
    if args.get("start_date_boundary"):
        start = max(
            now, _midnight(dates.read_day(args["start_date_boundary"], zone_of(request, args)), request, args)
        )
    start, end = _bounded(request, args, (start, start + LONGEST_RANGE))
    moments = [
        *(slot["date"] for slot in _group_slots(request, args, start, end)),
        *(moment for moment, _, _ in _free(request, args, start, end)),
    ]
    if not moments:
        return None
    return dates.write(min(moments), type_name="PotentialAppointmentSlot", zone=request.zone)


def zone_of(request: Request, args: dict[str, Any]) -> str:
    """Return the zone in which a range is read: `timezone`, else the patient's of a patient's key, else the provider's."""
    if args.get("timezone"):
        return str(args["timezone"])
    if request.actor is not None and request.actor.is_patient:
        return request.zone
    clinician = provider(request.world, args.get("provider_id"))
    return clinician.timezone if clinician else request.zone


def _free(
    request: Request, args: dict[str, Any], start: datetime, end: datetime
) -> Iterator[tuple[datetime, str, int]]:
    """Return start, clinician and length of every free slot of a type that is no group's."""
    wanted = _wanted(request, args)
    if wanted is None:
        return
    for provider_id in asked_for(request, args):
        for moment in hours.slots(request.world, provider_id, wanted, start, end):
            yield moment, provider_id, wanted.length


def _group_slots(
    request: Request, args: dict[str, Any], start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    kinds = _group_kinds(request, args)
    if not kinds:
        return
    clinicians, world = asked_for(request, args), request.world
    contact = args.get("contact_type")
    for each in world.appointments:
        kind = kinds.get(each.appointment_type_id or "")
        if (
            kind is None
            or not start <= each.starts_at < end
            or each.provider_id not in clinicians
            or contact not in {None, each.contact_type}
            or not hours.takes_time_of(world, each, each.provider_id)
        ):
            continue
        if slot := _seat_slot(request, each, kind, waitlist=bool(args.get("clients_can_join_waitlist"))):
            yield slot


def _seat_slot(
    request: Request, group: Appointment, kind: AppointmentType, *, waitlist: bool
) -> dict[str, Any] | None:
    notice = timedelta(minutes=settings_for(request.world, kind).minimum_advance_schedule_time)
    full = seats.is_full(request.world, group)
    if group.starts_at < request.world.clock.now() + notice:
        return None
    if full and not (waitlist and kind.is_waitlist_enabled):
        return None
    return {
        "user_id": group.provider_id,
        "date": group.starts_at,
        "length": group.length,
        "appointment_id": group.id,
        "appointment_type": kind,
        "is_fully_booked": full,
        "has_waitlist_enabled": kind.is_waitlist_enabled,
    }


def _group_kinds(request: Request, args: dict[str, Any]) -> dict[str, AppointmentType]:
    """Return the group types that are meant: `appointment_type_ids` if sent, which overrides `appt_type_id`."""
    asked = args.get("appointment_type_ids") or [args.get("appt_type_id")]
    kinds = (appointment_type_of(request.world, each) for each in asked if each)
    return {kind.id: kind for kind in kinds if kind and kind.is_group}


def _wanted(request: Request, args: dict[str, Any]) -> hours.Wanted | None:
    """Read what the visit needs; None if a filter is of the wrong kind, which finds nothing and is no error."""
    if args.get("appointment_type_ids"):  # these are group types
        return None
    type_id, place = args.get("appt_type_id"), args.get("appt_loc_id")
    kind = appointment_type_of(request.world, type_id)
    if (type_id and kind is None) or (kind and kind.is_group):
        return None
    if place and request.world.appointment_locations.get(place) is None:
        return None
    length = str(args.get("length") or (kind.length if kind else UNSAID_LENGTH))
    if not length.isdecimal() or not 0 < int(length) <= hours.LONGEST_VISIT:
        return None
    return hours.Wanted(
        kind=kind,
        length=int(length),
        contact_type=args.get("contact_type"),
        appointment_location_id=place,
        moved_appointment_id=args.get("appointment_to_reschedule_id"),
    )


def _days(request: Request, args: dict[str, Any]) -> Range:
    """Read the range of `start_date` and `end_date`, whole days both; each is today if it is not sent."""
    zone = zone_of(request, args)
    today = request.world.clock.now().astimezone(dates.zone_named(zone)).date()
    first = dates.read_day(args["start_date"], zone) if args.get("start_date") else today
    last = dates.read_day(args["end_date"], zone) if args.get("end_date") else max(today, first)
    return _midnight(first, request, args), _midnight(last + timedelta(days=1), request, args)


def _month(request: Request, args: dict[str, Any]) -> Range:
    zone = zone_of(request, args)
    today = request.world.clock.now().astimezone(dates.zone_named(zone)).date()
    named = dates.read_day(args["date_from_month"], zone) if args.get("date_from_month") else today
    first = named.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first, request, args), _midnight(following, request, args)


def _bounded(request: Request, args: dict[str, Any], asked: Range) -> Range:
    """Narrow a range by the boundaries, both inclusive days."""
    zone, (start, end) = zone_of(request, args), asked
    if args.get("start_date_boundary"):
        start = max(start, _midnight(dates.read_day(args["start_date_boundary"], zone), request, args))
    if args.get("end_date_boundary"):
        after = dates.read_day(args["end_date_boundary"], zone) + timedelta(days=1)
        end = min(end, _midnight(after, request, args))
    if end - start > LONGEST_RANGE:
        raise GraphQLError(f"Ask for at most {LONGEST_RANGE.days} days")
    return start, end


def _midnight(day: date, request: Request, args: dict[str, Any]) -> datetime:
    return dates.read(day.isoformat(), zone_of(request, args))


def exists_for(kind: AppointmentType, request: Request, args: dict[str, Any]) -> bool:
    """Return whether a type has a slot in the time that clients may book ahead."""
    asked = {
        "appt_type_id": kind.id,
        "appt_loc_id": args.get("appointment_location_id"),
        "org_level": bool(args.get("org_level") or args.get("provider_ids")),
        "provider_id": args.get("provider_id"),
        "provider_ids": args.get("provider_ids"),
    }
    return next_slot(request, asked) is not None


RESOLVERS = {
    "Query.availableSlotsForRange": available_slots,
    "Query.daysAvailableForRange": days_available,
    "Query.nextAvailableSlot": next_slot,
    "AppointmentType.availability_exists_for": exists_for,
    "AppointmentType.has_available_group_appts": lambda kind, request, args: (
        kind.is_group and exists_for(kind, request, {"org_level": not args.get("provider_id"), **args})
    ),
}
