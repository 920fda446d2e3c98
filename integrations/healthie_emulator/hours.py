"""Working hours and free time: weekly hours and openings, minus booked visits.

Local hours become instants one day at a time, each end by itself, so a day on which clocks change is an hour shorter
or longer as it is on the wall; an hour that comes twice gives slots twice, told apart by their offsets.
"""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from integrations.healthie_emulator.dates import zone_named
from integrations.healthie_emulator.scheduling.records import (
    Appointment,
    AppointmentSetting,
    AppointmentType,
    Opening,
    WeeklyHours,
)
from integrations.healthie_emulator.scheduling.settings import settings_for
from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.visit_types import IN_PERSON, offers

MINUTES = {"FIVE_MINUTES": 5, "TEN_MINUTES": 10, "FIFTEEN_MINUTES": 15}

LONGEST_VISIT = 24 * 60  # minutes

# A visit with one of these statuses takes no time any more. Late Cancellation is not among those that end a visit by Healthie's
# guide on appointments, and whether it frees the time is not documented: a switch.
FREEING_STATUSES = frozenset({"Cancelled", "Late Cancellation", "Re-Scheduled"})
NOT_SURELY_FREEING = "Late Cancellation"

Span = tuple[datetime, datetime]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a visit needs of a clinician's time."""

    kind: AppointmentType | None
    length: int  # minutes
    contact_type: str | None = None
    appointment_location_id: str | None = None
    moved_appointment_id: str | None = None  # the visit that makes room for itself


def slots(
    world: World, provider_id: str, wanted: Wanted, start: datetime, end: datetime
) -> Iterator[datetime]:
    """Return the starts in [start, end) at which a clinician is free for the whole visit, ascending (UTC)."""
    if not _is_possible(provider_id, wanted):
        return
    now = world.clock.now()
    settings = settings_for(world, wanted.kind)
    start = max(start, _earliest(world, provider_id, settings))
    if settings.max_days_in_future is not None:
        end = min(end, now + timedelta(days=settings.max_days_in_future))
    length = timedelta(minutes=wanted.length)
    step = timedelta(
        minutes=settings.booking_interval_restriction or MINUTES[settings.base_calendar_interval]
    )
    taken = sorted(_taken(world, provider_id, start - timedelta(days=1), end + length, wanted))
    for opens, closes in _merged(working_hours(world, provider_id, wanted, start, end)):
        moment = opens + step * max(0, -((opens - start) // step))
        while moment + length <= closes and moment < end:
            if not any(begins < moment + length and moment < finishes for begins, finishes in taken):
                yield moment
            moment += step


def is_free(world: World, provider_id: str, wanted: Wanted, start: datetime) -> bool:
    """Return whether a visit may be booked at exactly that start, which need not be on the grid of slots."""
    if not _is_possible(provider_id, wanted):
        return False
    end = start + timedelta(minutes=wanted.length)
    if start < _earliest(world, provider_id, settings_for(world, wanted.kind)):
        return False
    if any(begins < end and start < ends for begins, ends in _taken(world, provider_id, start, end, wanted)):
        return False
    spans = _merged(working_hours(world, provider_id, wanted, start, end))
    return any(opens <= start and end <= closes for opens, closes in spans)


def _earliest(world: World, provider_id: str, settings: AppointmentSetting) -> datetime:
    """Return the first instant that the policy lets clients book: after the notice, and not on the same day if it says so."""
    now = world.clock.now()
    earliest = now + timedelta(minutes=settings.minimum_advance_schedule_time)
    if not settings.same_day_appointments:
        return earliest
    zone = zone_named(world.users[provider_id].timezone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return max(earliest, datetime.combine(tomorrow, time(), zone).astimezone(UTC))


def _is_possible(provider_id: str, wanted: Wanted) -> bool:
    kind = wanted.kind
    if kind is None:
        return True
    known = wanted.contact_type is None or wanted.contact_type in kind.available_contact_types
    return known and offers(kind, provider_id)


def working_hours(
    world: World, provider_id: str, wanted: Wanted, start: datetime, end: datetime
) -> Iterator[Span]:
    """Return the spans around [start, end) in which a clinician sees patients for such a visit."""
    for hours in world.weekly_hours:
        if hours.user_id == provider_id and _fits(hours, wanted):
            yield from on_days(hours, start, end)
    for opening in world.openings:
        if opening.user_id == provider_id and _fits(opening, wanted):
            yield opening.range_start, opening.range_end


def on_days(hours: WeeklyHours, start: datetime, end: datetime) -> Iterator[Span]:
    """Return the spans of weekly hours on the days around [start, end), ascending."""
    zone = zone_named(hours.timezone)
    day = start.astimezone(zone).date() - timedelta(days=1)  # hours past midnight began the day before
    last = end.astimezone(zone).date()
    while day <= last:
        begun = hours.first_day is None or hours.first_day <= day
        ended = hours.last_day is not None and hours.last_day < day
        if day.weekday() == hours.weekday and begun and not ended:
            closing_day = day if hours.end > hours.start else day + timedelta(days=1)
            yield _instant(day, hours.start, hours), _instant(closing_day, hours.end, hours)
        day += timedelta(days=1)


def _instant(day: date, wall: time, hours: WeeklyHours) -> datetime:
    return datetime.combine(day, wall, zone_named(hours.timezone)).astimezone(UTC)


def _fits(hours: WeeklyHours | Opening, wanted: Wanted) -> bool:
    if hours.contact_types and wanted.contact_type and wanted.contact_type not in hours.contact_types:
        return False
    if hours.appointment_type_ids and (
        wanted.kind is None or wanted.kind.id not in hours.appointment_type_ids
    ):
        return False
    in_person = wanted.contact_type == IN_PERSON
    place = wanted.appointment_location_id
    return not in_person or place in {None, hours.appointment_location_id}


def _taken(world: World, provider_id: str, start: datetime, end: datetime, wanted: Wanted) -> Iterator[Span]:
    buffer = buffer_of(world, wanted.kind)
    start, end = start - buffer, end + buffer
    for each in world.appointments:
        if each.id != wanted.moved_appointment_id and takes_time_of(world, each, provider_id):
            finishes = each.starts_at + timedelta(minutes=each.length)
            if each.starts_at < end and start < finishes:
                yield each.starts_at - buffer, finishes + buffer


def buffer_of(world: World, kind: AppointmentType | None) -> timedelta:
    """Return the time that is kept free before and after each appointment."""
    minutes = settings_for(world, kind).buffer
    return timedelta(minutes=int(minutes) if minutes.isdecimal() else 0)


def takes_time_of(world: World, appointment: Appointment, provider_id: str) -> bool:
    """Return whether an appointment keeps a clinician busy, as first or second provider."""
    return (
        provider_id in {appointment.provider_id, *appointment.provider_ids}
        and appointment.deleted_at is None
        and not _is_freed(world, appointment)
    )


def _is_freed(world: World, appointment: Appointment) -> bool:
    if appointment.pm_status == NOT_SURELY_FREEING:
        return world.switches.late_cancel_frees_time
    return appointment.pm_status in FREEING_STATUSES


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    """Join spans that touch, so that a visit may run from one into the next; ascending."""
    opens: datetime | None = None
    closes = datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        if opens is not None and start > closes:
            yield opens, closes
            opens = None
        opens, closes = (start, end) if opens is None else (opens, max(closes, end))
    if opens is not None:
        yield opens, closes
