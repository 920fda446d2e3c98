"""What speaks against a booking that staff are about to make: events at the same time, patients without a credit."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.errors import not_allowed
from integrations.healthie_emulator.people import full_name, provider
from integrations.healthie_emulator.scheduling import policy, series
from integrations.healthie_emulator.scheduling.reading import listed_ids
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request

CONFLICTS = "Event Conflicts"
DEFICITS = "Credit Deficits"


def _warnings(request: Request, args: dict[str, Any]) -> list[dict[str, Any]]:
    """List warnings: of the provider's calendar (and those of `additional_providers`), and of `attendee_ids`' credits."""
    if request.me.is_patient:
        raise not_allowed()
    found = []
    if events := _conflicts(request, args):
        found.append(
            {
                "category": CONFLICTS,
                "subtitle": "The provider has other events at this time. Book this one as well?",
                "potential_issues": [_line(request, each) for each in events],
                "potential_issue_ids": [each.id for each in events],
            }
        )
    if lacking := _without_credit(request, args):
        found.append(
            {
                "category": DEFICITS,
                "subtitle": "These clients have no credit for this type of appointment. Book it anyway?",
                "potential_issues": [full_name(request.world.users[each]) for each in lacking],
                "potential_issue_ids": lacking,
            }
        )
    return found


def _conflicts(request: Request, args: dict[str, Any]) -> list[Appointment]:
    world, clinician = request.world, provider(request.world, args.get("provider_id"))
    if clinician is None or not args.get("date"):
        return []
    zone = args.get("timezone") or clinician.timezone
    start = dates.read(" ".join(t for t in (args["date"], args.get("time")) if t), zone)
    length = _length(request, args)
    others = listed_ids([args.get("additional_providers")])
    spans = list(_spans(args, start, length, zone))
    return [
        each
        for each in world.appointments
        if any(hours.takes_time_of(world, each, who) for who in (clinician.id, *others))
        and policy.is_active(each)
        and each.id != args.get("current_appt_id")
        and (each.series_id is None or each.series_id != args.get("recurring_appt_id"))
        and any(each.starts_at < end and begin < policy.end_of(each) for begin, end in spans)
    ]


def _length(request: Request, args: dict[str, Any]) -> timedelta:
    kind = request.world.appointment_types.get(args.get("appointment_type_id"))
    minutes = args.get("length_in_minutes") or (kind.length if kind else None)
    if minutes is None:
        raise GraphQLError("Send appointment_type_id or length_in_minutes")
    return timedelta(minutes=minutes)


def _spans(
    args: dict[str, Any], start: datetime, length: timedelta, zone: str
) -> Iterator[tuple[datetime, datetime]]:
    """Return the time that is asked about: once, or each time that it repeats, at the same time on the wall."""
    times, interval = str(args.get("repeat_times") or "1"), str(args.get("repeat_interval"))
    repeats = bool(args.get("is_repeating")) and times.isdecimal() and interval in series.INTERVALS
    for step in range(min(int(times), series.MOST_TIMES) if repeats else 1):
        moment = series.repeated(start, zone, interval, step) if step else start
        yield moment, moment + length


def _without_credit(request: Request, args: dict[str, Any]) -> list[str]:
    ids = listed_ids(args.get("attendee_ids"))
    kind = args.get("appointment_type_id")
    if not kind:
        return []
    return [
        each
        for each in ids
        if request.world.users.get(each) and not visit_credits.quantity_of(request.world, each, kind)
    ]


def _line(request: Request, each: Appointment) -> str:
    """Write an event as `Initial Visit - Jul 11, 12:00 PM EDT`, in the zone of the key's owner."""
    kind = request.world.appointment_types.get(each.appointment_type_id)
    local = each.starts_at.astimezone(dates.zone_named(request.zone))
    when = f"{local:%b} {local.day}, {local:%-I:%M %p %Z}"
    return f"{kind.name if kind else 'Blocked'} - {when}"


RESOLVERS = {"Query.appointmentBookingWarnings": _warnings}
