"""Fields of `User` that tell of visits: the next one, the last one, those to come."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling import policy
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request


def _active(user: User, request: Request) -> list[Appointment]:
    """Return the visits of a user that take place, or did, earliest first; none of whom the actor may not see."""
    if request.actor is None or (user.is_patient and not request.me.sees_patient(user.id)):
        return []
    found = [
        visit
        for visit in request.world.appointments
        if policy.is_active(visit)
        and user.id in (visit.user_id, visit.provider_id)
        and request.me.sees_patient(visit.user_id)
    ]
    return sorted(found, key=lambda visit: visit.starts_at)


def _upcoming(user: User, request: Request, *_: Any) -> list[Appointment]:
    now = request.world.clock.now()
    return [visit for visit in _active(user, request) if visit.starts_at > now]


def _next(user: User, request: Request, *_: Any) -> Appointment | None:
    return next(iter(_upcoming(user, request)), None)


def _last(user: User, request: Request, *_: Any) -> Appointment | None:
    now = request.world.clock.now()
    return next((visit for visit in reversed(_active(user, request)) if visit.starts_at <= now), None)


def _next_date(user: User, request: Request, *_: Any) -> Any:
    visit = _next(user, request)
    return visit.starts_at if visit else None


def _next_text(user: User, request: Request, *_: Any) -> str | None:
    visit = _next(user, request)
    return dates.write(visit.starts_at, type_name="Appointment", zone=request.zone) if visit else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "User.appointments": lambda user, request, _: _active(user, request),
    "User.last_app": _last,
    "User.next_app": _next,
    "User.next_appointment": _next_text,
    "User.next_appt_date": _next_date,
    "User.upcoming_appointments": _upcoming,
}
