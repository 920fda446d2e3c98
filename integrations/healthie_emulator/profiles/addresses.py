"""Postal addresses of users: added by a mutation of their own, or with the user."""

from collections.abc import Callable, Iterable
from typing import Any

from integrations.healthie_emulator.connections import page
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
            _removed(world, own)
        elif values:
            _changed(world, own, values)


def _added(world: World, user_id: str, values: Given) -> Location:
    made = world.locations.add(user_id=user_id, **values)
    world.emit("location.created", "Location", made.id, user_id=user_id)
    return made


def _changed(world: World, place: Location, values: Given) -> Location:
    changed = world.locations.change(place.id, **values)
    world.emit("location.updated", "Location", place.id, tuple(values), user_id=place.user_id)
    return changed


def _removed(world: World, place: Location) -> Location:
    world.locations.remove(place.id)
    world.emit("location.deleted", "Location", place.id, user_id=place.user_id)
    return place


def _named(request: Request, given: Given) -> Location | None:
    """The address of an id, if it is the actor's own or one of a patient that the actor sees."""
    found = request.world.locations.get(given.get("id"))
    own = found is not None and found.user_id == request.me.user.id
    return found if own or (found and patient(request, found.user_id)) else None


def _listed(request: Request, args: Given) -> dict[str, Any]:
    """List the addresses of a user, the key's owner if none is named."""
    user_id = args.get("user_id") or request.me.user.id
    words = (args.get("keywords") or "").casefold()
    found = [
        each
        for each in request.world.locations
        if each.user_id == user_id
        and _named(request, {"id": each.id})
        and args.get("has_name") in (None, bool(each.name))
        and words in f"{each.name} {each.line1} {each.city}".casefold()
    ]
    return page(found, args)


def _update(request: Request, given: Given) -> Given:
    place = _named(request, given)
    if place is None:
        return refused("Location not found", field="id")
    values = {name: given[name] for name in (*FIELDS, *MORE_FIELDS) if given.get(name) is not None}
    return {"location": _changed(request.world, place, values)}


def _delete(request: Request, given: Given) -> Given:
    place = _named(request, given)
    if place is None:
        return refused("Location not found", field="id")
    return {"location": _removed(request.world, place)}


def _create(request: Request, given: Given) -> Given:
    """Add an address to a patient, or to the key's owner."""
    me = request.me.user
    user = patient(request, given.get("user_id")) if given.get("user_id") not in (None, me.id) else me
    if user is None:
        return refused("User must exist", field="user_id")
    values = {name: given[name] for name in (*FIELDS, *MORE_FIELDS) if given.get(name) is not None}
    return {"location": _added(request.world, user.id, values)}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.locations": _listed,
    "Mutation.createLocation": _create,
    "Mutation.deleteLocation": _delete,
    "Mutation.updateLocation": _update,
    "Location.user": lambda place, request, _: request.world.users.get(place.user_id),
}
