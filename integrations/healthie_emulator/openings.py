"""Working hours on one occasion, as staff add and take them away; the weekly ones can be read."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import provider
from integrations.healthie_emulator.records import Opening, WeeklyHours
from integrations.healthie_emulator.state import Request


def _one(request: Request, args: dict[str, Any]) -> Opening | WeeklyHours | None:
    world = request.world
    return world.openings.get(args.get("id")) or world.weekly_hours.get(args.get("id"))


def _create(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Open a clinician's time once; the key's owner's own unless `user_id` says whose."""
    me, world = request.me, request.world
    if me.is_patient:
        raise not_allowed()
    clinician = provider(world, given.get("user_id") or me.user.id)
    zone = given.get("timezone") or request.zone
    if clinician is None:
        return refused("Provider not found", field="user_id", availability=None)
    if not given.get("start_datetime") or not given.get("end_datetime"):
        return refused("Range start can't be blank", field="start_datetime", availability=None)
    opening = world.openings.add(
        user_id=clinician.id,
        range_start=dates.read(given["start_datetime"], zone),
        range_end=dates.read(given["end_datetime"], zone),
        appointment_location_id=given.get("appointment_location_id"),
    )
    world.emit("availability.created", "Availability", opening.id)
    return {"availability": opening, "messages": None}


def _delete(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Close it again; nothing reads it back afterwards."""
    if request.me.is_patient:
        raise not_allowed()
    opening = request.world.openings.remove(str(given.get("id")))
    if opening is None:
        return refused("Availability not found", field="id", availability=None)
    request.world.emit("availability.deleted", "Availability", opening.id)
    return {"availability": opening, "messages": None}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.availability": _one,
    "Mutation.createAvailability": _create,
    "Mutation.deleteAvailability": _delete,
}
