"""Recurring appointments: the first is made at once, the others in the background, without any check of availability.

Such appointments send no webhooks unless Healthie switches that on for the practice.
"""

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.scheduling import seats
from integrations.healthie_emulator.scheduling.records import Appointment, Series
from integrations.healthie_emulator.state import Request, World

WEEKS = {"Weekly": 1, "Biweekly": 2, "Every 4 Weeks": 4}
INTERVALS = (*WEEKS, "Monthly")
MOST_TIMES = 104  # two years of weeks
JOB_TAKES = timedelta(minutes=2)

Pattern = tuple[str, int, bool]


def read_pattern(given: dict[str, Any]) -> Pattern | str | None:
    """Read how an appointment repeats: interval, times, `join_all`. None if it does not; a text says what is wrong with it."""
    pattern = given.get("recurring_appointment") or {}
    if not pattern and given.get("repeat"):  # the deprecated fields
        pattern = given
    interval, times = pattern.get("repeat_interval"), pattern.get("repeat_times")
    if not interval and not times:
        return None
    if interval not in INTERVALS:
        return "Repeat interval is not included in the list"
    if not str(times or "").isdecimal() or not 0 < int(str(times)) <= MOST_TIMES:
        return "Repeat times is not a number"
    return interval, int(str(times)), bool(pattern.get("join_all"))


def start(world: World, first: Appointment, pattern: Pattern) -> Appointment:
    """Begin a series with its first appointment; the others follow when the job has run."""
    interval, times, join_all = pattern
    series = world.series.add(
        repeat_interval=interval, repeat_times=times, join_all=join_all, rest_is_to_come=times > 1
    )
    if times > 1:
        world.later(JOB_TAKES.total_seconds(), lambda: _make_rest(world, series.id))
    return world.appointments.change(first.id, series_id=series.id, position_in_series=1)


def _make_rest(world: World, series_id: str) -> None:
    """Make the appointments after the first."""
    series = world.series.change(series_id, rest_is_to_come=False)
    known = members(world, series.id)
    if not known:
        return
    last = known[-1]
    position = last.position_in_series or 1
    for step in range(1, series.repeat_times - position + 1):
        values = {
            name: getattr(last, name)
            for name in last.__dataclass_fields__
            if name
            not in {"id", "created_at", "updated_at", "pm_status", "requested_payment_id", "credit_was_used"}
        }
        moment = occurrence(world, last, series.repeat_interval, step)
        made = world.appointments.add(
            **{**values, "starts_at": moment, "position_in_series": position + step, "deleted_at": None}
        )
        if series.join_all:
            for seat in seats.seats_of(world, last.id):
                seats.take(world, made, seat.user_id)
        announce(world, "appointment.created", made)


def occurrence(world: World, appointment: Appointment, interval: str, step: int) -> datetime:
    """Return the start `step` repetitions later, at the same time on the provider's wall."""
    return repeated(appointment.starts_at, world.users[appointment.provider_id].timezone, interval, step)


def repeated(start: datetime, zone_name: str, interval: str, step: int) -> datetime:
    """Return the instant `step` repetitions after `start`, at the same time on the wall of a zone."""
    zone = dates.zone_named(zone_name)
    local = start.astimezone(zone).replace(tzinfo=None)
    if interval in WEEKS:
        local += timedelta(weeks=WEEKS[interval] * step)
    else:
        year, month = divmod(local.year * 12 + local.month - 1 + step, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        local = local.replace(year=year, month=month + 1, day=day)
    return local.replace(tzinfo=zone).astimezone(UTC)


def members(world: World, series_id: str | None) -> list[Appointment]:
    """List the appointments of a series that are not deleted, by position."""
    found = [
        each
        for each in world.appointments
        if series_id is not None and each.series_id == series_id and each.deleted_at is None
    ]
    return sorted(found, key=lambda each: each.position_in_series or 0)


def following(world: World, appointment: Appointment) -> list[Appointment]:
    """List the appointments of a series after this one."""
    position = appointment.position_in_series or 0
    return [
        each for each in members(world, appointment.series_id) if (each.position_in_series or 0) > position
    ]


def split(world: World, appointment: Appointment, interval: str | None) -> None:
    """Make a series of its own of an appointment and those after it; the first of a series is not split off.

    The counts of both are brought in line, and the new one names the one that it came from.
    """
    old = world.series.get(appointment.series_id)
    position = appointment.position_in_series or 1
    if old is None or position == 1:
        return
    moved = [appointment, *following(world, appointment)]
    new = world.series.add(
        repeat_interval=interval or old.repeat_interval,
        repeat_times=old.repeat_times - position + 1,
        join_all=old.join_all,
        previous_id=old.id,
    )
    world.series.change(old.id, repeat_times=position - 1)
    for number, each in enumerate(moved, 1):
        world.appointments.change(each.id, series_id=new.id, position_in_series=number)


def announce(
    world: World, event: str, appointment: Appointment, fields: tuple[str, ...] | None = None
) -> None:
    """Send the webhooks of an appointment, if it is of those that send any."""
    if appointment.series_id is None or world.switches.recurring_appointments_notify:
        world.emit(event, "Appointment", appointment.id, fields)


def _series(each: Appointment, request: Request, *_: Any) -> Series | None:
    return request.world.series.get(each.series_id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Appointment.recurring_appointment": _series,
    "Appointment.recurring_appointment_id": lambda each, *_: each.series_id,
    "Appointment.current_position_in_recurring_series": lambda each, *_: each.position_in_series,
    "Appointment.repeat": lambda each, *_: each.series_id is not None,
    "Appointment.repeat_interval": lambda each, request, _: getattr(
        _series(each, request), "repeat_interval", None
    ),
    "Appointment.repeat_times": lambda each, request, _: getattr(
        _series(each, request), "repeat_times", None
    ),
    "Appointment.has_in_progress_job": lambda each, request, _: getattr(
        _series(each, request), "rest_is_to_come", False
    ),
    "RecurringAppointment.repeat_times": lambda series, *_: str(series.repeat_times),
    "RecurringAppointment.previous_recurring_appointment_id": lambda series, *_: series.previous_id,
    "RecurringAppointment.appointments": lambda series, request, args: page(
        [each for each in members(request.world, series.id) if request.me.sees_patient(each.user_id)], args
    ),
}
