"""What a checkout asks for, read and found possible: a visit at a free time, seats, a plan, an invoice."""

import dataclasses
from datetime import datetime
from typing import Any

from integrations.healthie_emulator.errors import Refusal
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.scheduling import policy, seats
from integrations.healthie_emulator.scheduling.reading import read_place, read_start, require_free
from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentType
from integrations.healthie_emulator.scheduling.settings import settings_for
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.visit_types import appointment_type_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a checkout asks for, read and found possible."""

    kind: AppointmentType | None = None
    values: dict[str, Any] | None = None  # of a visit to be booked
    groups: tuple[Appointment, ...] = ()
    waiting: bool = False
    offering_id: str | None = None
    invoice_id: str | None = None


def read(request: Request, given: dict[str, Any]) -> Wanted:
    """Read a checkout; raise Refusal for what cannot be."""
    world = request.world
    group_ids = [
        each for each in [given.get("appointment_id"), *(given.get("appointment_ids") or [])] if each
    ]
    offering_id, invoice_id = given.get("offering_id"), given.get("requested_payment_id")
    if offering_id and world.offerings.get(offering_id) is None:
        raise Refusal("offering_id", "Offering not found")
    if invoice_id and world.requested_payments.get(invoice_id) is None:
        raise Refusal("requested_payment_id", "Requested payment not found")
    bought: dict[str, Any] = {"offering_id": offering_id, "invoice_id": invoice_id}
    if group_ids:
        return _read_groups(request, given, list(dict.fromkeys(group_ids)), bought)
    if given.get("appointment_type_id") or given.get("date"):
        return _read_visit(request, given, bought)
    if not offering_id and not invoice_id:
        raise Refusal("appointment_type_id", "Appointment type can't be blank")
    return Wanted(**bought)


def _read_groups(request: Request, given: dict[str, Any], ids: list[str], bought: dict[str, Any]) -> Wanted:
    """Read which groups are joined: each has a place left, or a waitlist that is asked for."""
    world, waiting = request.world, bool(given.get("is_joining_waitlist"))
    groups = []
    for each in ids:
        group = world.appointments.get(each)
        kind = appointment_type_of(world, group.appointment_type_id) if group else None
        if group is None or kind is None or not kind.is_group or not policy.is_active(group):
            raise Refusal("appointment_id", "Appointment not found")
        _require_bookable(world, kind, group.starts_at)
        if waiting and not kind.is_waitlist_enabled:
            raise Refusal("is_joining_waitlist", "This appointment has no waitlist")
        if not waiting and seats.is_full(world, group):
            raise Refusal("appointment_id", "This appointment is fully booked")
        groups.append(group)
    kind = appointment_type_of(world, groups[0].appointment_type_id)
    return Wanted(kind=kind, groups=tuple(groups), waiting=waiting, **bought)


def _read_visit(request: Request, given: dict[str, Any], bought: dict[str, Any]) -> Wanted:
    world = request.world
    kind = appointment_type_of(world, given.get("appointment_type_id"))
    if kind is None or kind.is_group:
        raise Refusal("appointment_type_id", "Appointment type not found")
    if not given.get("contact_type"):
        raise Refusal("contact_type", "Contact type can't be blank")
    clinician = provider(world, given.get("provider_id") or _own_provider(request))
    if clinician is None:
        raise Refusal("provider_id", "Provider not found")
    zone = given.get("timezone") or (request.zone if request.actor else clinician.timezone)
    starts_at = read_start(request, {"datetime": given.get("date"), "timezone": zone})
    _require_bookable(world, kind, starts_at)
    values = {
        "provider_id": clinician.id,
        "other_party_id": clinician.id,
        "appointment_type_id": kind.id,
        "starts_at": starts_at,
        "length": kind.length,
        "contact_type": given["contact_type"],
        "appointment_location_id": read_place(world, given, kind),
        "location": given.get("location"),
        "reason": given.get("reason"),
        "confirmed": settings_for(world, kind).confirm_by_default,
    }
    require_free(world, values, None)
    return Wanted(kind=kind, values=values, **bought)


def _own_provider(request: Request) -> str | None:
    return request.actor.user.dietitian_id if request.actor else None


def _require_bookable(world: World, kind: AppointmentType, starts_at: datetime) -> None:
    settings = settings_for(world, kind)
    if not kind.clients_can_book or settings.prevent_client_booking:
        raise Refusal("appointment_type_id", "Clients cannot book this appointment type")
    if starts_at < world.clock.now():
        raise Refusal("date", "This time is not available")
