"""Booking by staff: createAppointment, and what follows from a booking, whoever makes it."""

import asyncio
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, invoices, permissions
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.errors import Refusal, not_allowed
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.scheduling import requests, seats, series
from integrations.healthie_emulator.scheduling.reading import (
    PLAIN_FIELDS,
    Payload,
    comma_terminated,
    read_attendee_ids,
    read_pattern,
    read_place,
    read_price,
    read_start,
    require_free,
)
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.visit_types import appointment_type_of

DEFAULT_LENGTH = 60  # minutes, of an appointment without a type

# How long a booking looks away between its check and its entry, when it holds nothing: two at once both pass.
UNHELD_SECONDS = 0.05


async def _create(request: Request, given: dict[str, Any]) -> Payload:
    """Book for a patient, with a member's key only; availability is checked if `enforce_availability`, and never for a series."""
    if request.me.is_patient:
        raise not_allowed()
    world = request.world
    try:
        values = _read_new(request, given)
        pattern = read_pattern(given)
        guests = _attendees(request, given, values)
        if given.get("enforce_availability") and not values["is_blocker"] and pattern is None:
            require_free(world, values, None)
            if world.switches.check_availability_without_holding:
                await asyncio.sleep(UNHELD_SECONDS)
    except Refusal as refusal:
        return refusal.payload(appointment=None)
    made = bill(request, world.appointments.add(**values))
    _unarchive(request, made.user_id)
    if pattern is not None:
        made = series.start(world, made, pattern)
    if not given.get("suppress_webhook_notifications"):
        series.announce(world, "appointment.created", made)
    for guest in guests:
        if not seats.is_full(world, made):
            seats.book(request, made, guest)
    requests.close(request, made)
    return {"appointment": made}


def _unarchive(request: Request, user_id: str | None) -> None:
    """Make an archived patient active again who books; whether a booking by staff does so is a switch.

    The help centre's article on archiving has it so for bookings of the patient's own.
    """
    world = request.world
    booked = world.users.get(user_id)
    if booked and not booked.active and (request.me.is_patient or world.switches.staff_booking_unarchives):
        world.users.change(booked.id, active=True)


def _read_new(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    world, me = request.world, request.me
    is_blocker = bool(given.get("is_blocker"))
    kind = appointment_type_of(world, given.get("appointment_type_id"))
    user_id = None if kind and kind.is_group else given.get("user_id") or _only_attendee(request, given)
    if not is_blocker and not (kind and kind.is_group) and patient(request, user_id) is None:
        raise Refusal("user_id", "Client not found")
    if kind is None and (given.get("appointment_type_id") or not is_blocker):
        raise Refusal("appointment_type_id", "Appointment type not found")
    if not is_blocker and not given.get("contact_type"):
        raise Refusal("contact_type", "Contact type can't be blank")
    primary, secondary = _providers(request, given)
    starts_at = read_start(request, given)
    return {
        "user_id": user_id,
        "provider_id": primary,
        "provider_ids": secondary,
        "other_party_id": given.get("other_party_id") or None,
        "initiator_id": me.user.id,
        "last_updated_by_id": me.user.id,
        "appointment_type_id": kind.id if kind else None,
        "starts_at": starts_at,
        "length": kind.length if kind else _length(request, given, starts_at),
        "appointment_location_id": read_place(world, given, kind),
        "appointment_request_id": requests.read(world, given),
        "is_blocker": is_blocker,
        "price": read_price(given),
        **{name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None},
    }


def _only_attendee(request: Request, given: dict[str, Any]) -> str | None:
    """The one client that `attendee_ids` may name for a visit that is no group's (since 2025-05-15 no more than one)."""
    asked = read_attendee_ids(request, given)
    if len(asked) > 1:
        raise Refusal("attendee_ids", "Only one attendee is allowed")
    return asked[0] if asked else None


def _length(request: Request, given: dict[str, Any], starts_at: datetime) -> int:
    """Read how long a blocker is: until `end_date` and `end_time`."""
    if not given.get("end_time"):
        return DEFAULT_LENGTH
    zone = given.get("timezone") or request.zone
    day = given.get("end_date") or starts_at.astimezone(dates.zone_named(zone)).date().isoformat()
    try:
        return max(
            1, int((dates.read(f"{day[:10]} {given['end_time']}", zone) - starts_at).total_seconds()) // 60
        )
    except GraphQLError as error:
        raise Refusal("end_time", error.message) from None


def _providers(request: Request, given: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the primary provider and the others.

    The primary is `other_party_id`, the key's owner if it is left out; integrators report that it does not always
    override the owner, and that the owner is added: both are switches.
    """
    world, me, named = request.world, request.me, given.get("other_party_id")
    others = comma_terminated(world, given.get("providers"))
    if named and provider(world, named) is None:
        raise Refusal("other_party_id", "Provider not found")
    if not named or named == me.user.id or not world.switches.other_party_id_overrides:
        return me.user.id, others
    if world.switches.key_owner_becomes_second_provider:
        others = (me.user.id, *others)
    return named, others


def _attendees(request: Request, given: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """Read who is to have a seat in a group; `exclude_no_credits` leaves out who has no credit for it."""
    world = request.world
    kind = world.appointment_types.get(values["appointment_type_id"])
    if kind is None or not kind.is_group:
        return []
    asked = read_attendee_ids(request, given)
    if given.get("user_id"):
        asked.append(given["user_id"])
    if given.get("exclude_no_credits"):
        asked = [each for each in asked if visit_credits.quantity_of(world, each, kind.id) > 0]
    return asked


def bill(request: Request, made: Appointment) -> Appointment:
    """Use a credit of the patient; without one that was left a priced visit raises an invoice."""
    world = request.world
    kind = world.appointment_types.get(made.appointment_type_id)
    if kind is None or made.user_id is None:
        return made
    is_covered = visit_credits.covers(world, made.user_id, kind.id)
    was_used = visit_credits.use(request, made)
    if was_used:
        made = world.appointments.change(made.id, credit_was_used=True)
    is_covered = is_covered and was_used and not world.switches.credit_visit_raises_invoice
    if is_covered or not world.settings.auto_invoicing or not world.switches.booking_raises_invoice:
        return made
    if kind.price is None and made.price is None:
        return made
    return world.appointments.change(made.id, requested_payment_id=invoices.raise_invoice(request, made).id)


def visible(request: Request, appointment_id: object, *, deleted: bool = False) -> Appointment | None:
    """Return an appointment that exists for the actor; deleted ones only when asked for."""
    found = request.world.appointments.get(appointment_id)
    if found is None:
        return None
    if not request.me.sees_patient(found.user_id) and not _has_seat(request, found):
        return None
    if not permissions.sees_visit(request, found):
        return None
    return found if deleted or found.deleted_at is None else None


def _has_seat(request: Request, found: Appointment) -> bool:
    return any(
        seat.appointment_id == found.id and seat.user_id == request.me.user.id for seat in request.world.seats
    )


RESOLVERS = {"Mutation.createAppointment": _create}
