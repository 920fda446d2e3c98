"""Working hours, weekly and on one occasion, as staff list, add, change and take them away."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours
from integrations.healthie_emulator.errors import Refusal, not_allowed, refused
from integrations.healthie_emulator.people import licensed_in, provider, providers
from integrations.healthie_emulator.scheduling.records import Opening, WeeklyHours
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import CONTACT_TYPES, contact_type_id

LONGEST_RANGE = timedelta(days=100)


def _listed(request: Request, args: dict[str, Any]) -> list[dict[str, Any]]:
    """List working hours as they were set: with `is_repeating` the weekly ones, each time of them; with `one_time` the openings.

    Without either there are none. The range is that of their starts, `endDate` not in it: without it openings go on
    for ever, and weekly hours a week.
    """
    if request.me.is_patient or args.get("show_availability") is False:
        return []
    zone = args.get("timezone") or request.zone
    first = dates.read(args["startDate"], zone) if args.get("startDate") else None
    last = dates.read(args["endDate"], zone) if args.get("endDate") else None
    first = first and first - timedelta(hours=args.get("start_date_padding") or 0)
    last = last and last + timedelta(hours=args.get("end_date_padding") or 0)
    weekly = args.get("is_repeating") or args.get("includeRepeating")
    asked = _whose(request, args)
    found = [
        *(_weekly(request, first, last) if weekly else ()),
        *(_once(request, first, last) if args.get("one_time") else ()),
    ]
    return [each for each in found if each["user_id"] in asked and _matches(each, args)]


def _whose(request: Request, args: dict[str, Any]) -> list[str]:
    """Return whose hours are meant; `provider_ids` counts with `is_org` only."""
    if args.get("availability_provider_id"):
        return [args["availability_provider_id"]]
    everybody = [
        user.id
        for user in providers(request.world)
        if not args.get("state_license") or licensed_in(request.world, user.id, args["state_license"])
    ]
    if args.get("is_org"):
        return [each for each in everybody if each in (args.get("provider_ids") or everybody)]
    return [args.get("provider_id") or args.get("user_id") or request.me.user.id]


def _matches(shown: dict[str, Any], args: dict[str, Any]) -> bool:
    kinds = {
        each for each in [args.get("appointment_type_id"), *(args.get("appointment_type_ids") or [])] if each
    }
    place, contact = args.get("appointment_location_id"), args.get("contact_type_id")
    return (
        (not kinds or bool(kinds & {each.id for each in shown["appointment_types"]}))
        and place in {None, shown["appointment_location_id"]}
        and (not contact or str(shown["contact_type_id"]) == contact)
    )


def _weekly(request: Request, first: datetime | None, last: datetime | None) -> Iterator[dict[str, Any]]:
    """Return each time of the weekly hours in the range: under an id of its own, with that of the hours beside it."""
    first = first or request.world.clock.now()
    last = last or first + timedelta(days=7)
    if last - first > LONGEST_RANGE:
        raise GraphQLError(f"Ask for at most {LONGEST_RANGE.days} days")
    for weekly in request.world.weekly_hours:
        for start, end in hours.on_days(weekly, first, last):
            if first <= start < last:
                yield _weekly_shown(request, weekly, start, end) | {"id": f"{start:%Y-%m-%d}-{weekly.id}"}


def _weekly_shown(request: Request, weekly: WeeklyHours, start: datetime, end: datetime) -> dict[str, Any]:
    return _shown(request, weekly, start, end) | {
        "repeating_availability_id": weekly.id,
        "is_repeating": True,
        "timezone": weekly.timezone,
        "end_on": weekly.last_day,
        "origin_start_date": start,
    }


def _once(request: Request, first: datetime | None, last: datetime | None) -> Iterator[dict[str, Any]]:
    for opening in request.world.openings:
        start = opening.range_start
        if (first is None or first <= start) and (last is None or start < last):
            yield _shown(request, opening, start, opening.range_end)


def _shown(request: Request, record: WeeklyHours | Opening, start: datetime, end: datetime) -> dict[str, Any]:
    world = request.world
    owner = world.users[record.user_id]
    local = start.astimezone(dates.zone_named(owner.timezone))
    one_contact = record.contact_types[0] if len(record.contact_types) == 1 else None
    return {
        "id": record.id,
        "is_repeating": False,
        "user_id": record.user_id,
        "user": owner,
        "resourceId": record.user_id,
        "timezone": owner.timezone,
        "timezone_abbr": local.strftime("%Z"),
        "day_of_week": (local.weekday() + 1) % 7,  # Sunday is 0, as in Ruby
        "duration_string": _in_words(end - start),
        "range_start": start,
        "range_end": end,
        "appointment_location_id": record.appointment_location_id,
        "appointment_type_id": next(iter(record.appointment_type_ids), None),
        "appointment_types": [world.appointment_types[i] for i in record.appointment_type_ids],
        "contact_type_id": contact_type_id(one_contact),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _in_words(length: timedelta) -> str:
    """Write a length as `5h` or `2h 30m`."""
    whole, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return " ".join(text for text in (f"{whole}h" if whole else "", f"{minutes}m" if minutes else "") if text)


def _one(request: Request, args: dict[str, Any]) -> dict[str, Any] | None:
    world = request.world
    return _answer(request, world.openings.get(args.get("id")) or world.weekly_hours.get(args.get("id")))


def _answer(request: Request, record: Opening | WeeklyHours | None) -> dict[str, Any] | None:
    """Show hours by themselves: weekly ones at the next time that they come."""
    if record is None:
        return None
    if isinstance(record, Opening):
        return _shown(request, record, record.range_start, record.range_end)
    now = request.world.clock.now()
    first = max(now, dates.read(record.first_day.isoformat(), record.timezone)) if record.first_day else now
    start, end = next(iter(hours.on_days(record, first, first + timedelta(days=8))), (first, first))
    return _weekly_shown(request, record, start, end)


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Open a clinician's time: once, or every week with `is_repeating` and `day_of_week`; the key owner's unless `user_id` says whose."""
    return _write(request, given, None)


