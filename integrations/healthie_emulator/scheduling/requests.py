"""Requests for appointments: a patient, known or not, says when it would suit; staff close one by booking.

Nothing is held for them, and no webhook tells of them.
"""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.scheduling.records import (
    CLOSED,
    OPEN,
    Appointment,
    AppointmentRequest,
    Wish,
)
from integrations.healthie_emulator.state import Request, World

PLAIN = (
    "appointment_location_id",
    "appointment_type_id",
    "booking_params",
    "provider_id",
    "selected_contact_type",
    "selected_state",
)
LONGEST_CONTACT_TYPE = 25  # characters
LONGEST_STATE = 2


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Note a request; a patient's key asks for its owner, others for `patient_id` or for whom the names say."""
    world = request.world
    if not world.settings.enable_appointment_requests:
        return _refuse("base", "Appointment requests are not enabled")
    own = request.actor.user.id if request.actor and request.actor.is_patient else given.get("patient_id")
    known = world.users.get(own)
    if own and (known is None or not known.is_patient):
        return _refuse("patient_id", "Client not found")
    who = {
        "first_name": known.first_name if known else given.get("first_name"),
        "last_name": known.last_name if known else given.get("last_name"),
        "email": known.email if known else given.get("email"),
        "phone": (known.phone_number if known else None) or given.get("phone") or "",
    }
    for name in ("first_name", "last_name", "email"):
        if not who[name]:
            return _refuse(name, f"{name.replace('_', ' ').capitalize()} can't be blank")
    if len(given.get("selected_contact_type") or "") > LONGEST_CONTACT_TYPE:
        return _refuse("selected_contact_type", "Selected contact type is too long")
    if len(given.get("selected_state") or "") > LONGEST_STATE:
        return _refuse("selected_state", "Selected state is too long")
    asked = [each for each in given.get("slots") or () if each]
    made = world.appointment_requests.add(
        **who,
        **{name: given.get(name) for name in PLAIN},
        reason=given["reason"],
        timezone=given["timezone"],
        patient_id=known.id if known else None,
        slots=tuple(_wish(number, each, given["timezone"]) for number, each in enumerate(asked, 1)),
    )
    if not given.get("should_assign_provider", True):
        made = world.appointment_requests.change(made.id, provider_id=None)
    return {"appointmentRequest": made, "messages": None}


def _wish(number: int, given: dict[str, Any], zone: str) -> Wish:
    return Wish(
        id=str(number),
        slot_start=dates.read(given["slot_start"], zone),
        slot_end=dates.read(given["slot_end"], zone),
    )


def _refuse(field: str, message: str) -> dict[str, Any]:
    return refused(message, field=field, appointmentRequest=None)


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List requests: the practice's for staff, a patient's own for that patient."""
    world = request.world
    statuses = set(args.get("current_statuses") or ())
    places = set(args.get("appointment_location_ids") or ())
    first, last = args.get("range_start"), args.get("range_end")
    after = dates.read(first, request.zone) if first else None
    before = dates.read(last, request.zone) if last else None
    found = [
        each
        for each in world.appointment_requests
        if request.me.sees_patient(each.patient_id)
        and (not statuses or each.current_status in statuses)
        and (not places or each.appointment_location_id in places)
        and (after is None or any(wish.slot_start > after for wish in each.slots))
        and (before is None or any(wish.slot_start < before for wish in each.slots))
    ]
    orders: dict[str, Callable[[AppointmentRequest], Any]] = {
        "CREATED_AT": lambda each: (each.created_at, int(each.id)),
    }
    return page(in_order(found, args, orders, "CREATED_AT_DESC"), args)


def read(world: World, given: dict[str, Any]) -> str | None:
    """Read the open request that a booking is for."""
    found = world.appointment_requests.get(given.get("appointment_request_id"))
    return found.id if found and found.current_status == OPEN else None


def close(request: Request, made: Appointment) -> None:
    """Close the request that an appointment was booked for."""
    if made.appointment_request_id is not None:
        request.world.appointment_requests.change(
            made.appointment_request_id,
            current_status=CLOSED,
            closed_at=request.world.clock.now(),
            closed_by_id=request.me.user.id,
        )


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appointmentRequests": _listed,
    "Mutation.createAppointmentRequest": _create,
    "AppointmentRequestType.patient": lambda each, request, _: request.world.users.get(each.patient_id),
    "AppointmentRequestType.provider": lambda each, request, _: request.world.users.get(each.provider_id),
    "AppointmentRequestType.closed_by": lambda each, request, _: request.world.users.get(each.closed_by_id),
    "AppointmentRequestType.appointment_type": lambda each, request, _: request.world.appointment_types.get(
        each.appointment_type_id
    ),
    "AppointmentRequestType.appointment_location": lambda each, request, _: (
        request.world.appointment_locations.get(each.appointment_location_id)
    ),
    "AppointmentRequestType.first_appointment": lambda each, request, _: next(
        (one for one in request.world.appointments if one.appointment_request_id == each.id), None
    ),
    "AppointmentRequestType.slots": lambda each, *_: [
        {
            "id": wish.id,
            "appointment_request_id": each.id,
            "slot_start": wish.slot_start,
            "slot_end": wish.slot_end,
        }
        for wish in each.slots
    ],
}
