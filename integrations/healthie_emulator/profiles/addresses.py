"""Postal addresses of users: added by a mutation of their own, or with the user."""

from collections.abc import Callable, Iterable
from typing import Any

from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import Location
from integrations.healthie_emulator.state import Request, World

FIELDS = ("city", "country", "line1", "line2", "name", "state", "zip")
MORE_FIELDS = ("npi", "other_id", "other_id_qual", "place_of_service_id")

Given = dict[str, Any]


def write_all(world: World, user_id: str, listed: Iterable[Given | None]) -> None:
    """Add an address for each entry without an id of the user's, change the others, delete those with `_destroy`."""
    for given in listed:
        if not given:
            continue
        found = world.locations.get(given.get("id"))
        own = found if found and found.user_id == user_id else None
        values = {name: given[name] for name in FIELDS if given.get(name) is not None}
        if own is None:
            _added(world, user_id, values)
        elif given.get("_destroy"):
            world.locations.remove(own.id)
            world.emit("location.deleted", "Location", own.id, user_id=user_id)
        elif values:
            world.locations.change(own.id, **values)
            world.emit("location.updated", "Location", own.id, tuple(values), user_id=user_id)


def _added(world: World, user_id: str, values: Given) -> Location:
    made = world.locations.add(user_id=user_id, **values)
    world.emit("location.created", "Location", made.id, user_id=user_id)
    return made


def _create(request: Request, given: Given) -> Given:
    """Add an address to a patient, or to the key's owner."""
    me = request.me.user
    user = patient(request, given.get("user_id")) if given.get("user_id") not in (None, me.id) else me
    if user is None:
        return refused("User must exist", field="user_id")
    values = {name: given[name] for name in (*FIELDS, *MORE_FIELDS) if given.get(name) is not None}
    return {"location": _added(request.world, user.id, values)}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createLocation": _create,
    "Location.user": lambda place, request, _: request.world.users.get(place.user_id),
}