def _edit(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change hours: what is not sent stays, and once may become every week."""
    world = request.world
    found = world.openings.get(given.get("id")) or world.weekly_hours.get(given.get("id"))
    if found is None and not request.me.is_patient:
        return refused("Availability not found", field="id", availability=None)
    return _write(request, given, found)


def _write(request: Request, given: dict[str, Any], old: Opening | WeeklyHours | None) -> dict[str, Any]:
    if request.me.is_patient:
        raise not_allowed()
    world = request.world
    whose = given.get("user_id") or (old.user_id if old else request.me.user.id)
    clinician = provider(world, whose)
    if clinician is None:
        return refused("Provider not found", field="user_id", availability=None)
    weekly = isinstance(old, WeeklyHours) if given.get("is_repeating") is None else given["is_repeating"]
    common = {
        "user_id": clinician.id,
        "appointment_location_id": given.get("appointment_location_id"),
        "appointment_type_ids": tuple(i for i in [given.get("appointment_type_id")] if i),
        "contact_types": _contact_types(given.get("contact_type_id")),
    }
    zone = given.get("timezone") or request.zone
    try:
        start, end = _span(given, zone)
    except Refusal as refusal:
        return refusal.payload(availability=None)
    except GraphQLError as error:
        return refused(error.message, availability=None)
    if old is not None:
        common |= {"id": old.id, "created_at": old.created_at}
        (world.weekly_hours if isinstance(old, WeeklyHours) else world.openings).remove(old.id)
    if weekly:
        local = start.astimezone(dates.zone_named(zone))
        day_of_week = given.get("day_of_week")
        made: Opening | WeeklyHours = world.weekly_hours.add(
            weekday=local.weekday() if day_of_week is None else (day_of_week - 1) % 7,
            start=local.time(),
            end=end.astimezone(dates.zone_named(zone)).time(),
            timezone=zone,
            first_day=local.date(),
            last_day=dates.read_day(given["end_on"], zone) if given.get("end_on") else None,
            **common,
        )
    else:
        made = world.openings.add(range_start=start, range_end=end, **common)
    world.emit("availability.updated" if old else "availability.created", "Availability", made.id)
    return {"availability": _answer(request, made), "messages": None}


def _contact_types(type_id: str | None) -> tuple[str, ...]:
    """Read a way to meet by its id; none means all of them."""
    return tuple(name for name in CONTACT_TYPES if type_id and contact_type_id(name) == type_id)


def _span(given: dict[str, Any], zone: str) -> tuple[datetime, datetime]:
    """Read `range_start` (`August 16, 2022`) with `time` and `end_time` (`07 30`), or two instants."""
    if given.get("start_datetime") and given.get("end_datetime"):
        return dates.read(given["start_datetime"], zone), dates.read(given["end_datetime"], zone)
    for field, words in (("range_start", "Range start"), ("time", "Time"), ("end_time", "End time")):
        if not given.get(field):
            raise Refusal(field, f"{words} can't be blank")
    start = dates.read(f"{given['range_start']} {given['time']}", zone)
    end = dates.read(f"{given.get('range_end') or given['range_start']} {given['end_time']}", zone)
    if end <= start:
        raise Refusal("end_time", "End time must be after start time")
    return start, end


def _delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Close it again; nothing reads it back afterwards."""
    if request.me.is_patient:
        raise not_allowed()
    world = request.world
    shown = _one(request, given)
    if shown is None:
        return refused("Availability not found", field="id", availability=None)
    gone = world.openings.remove(str(given["id"])) or world.weekly_hours.remove(str(given["id"]))
    world.emit("availability.deleted", "Availability", gone.id if gone else str(given["id"]))
    return {"availability": shown, "messages": None}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.availabilities": _listed,
    "Query.availability": _one,
    "Mutation.createAvailability": _create,
    "Mutation.editAvailability": _edit,
    "Mutation.deleteAvailability": _delete,
}
