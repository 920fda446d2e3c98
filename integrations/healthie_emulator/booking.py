"""Booking: mutations that create appointments."""

import asyncio
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates, hours, invoices, packages
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.records import Appointment, AppointmentType
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.visit_types import IN_PERSON, appointment_type_of

Payload = dict[str, Any]

DEFAULT_LENGTH = 60  # minutes, of an appointment without a type

# How long a booking looks away between its check and its entry, when it holds nothing: two at once both pass.
UNHELD_SECONDS = 0.05

PLAIN_FIELDS = ("contact_type", "location", "metadata", "notes", "confirmed", "other_cancellation_reason")


class Refusal(Exception):
    """A business reason against a booking or a change: Healthie's message and its field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.payload = refused(message, field=field, appointment=None)


async def _create(request: Request, given: dict[str, Any]) -> Payload:
    """Book, without a look at availability unless `enforce_availability`; the key's owner is the primary provider."""
    try:
        values = _read_new(request, given)
        if given.get("enforce_availability") and not values["is_blocker"]:
            require_free(request.world, values, None)
            if request.world.switches.check_availability_without_holding:
                await asyncio.sleep(UNHELD_SECONDS)
    except Refusal as refusal:
        return refusal.payload
    made = _bill(request, request.world.appointments.add(**values))
    _unarchive(request, made.user_id)
    if not given.get("suppress_webhook_notifications"):
        request.world.emit("appointment.created", "Appointment", made.id)
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
    is_blocker = bool(given.get("is_blocker")) and not me.is_patient
    user_id = given.get("user_id") or (me.user.id if me.is_patient else None)
    if not is_blocker and patient(request, user_id) is None:
        raise Refusal("user_id", "Client not found")
    kind = appointment_type_of(world, given.get("appointment_type_id"))
    if kind is None and (given.get("appointment_type_id") or not is_blocker):
        raise Refusal("appointment_type_id", "Appointment type not found")
    primary, secondary = _providers(request, given, user_id)
    return {
        "user_id": user_id,
        "provider_id": primary,
        "provider_ids": secondary,
        "other_party_id": given.get("other_party_id") or None,
        "initiator_id": me.user.id,
        "last_updated_by_id": me.user.id,
        "appointment_type_id": kind.id if kind else None,
        "starts_at": read_start(request, given),
        "length": kind.length if kind else DEFAULT_LENGTH,
        "appointment_location_id": read_place(world, given, kind),
        "is_blocker": is_blocker,
        "external_videochat_url": given.get("external_videochat_url"),
        **{name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None},
    }


def _providers(request: Request, given: dict[str, Any], user_id: object) -> tuple[str, tuple[str, ...]]:
    """Return the primary provider and the others.

    A patient's key books with the clinician that it names, else with the patient's own. A member's key books with its
    owner; only if the switch says so does `other_party_id` override that, and the owner comes second.
    """
    world, me, named = request.world, request.me, given.get("other_party_id")
    others = comma_terminated(world, given.get("providers"))
    if me.is_patient:
        own = world.users[str(user_id)].dietitian_id
        chosen = provider(world, named or own)
        if chosen is None:
            raise Refusal("other_party_id", "Provider not found")
        return chosen.id, others
    if named and provider(world, named) is None:
        raise Refusal("other_party_id", "Provider not found")
    if named and named != me.user.id and world.switches.other_party_id_overrides:
        return named, (me.user.id, *others)
    return me.user.id, others


def comma_terminated(world: World, text: str | None) -> tuple[str, ...]:
    """Read `101,102,`; a list that does not end in a comma is silently no list."""
    if not text or not text.endswith(","):
        return ()
    return tuple(i for i in (part.strip() for part in text.split(",")) if provider(world, i))


def read_start(request: Request, given: dict[str, Any]) -> Any:
    """Read `datetime`, or `date` and `time`; without a `timezone` on the wall clock of the key's owner."""
    text = given.get("datetime") or " ".join(t for t in (given.get("date"), given.get("time")) if t)
    if not text:
        raise Refusal("datetime", "Date can't be blank")
    try:
        return dates.read(text, given.get("timezone") or request.zone)
    except GraphQLError as error:
        raise Refusal("datetime", error.message) from None


def read_place(world: World, given: dict[str, Any], kind: AppointmentType | None) -> str | None:
    """Read where a visit is; raise Refusal for one in person that has no place."""
    contact_type, place = given.get("contact_type"), given.get("appointment_location_id")
    if kind and contact_type and contact_type not in kind.available_contact_types:
        raise Refusal("contact_type", "Contact type is not offered for this appointment type")
    if place and world.appointment_locations.get(place) is None:
        raise Refusal("appointment_location_id", "Appointment location not found")
    if contact_type == IN_PERSON and not place:
        raise Refusal(
            "appointment_location_id", "Appointment location can't be blank for in-person appointments"
        )
    return place


def require_free(world: World, values: dict[str, Any], moved: Appointment | None) -> None:
    """Raise Refusal unless the clinician is free for what `values` say; `moved` makes room for itself."""
    wanted = hours.Wanted(
        kind=world.appointment_types.get(values["appointment_type_id"]),
        length=values["length"],
        contact_type=values.get("contact_type"),
        appointment_location_id=values["appointment_location_id"],
        moved_appointment_id=moved.id if moved else None,
    )
    if not hours.is_free(world, values["provider_id"], wanted, values["starts_at"]):
        raise Refusal("datetime", "This time is not available")


def _bill(request: Request, made: Appointment) -> Appointment:
    """Use a credit of the patient's package; without one a priced visit type raises an invoice."""
    world = request.world
    kind = world.appointment_types.get(made.appointment_type_id)
    if kind is None or made.user_id is None:
        return made
    if packages.use_credit(world, made.user_id, kind.id):
        return world.appointments.change(made.id, credit_was_used=True)
    if kind.price is None or not world.switches.booking_raises_invoice:
        return made
    return world.appointments.change(made.id, requested_payment_id=invoices.raise_invoice(request, made).id)


def visible(request: Request, appointment_id: object, *, deleted: bool = False) -> Appointment | None:
    """Return an appointment that exists for the actor; deleted ones only when asked for."""
    found = request.world.appointments.get(appointment_id)
    if found is None or not request.me.sees_patient(found.user_id):
        return None
    return found if deleted or found.deleted_at is None else None


RESOLVERS = {"Mutation.createAppointment": _create}
