"""Members and patients: who they are, and who may see them."""

from collections.abc import Iterable
from typing import Any

from integrations.healthie_emulator import permissions
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.records import Location, Organization, StateLicense, User
from integrations.healthie_emulator.state import Request, World

USER_ORDERS = {
    "EMAIL": lambda user: user.email or "",
    "FIRST_NAME": lambda user: user.first_name.lower(),
    "LAST_NAME": lambda user: user.last_name.lower(),
    "CREATED_AT": lambda user: user.created_at,
    "UPDATED_AT": lambda user: user.updated_at,
}


def full_name(user: User) -> str:
    """Write a person's whole name."""
    return f"{user.first_name} {user.last_name}".strip()


def patient(request: Request, user_id: object) -> User | None:
    """Return a patient that exists for the actor; one that is another patient's to see looks missing."""
    user = request.world.users.get(user_id)
    if user is None or not user.is_patient or not permissions.sees_client(request, user):
        return None
    return user if request.me.sees_patient(user.id) else None


def providers(world: World) -> list[User]:
    """Return the clinicians who see patients."""
    return [user for user in world.users if user.is_active_provider and user.active]


def provider(world: World, user_id: object) -> User | None:
    """Return a clinician by id."""
    return next((user for user in providers(world) if user.id == str(user_id)), None)


def licenses(world: World, user_id: str) -> list[StateLicense]:
    """Return the states in which a clinician may treat."""
    return [license_ for license_ in world.state_licenses if license_.user_id == user_id]


def licensed_in(world: World, user_id: str, state: str) -> bool:
    """Return whether a clinician is licensed in a state, given as `CA` or `California`."""
    wanted = state.strip().lower()
    return any(
        wanted in {each.state.lower(), each.full_state_name.lower()} for each in licenses(world, user_id)
    )


def _matches(user: User, keywords: str | None) -> bool:
    words = (keywords or "").lower().split()
    text = f"{full_name(user)} {user.email or ''} {user.dob or ''} {user.record_identifier or ''}".lower()
    return all(word in text for word in words)


def _current_user(request: Request, _args: dict[str, Any]) -> User:
    return request.me.user


def _user(request: Request, args: dict[str, Any]) -> User | None:
    """Return a user by id; `email` does nothing."""
    me, world = request.me, request.world
    found = world.users.get(args.get("id"))
    if found is None:
        return me.user if args.get("or_current_user") else None
    if found.is_patient and not permissions.sees_client(request, found):
        return None
    return found if not me.is_patient or found.id == me.user.id else None


def _users(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List patients; `provider_id` is their main clinician. `email` filters nothing; archived ones must be asked for."""
    ids = {i for i in [args.get("id"), *(args.get("ids") or [])] if i}
    found = (
        each
        for each in request.world.users
        if each.is_patient
        and request.me.sees_patient(each.id)
        and permissions.sees_client(request, each)
        and (not ids or each.id in ids)
        and args.get("has_cc_on_file") in (None, _has_card(request.world, each.id))
        and (not args.get("provider_id") or each.dietitian_id == args["provider_id"])
        and _has_status(each, args.get("active_status"))
        and _matches(each, args.get("keywords"))
    )
    return page(in_order(found, args, USER_ORDERS, "CREATED_AT_ASC"), args)


def _has_card(world: World, user_id: str) -> bool:
    return any(card.user_id == user_id and card.deleted_at is None for card in world.cards)


def _has_status(user: User, status: str | None) -> bool:
    return user.active is not ((status or "active").lower() == "archived")


def _organization_members(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the practice's members; a patient's key sees the clinicians among them."""
    state = args.get("licensed_in_state")
    found = (
        each
        for each in request.world.users
        if not each.is_patient
        and (not request.me.is_patient or each.is_active_provider)
        and (not state or licensed_in(request.world, each.id, state))
        and _matches(each, args.get("keywords"))
    )
    return page(in_order(found, args, USER_ORDERS, "CREATED_AT_ASC"), args)


def _organization(request: Request, args: dict[str, Any]) -> Organization | None:
    ours = request.world.organization
    return ours if args.get("id") in {None, ours.id} else None


def _state_licenses(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    asked = [i for i in [args.get("provider_id"), *(args.get("provider_ids") or [])] if i]
    owners = asked or [request.me.user.id]
    return page([each for owner in owners for each in licenses(request.world, owner)], args)


def _location(request: Request, args: dict[str, Any]) -> Location | None:
    found = request.world.locations.get(args.get("id"))
    return found if found and request.me.sees_patient(found.user_id) else None


def _locations(user: User, request: Request, _args: dict[str, Any]) -> list[Location]:
    return [each for each in request.world.locations if each.user_id == user.id]


def _first(records: Iterable[Any]) -> Any:
    return next(iter(records), None)


RESOLVERS = {
    "Query.currentUser": _current_user,
    "Query.user": _user,
    "Query.users": _users,
    "Query.organizationMembers": _organization_members,
    "Query.organization": _organization,
    "Query.stateLicenses": _state_licenses,
    "Query.location": _location,
    "Organization.state_licenses": lambda _, request, __: sorted(
        {each.state for each in request.world.state_licenses}
    ),
    "Location.to_oneline": lambda place, *_: ", ".join(
        part for part in (place.line1, place.line2, place.city, place.state, place.zip) if part
    ),
    "User.full_name": lambda user, *_: full_name(user),
    "User.dietitian": lambda user, request, _: request.world.users.get(user.dietitian_id),
    "User.organization": lambda _, request, __: request.world.organization,
    "User.organization_id": lambda _, request, __: request.world.organization.id,
    "User.default_currency": lambda *_: "USD",
    "User.state_licenses": lambda user, request, _: licenses(request.world, user.id),
    "User.locations": _locations,
    "User.location": lambda user, request, args: _first(_locations(user, request, args)),
}
