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
    """Add an address for each entry without an id of the user's, change the others, delete those with `_destroy`.

    Webhooks tell only of what the mutations of addresses themselves do.
    """
    for given in listed:
        if not given:
            continue
        found = world.locations.get(given.get("id"))
        own = found if found and found.user_id == user_id else None
        values = {name: given[name] for name in FIELDS if given.get(name) is not None}
        if own is None:
            world.locations.add(user_id=user_id, **values)
        elif given.get("_destroy"):
            world.locations.remove(own.id)
        elif values:
            world.locations.change(own.id, **values)


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
    """Change an address of a patient, or of the key's owner."""
    place, world = _named(request, given), request.world
    if place is None:
        return refused("Location not found", field="id")
    values = {name: given[name] for name in (*FIELDS, *MORE_FIELDS) if given.get(name) is not None}
    changed = world.locations.change(place.id, **values)
    world.emit("location.updated", "Location", place.id, tuple(values), user_id=place.user_id)
    return {"location": changed}


def _delete(request: Request, given: Given) -> Given:
    """Forget an address."""
    place, world = _named(request, given), request.world
    if place is None:
        return refused("Location not found", field="id")
    world.emit("location.deleted", "Location", place.id, user_id=place.user_id)
    return {"location": world.locations.remove(place.id)}


def _create(request: Request, given: Given) -> Given:
    """Add an address to a patient, or to the key's owner."""
    me = request.me.user
    user = patient(request, given.get("user_id")) if given.get("user_id") not in (None, me.id) else me
    if user is None:
        return refused("User must exist", field="user_id")
    values = {name: given[name] for name in (*FIELDS, *MORE_FIELDS) if given.get(name) is not None}
    made = request.world.locations.add(user_id=user.id, **values)
    request.world.emit("location.created", "Location", made.id, user_id=user.id)
    return {"location": made}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.locations": _listed,
    "Mutation.createLocation": _create,
    "Mutation.deleteLocation": _delete,
    "Mutation.updateLocation": _update,
    "Location.user": lambda place, request, _: request.world.users.get(place.user_id),
}
