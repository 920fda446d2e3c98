"""Availability queries: working hours, free slots, and the days that have any."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours
from integrations.healthie_emulator.people import licensed_in, provider, providers
from integrations.healthie_emulator.records import Opening, WeeklyHours
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import appointment_type_of

LONGEST_RANGE = timedelta(days=100)  # a longer one would run into the time limit of a real request


def available_slots(request: Request, args: dict[str, Any]) -> list[dict[str, Any]]:
    """List free slots by start; the range is read in `timezone`, a bare day as the whole of it.

    With `make_unique` (the default) one slot stays of those that start together.
    """
    wanted = _wanted(request, args)
    start, end = _range(request, args)
    if wanted is None:
        return []
    found = sorted(
        (moment, order, provider_id)
        for order, provider_id in enumerate(_asked_providers(request, args))
        for moment in hours.slots(request.world, provider_id, wanted, start, end)
    )
    if args.get("make_unique") is not False:
        found = list({moment: (moment, order, who) for moment, order, who in reversed(found)}.values())[::-1]
    return [
        {
            "user_id": provider_id,
            "date": moment,
            "length": wanted.length,
            "appointment_type": wanted.kind,
            "is_fully_booked": False,
            "has_waitlist_enabled": False,
        }
        for moment, _, provider_id in found
    ]


def days_available(request: Request, args: dict[str, Any]) -> list[str]:
    """List the days (`2026-03-08`, on the wall clock of `timezone`) that have a free slot."""
    wanted = _wanted(request, args)
    start, end = _range(request, args)
    if wanted is None:
        return []
    zone = dates.zone_named(args.get("timezone") or request.zone)
    days = {
        moment.astimezone(zone).date()
        for provider_id in _asked_providers(request, args)
        for moment in hours.slots(request.world, provider_id, wanted, start, end)
    }
    return [day.isoformat() for day in sorted(days)]


def _wanted(request: Request, args: dict[str, Any]) -> hours.Wanted | None:
    """Read what the visit needs; None if a filter is of the wrong kind, which finds nothing and is no error."""
    type_ids = [args.get("appt_type_id"), *(args.get("appointment_type_ids") or [])]
    type_id = next((each for each in type_ids if each), None)
    kind = appointment_type_of(request.world, type_id)
    place = args.get("appt_loc_id")
    if (type_id and kind is None) or (place and request.world.appointment_locations.get(place) is None):
        return None
    length = str(args.get("length") or (kind.length if kind else ""))
    if not length.isdecimal() or not 0 < int(length) <= hours.LONGEST_VISIT:
        return None
    return hours.Wanted(
        kind=kind,
        length=int(length),
        contact_type=args.get("contact_type"),
        appointment_location_id=place,
        moved_appointment_id=args.get("appointment_to_reschedule_id"),
    )


def _asked_providers(request: Request, args: dict[str, Any]) -> list[str]:
    """Return whose time is meant: one clinician; with `org_level` those of `provider_ids`, or all."""
    world = request.world
    if args.get("org_level"):
        asked = args.get("provider_ids") or [user.id for user in providers(world)]
    else:
        asked = [args.get("provider_id")]
    state = args.get("licensed_in_state")
    return [
        each
        for each in dict.fromkeys(asked)
        if provider(world, each)
        and each not in (args.get("exclude_provider_ids") or ())
        and (not state or licensed_in(world, each, state))
    ]


def _range(request: Request, args: dict[str, Any]) -> tuple[datetime, datetime]:
    zone = args.get("timezone") or request.zone
    if args.get("date_from_month"):
        first = dates.read_day(args["date_from_month"], zone).replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        start, end = _midnight(first, zone), _midnight(following, zone)
    else:
        start = dates.read(args["start_date"], zone) if args.get("start_date") else request.world.clock.now()
        end = _end_of(args["end_date"], zone) if args.get("end_date") else start + timedelta(days=1)
    if args.get("start_date_boundary"):
        start = max(start, dates.read(args["start_date_boundary"], zone))
    if args.get("end_date_boundary"):
        end = min(end, _end_of(args["end_date_boundary"], zone))
    if end - start > LONGEST_RANGE:
        raise GraphQLError(f"Ask for at most {LONGEST_RANGE.days} days")
    return start, end


def _end_of(text: str, zone: str) -> datetime:
    if dates.names_only_a_day(text):
        return _midnight(dates.read_day(text, zone) + timedelta(days=1), zone)
    return dates.read(text, zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=dates.zone_named(zone)).astimezone(UTC)


def availabilities(request: Request, args: dict[str, Any]) -> list[dict[str, Any]]:
    """List working hours as they were set: with `is_repeating` the weekly ones, each time of them; with `one_time` the openings.

    Without either there are none. The range is that of their starts: without `endDate` openings go on for ever, and weekly hours a week.
    """
    if request.me.is_patient or args.get("show_availability") is False:
        return []
    asked = [i for i in [args.get("provider_id"), *(args.get("provider_ids") or [])] if i]
    if not asked:
        everybody = [user.id for user in providers(request.world)]
        asked = everybody if args.get("is_org") else [request.me.user.id]
    zone = args.get("timezone") or request.zone
    first = dates.read(args["startDate"], zone) if args.get("startDate") else None
    last = dates.read(args["endDate"], zone) if args.get("endDate") else None
    found = [
        *(_weekly(request, first, last) if args.get("is_repeating") else ()),
        *(_once(request, first, last) if args.get("one_time") else ()),
    ]
    return [shown for shown in found if shown["user_id"] in asked]


def _weekly(request: Request, first: datetime | None, last: datetime | None) -> Iterator[dict[str, Any]]:
    """Return each time of the weekly hours in the range: under an id of its own, with that of the hours beside it."""
    first = first or request.world.clock.now()
    last = last or first + timedelta(days=7)
    if last - first > LONGEST_RANGE:
        raise GraphQLError(f"Ask for at most {LONGEST_RANGE.days} days")
    for weekly in request.world.weekly_hours:
        for start, end in hours.on_days(weekly, first, last):
            if first <= start < last:
                yield _shown(request, weekly) | {
                    "id": f"{start:%Y-%m-%d}-{weekly.id}",
                    "repeating_availability_id": weekly.id,
                    "is_repeating": True,
                    "day_of_week": (weekly.weekday + 1) % 7,  # Sunday is 0, as in Ruby
                    "timezone": weekly.timezone,
                    "range_start": start,
                    "range_end": end,
                }


def _once(request: Request, first: datetime | None, last: datetime | None) -> Iterator[dict[str, Any]]:
    for opening in request.world.openings:
        start = opening.range_start
        if (first is None or first <= start) and (last is None or start < last):
            yield _shown(request, opening) | {
                "is_repeating": False,
                "range_start": start,
                "range_end": opening.range_end,
            }


def _shown(request: Request, record: WeeklyHours | Opening) -> dict[str, Any]:
    world = request.world
    return {
        "id": record.id,
        "user_id": record.user_id,
        "user": world.users.get(record.user_id),
        "appointment_location_id": record.appointment_location_id,
        "appointment_types": [world.appointment_types[i] for i in record.appointment_type_ids],
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


RESOLVERS = {
    "Query.availableSlotsForRange": available_slots,
    "Query.daysAvailableForRange": days_available,
    "Query.availabilities": availabilities,
}
