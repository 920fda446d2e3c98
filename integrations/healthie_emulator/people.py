"""Members and patients: who they are, and who may see them."""

from collections.abc import Callable, Iterable
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
    user = world.users.get(user_id)
    return user if user and user.is_active_provider and user.active else None


def licenses(world: World, user_id: str) -> list[StateLicense]:
    """Return the states in which a clinician may treat."""
    return [license_ for license_ in world.state_licenses if license_.user_id == user_id]


def licensed_in(world: World, user_id: str, state: str) -> bool:
    """Return whether a clinician is licensed in a state, given as `CA` or `California`."""
    wanted = state.strip().lower()
    return any(
        wanted in {each.state.lower(), each.full_state_name.lower()} for each in licenses(world, user_id)
    )


def _search(keywords: str | None) -> Callable[[User], bool]:
    """Return whether a user has every word somewhere: in the id, names, email, date of birth, record identifier or NPI."""
    words = (keywords or "").lower().split()
    return lambda user: all(word in user.searched for word in words)


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
    """List the practice's patients, by last name unless `order_by` says otherwise; staff share all of them.

    As the reference has it, `email` filters nothing, `id` only finds for Healthie's own superadmins, `has_cc_on_file: false` does
    nothing, and only `limited_to_provider` narrows to the patients whose main clinician `provider_id`, or the key's owner, is.
    """
    world, me = request.world, request.me
    ids = {str(i) for i in args.get("ids") or () if i}
    owner = (args.get("provider_id") or me.user.id) if args.get("limited_to_provider") else None
    with_card = _card_holders(world) if args.get("has_cc_on_file") else None
    found_by_words, has_status = _search(args.get("keywords")), _status(world, args.get("active_status"))
    hidden = args.get("show_all_by_default") is False and not args.get("keywords")
    found = (
        each
        for each in (() if hidden else world.users)
        if each.is_patient
        and has_status(each)
        and found_by_words(each)
        and me.sees_patient(each.id)
        and permissions.sees_client(request, each)
        and (not ids or each.id in ids)
        and (with_card is None or each.id in with_card)
        and owner in (None, each.dietitian_id)
    )
    return page(in_order(found, args, USER_ORDERS, "LAST_NAME_ASC"), args)


def _card_holders(world: World) -> set[str]:
    return {card.user_id for card in world.cards if card.deleted_at is None}


def _status(world: World, status: str | None) -> Callable[[User], bool]:
    """Return whether a user has the status asked for.

    Whether an answer without one holds those who are archived is not documented: a switch.
    """
    if status is None and world.switches.archived_users_unasked:
        return lambda _: True
    wanted = (status or "active").lower() != "archived"
    return lambda user: user.active is wanted


def _organization_members(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the practice's members; a patient's key sees the clinicians among them."""
    state, found_by_words = args.get("licensed_in_state"), _search(args.get("keywords"))
    found = (
        each
        for each in request.world.users
        if not each.is_patient
        and (not request.me.is_patient or each.is_active_provider)
        and (not state or licensed_in(request.world, each.id, state))
        and found_by_words(each)
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
