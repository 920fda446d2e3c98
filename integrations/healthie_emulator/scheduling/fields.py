"""What an appointment shows: its people, times, links, and the words that Healthie has for it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.amounts import PRACTICE_CURRENCY, from_minor
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling import policy, seats
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import CONTACT_TYPES, IN_PERSON

VIDEO = CONTACT_TYPES[0]
ZOOM = "https://zoom.example"


def title_of(each: Appointment, request: Request) -> str:
    """Return the title: what it is, and with whom."""
    kind = request.world.appointment_types.get(each.appointment_type_id)
    return f"{kind.name if kind else 'Blocked'} {_name_of(each.user_id, request)}".strip()


def _name_of(user_id: str | None, request: Request) -> str:
    user = request.world.users.get(user_id)
    return full_name(user) if user else ""


def _user(name: str) -> Callable[..., User | None]:
    return lambda each, request, _: request.world.users.get(getattr(each, name))


def _providers(each: Appointment, request: Request, args: dict[str, Any]) -> list[User]:
    ids = dict.fromkeys((each.provider_id, *each.provider_ids))
    if args.get("empty_unless_multiple") and len(ids) == 1:
        return []
    return [request.world.users[i] for i in ids]


def _place(each: Appointment, request: Request, _args: dict[str, Any]) -> str | None:
    place = request.world.appointment_locations.get(each.appointment_location_id)
    return each.location or (place.location if place and each.contact_type == IN_PERSON else None)


def _written(read: Callable[[Appointment], datetime]) -> Callable[..., str]:
    """Write an instant of a field whose type is plain text."""
    return lambda each, request, _: dates.write(read(each), type_name="Appointment", zone=request.zone)


def _digest(*parts: object) -> str:
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:24]


def _has_zoom(each: Appointment, request: Request) -> bool:
    """Return whether the call is by Zoom: if the appointment says so, or the policy of all, and always for a group."""
    video = each.contact_type == VIDEO and not each.external_videochat_url
    if not video:
        return False
    by_default = policy.policy_of(request.world, each).default_to_zoom
    return each.is_zoom_chat or by_default or seats.is_group(request.world, each)


def _is_made(each: Appointment, request: Request) -> bool:
    """Return whether Zoom's meeting is there: how long after the booking is not documented, so it is a switch."""
    since = request.world.clock.now() - each.created_at
    return since.total_seconds() >= request.world.switches.zoom_ready_after


def _of_zoom(write: Callable[[str, Appointment], Any]) -> Callable[..., Any]:
    def read(each: Appointment, request: Request, _args: dict[str, Any]) -> Any:
        if not _has_zoom(each, request) or not _is_made(each, request):
            return None
        return write(str(int(_digest("zoom", each.id), 16) % 10**10), each)

    return read


def _zoom_start(each: Appointment, request: Request, args: dict[str, Any]) -> str | None:
    """Return the link that makes its holder the host; patients are not given it."""
    if request.actor is None or request.actor.is_patient:
        return None
    link: str | None = _of_zoom(lambda meeting, one: f"{ZOOM}/s/{meeting}?zak={_digest('host', one.id)}")(
        each, request, args
    )
    return link


def _session(each: Appointment, request: Request) -> str | None:
    """Return the session of Healthie's own video call (Vonage): single visits only, groups are on Zoom."""
    own = each.contact_type == VIDEO and not each.external_videochat_url and not _has_zoom(each, request)
    return f"2_{_digest('session', request.world.seed, each.id)}" if own else None


def _token(each: Appointment, request: Request, _args: dict[str, Any]) -> str | None:
    """Return the token of the key's owner for the session."""
    session = _session(each, request)
    return f"T1=={_digest(session, request.me.user.id)}" if session and request.actor else None


def _calendar_link(each: Appointment, request: Request, _args: dict[str, Any]) -> str:
    start, end = (t.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") for t in (each.starts_at, policy.end_of(each)))
    kind = request.world.appointment_types.get(each.appointment_type_id)
    asked = {"action": "TEMPLATE", "text": kind.name if kind else "Appointment", "dates": f"{start}/{end}"}
    return f"https://calendar.google.com/calendar/render?{urlencode(asked)}"


def _price(each: Appointment, request: Request, _args: dict[str, Any]) -> dict[str, Any]:
    kind = request.world.appointment_types.get(each.appointment_type_id)
    price = each.price if each.price is not None else kind.price if kind else None
    return {"price": None if price is None else from_minor(price, PRACTICE_CURRENCY), "units": None}


def _staff_only(name: str) -> Callable[..., Any]:
    def read(each: Appointment, request: Request, _args: dict[str, Any]) -> Any:
        return None if request.actor is None or request.actor.is_patient else getattr(each, name)

    return read


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Appointment.add_to_gcal_link": _calendar_link,
    "Appointment.appointment_label": lambda each, request, _: title_of(each, request),
    "Appointment.appointment_type": lambda each, request, _: request.world.appointment_types.get(
        each.appointment_type_id
    ),
    "Appointment.cancellation_reason": lambda each, request, _: request.world.cancellation_reasons.get(
        each.cancellation_reason_id
    ),
    "Appointment.client_confirmed": lambda each, *_: each.client_confirmed,
    "Appointment.date": lambda each, *_: each.starts_at,
    "Appointment.end": _written(policy.end_of),
    "Appointment.filled_embed_form": lambda each, request, _: request.world.forms.get(
        each.filled_embed_form_id
    ),
    "Appointment.generated_token": _token,
    "Appointment.is_zoom_chat": lambda each, *_: each.is_zoom_chat,
    "Appointment.location": _place,
    "Appointment.notes": _staff_only("notes"),
    "Appointment.organization_id": lambda _, request, __: request.world.organization.id,
    "Appointment.other_party_id": lambda each, *_: each.provider_id,
    "Appointment.pricing_info": _price,
    "Appointment.provider": _user("provider_id"),
    "Appointment.provider_name": lambda each, request, _: _name_of(each.provider_id, request),
    "Appointment.providers": _providers,
    "Appointment.requested_payment": lambda each, request, _: request.world.requested_payments.get(
        each.requested_payment_id
    ),
    "Appointment.resourceId": lambda each, *_: each.provider_id,
    "Appointment.scheduled_by": lambda each, request, _: _name_of(each.initiator_id, request),
    "Appointment.session_id": lambda each, request, _: _session(each, request),
    "Appointment.start": _written(lambda each: each.starts_at),
    "Appointment.timezone_abbr": lambda each, request, _: each.starts_at.astimezone(
        dates.zone_named(request.zone)
    ).strftime("%Z"),
    "Appointment.title": lambda each, request, _: title_of(each, request),
    "Appointment.unauthenticated_ics_link": lambda each, request, _: (
        f"https://healthie.example/appointments/{_digest('ics', request.world.seed, each.id)}.ics"
    ),
    "Appointment.use_zoom": lambda each, request, _: _has_zoom(each, request),
    "Appointment.user": _user("user_id"),
    "Appointment.zoom_dial_in_info": _of_zoom(lambda meeting, _: f"+1 555 010 0199\nMeeting ID: {meeting}"),
    "Appointment.zoom_dial_in_info_html": _of_zoom(
        lambda meeting, _: f"+1 555 010 0199<br>Meeting ID: {meeting}"
    ),
    "Appointment.zoom_join_url": _of_zoom(lambda meeting, _: f"{ZOOM}/j/{meeting}"),
    "Appointment.zoom_meeting_id": _of_zoom(lambda meeting, _: meeting),
    "Appointment.zoom_start_url": _zoom_start,
}
