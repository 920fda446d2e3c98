"""Members and patients: who they are, who may see them, how patients are added, and keys."""

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.records import ApiKey, Location, Organization, StateLicense, User
from integrations.healthie_emulator.state import Request, World

USER_ORDERS = {
    "EMAIL": lambda user: user.email or "",
    "FIRST_NAME": lambda user: user.first_name.lower(),
    "LAST_NAME": lambda user: user.last_name.lower(),
    "CREATED_AT": lambda user: user.created_at,
    "UPDATED_AT": lambda user: user.updated_at,
}

# What a client's record takes as it is given.
PLAIN_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "gender",
    "legal_name",
    "metadata",
    "timezone",
)


def full_name(user: User) -> str:
    """Write a person's whole name."""
    return f"{user.first_name} {user.last_name}".strip()


def patient(request: Request, user_id: object) -> User | None:
    """Answer a patient that exists for the actor; one that is another patient's to see looks missing."""
    user = request.world.users.get(user_id)
    return user if user and user.is_patient and request.me.sees_patient(user.id) else None


def providers(world: World) -> list[User]:
    """Answer the clinicians who see patients."""
    return [user for user in world.users if user.is_active_provider and user.active]


def provider(world: World, user_id: object) -> User | None:
    """Answer a clinician by id."""
    return next((user for user in providers(world) if user.id == str(user_id)), None)


def licenses(world: World, user_id: str) -> list[StateLicense]:
    """Answer the states in which a clinician may treat."""
    return [license_ for license_ in world.state_licenses if license_.user_id == user_id]


def licensed_in(world: World, user_id: str, state: str) -> bool:
    """Tell whether a clinician is licensed in a state, given as `CA` or `California`."""
    wanted = state.strip().lower()
    return any(
        wanted in {each.state.lower(), each.full_state_name.lower()} for each in licenses(world, user_id)
    )


def _matches(user: User, keywords: str | None) -> bool:
    words = (keywords or "").lower().split()
    text = f"{full_name(user)} {user.email or ''}".lower()
    return all(word in text for word in words)


def _current_user(request: Request, _args: dict[str, Any]) -> User:
    return request.me.user


def _user(request: Request, args: dict[str, Any]) -> User | None:
    me, world = request.me, request.world
    found = world.users.get(args.get("id"))
    if found is None and args.get("email"):
        found = next((u for u in world.users if (u.email or "").lower() == args["email"].lower()), None)
    if found is None:
        return me.user if args.get("or_current_user") else None
    return found if not me.is_patient or found.id == me.user.id else None


def _users(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List patients; `provider_id` is their main clinician."""
    email = (args.get("email") or "").strip().lower()
    ids = {i for i in [args.get("id"), *(args.get("ids") or [])] if i}
    found = (
        each
        for each in request.world.users
        if each.is_patient
        and request.me.sees_patient(each.id)
        and (not email or (each.email or "").lower() == email)
        and (not ids or each.id in ids)
        and (not args.get("provider_id") or each.dietitian_id == args["provider_id"])
        and _has_status(each, args.get("active_status"))
        and _matches(each, args.get("keywords"))
    )
    return page(in_order(found, args, USER_ORDERS, "CREATED_AT_ASC"), args)


def _has_status(user: User, status: str | None) -> bool:
    return {"active": user.active, "archived": not user.active}.get((status or "").lower(), True)


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


def _api_keys(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    words = (args.get("keywords") or "").lower()
    found = (key for key in request.world.api_keys if _owns(request, key) and words in key.name.lower())
    orders = {"CREATED_AT": lambda key: key.created_at, "NAME": lambda key: key.name.lower()}
    return page(in_order(found, args, orders, "CREATED_AT_ASC"), args)


def _owns(request: Request, key: ApiKey) -> bool:
    return request.me.is_admin or key.user_id == request.me.user.id


def _create_api_key(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Mint a key; for another user only with an administrator's key. Needs a permission (a switch)."""
    me, world = request.me, request.world
    owner_id = given.get("user_id") or me.user.id
    if not world.switches.may_create_api_keys or (owner_id != me.user.id and not me.is_admin):
        raise not_allowed()
    if world.users.get(owner_id) is None:
        return refused("User not found", field="user_id")
    key_id = world.api_keys.new_id()
    key = world.api_keys.add(
        id=key_id,
        user_id=owner_id,
        name=given.get("name") or "API key",
        secret=f"emulator-key-{world.seed}-{key_id}",
    )
    return {"api_key": key.secret, "api_key_object": key}


def _delete_api_key(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    key = request.world.api_keys.get(given.get("id"))
    if key is None or not _owns(request, key):
        return refused("API key not found", field="id")
    request.world.api_keys.remove(key.id)
    return {"api_key": key}


def _create_client(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Add a patient. One account per email, first name and last name; two people may share an email."""
    me, world = request.me, request.world
    if me.is_patient:
        raise not_allowed()
    values: dict[str, Any] = {"timezone": world.users[world.organization.owner_id].timezone, "metadata": None}
    values |= {name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None}
    values["dietitian_id"] = given.get("dietitian_id") or (me.user.id if me.user.is_active_provider else None)
    problem = _what_is_missing(given) or _check(world, values, given)
    if problem:
        return problem
    values.setdefault("email", None)
    values["dob"] = dates.read_day(given["dob"], "UTC") if given.get("dob") else None
    made = world.users.add(is_patient=True, **values)
    world.emit("patient.created", "User", made.id)
    return {"user": made}


def _what_is_missing(given: dict[str, Any]) -> dict[str, Any] | None:
    for name, words in (("first_name", "First name"), ("last_name", "Last name"), ("email", "Email")):
        may_be_left_out = name == "email" and given.get("skipped_email")
        if not (given.get(name) or "").strip() and not may_be_left_out:
            return refused(f"{words} can't be blank", field=name)
    return None


def _check(
    world: World, values: dict[str, Any], given: dict[str, Any], *, besides: str | None = None
) -> dict[str, Any] | None:
    """Refuse values that no record may have: a taken account, an unknown clinician or zone, no birthday."""
    same = (
        each
        for each in world.users
        if each.is_patient
        and each.id != besides
        and values.get("email")
        and _account(each) == _account_of(values)
    )
    if next(same, None):
        return refused("Email has already been taken", field="email")
    if values.get("email") and "@" not in values["email"]:
        return refused("Email is invalid", field="email")
    if values.get("dietitian_id") and provider(world, values["dietitian_id"]) is None:
        return refused("Provider not found", field="dietitian_id")
    try:
        dates.zone_named(values["timezone"])
        if given.get("dob"):
            dates.read_day(given["dob"], "UTC")
    except GraphQLError as error:
        return refused(error.message, field="dob" if "timezone" not in error.message else "timezone")
    return None


def _account(user: User) -> tuple[str, ...]:
    return _account_of({"email": user.email, "first_name": user.first_name, "last_name": user.last_name})


def _account_of(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple((values.get(name) or "").strip().lower() for name in ("email", "first_name", "last_name"))


def _update_client(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change a patient; a call that asks for the welcome mail again ignores every other change in it."""
    world = request.world
    found = patient(request, given["id"])
    if found is None:
        return refused("Client not found", field="id")
    if given.get("resend_welcome"):
        return {"user": found}
    changes = {
        name: given[name]
        for name in (*PLAIN_FIELDS, "dietitian_id", "active")
        if given.get(name) is not None and given[name] != getattr(found, name)
    }
    values = {name: getattr(found, name) for name in (*PLAIN_FIELDS, "dietitian_id")} | changes
    problem = _check(world, values, given, besides=found.id)
    if problem:
        return problem
    if given.get("dob"):
        changes["dob"] = dates.read_day(given["dob"], "UTC")
    if given.get("location"):
        _move(world, found.id, given["location"])
    if changes:
        found = world.users.change(found.id, **changes)
        world.emit("patient.updated", "User", found.id, tuple(changes))
    return {"user": found}


def _move(world: World, user_id: str, given: dict[str, Any]) -> None:
    values = {name: value for name, value in given.items() if name not in {"id", "_destroy"}}
    existing = next((each for each in world.locations if each.user_id == user_id), None)
    if existing is None:
        world.locations.add(user_id=user_id, **values)
    else:
        world.locations.change(existing.id, **values)


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
    "Query.apiKeys": _api_keys,
    "Mutation.createApiKey": _create_api_key,
    "Mutation.deleteApiKey": _delete_api_key,
    "Mutation.createClient": _create_client,
    "Mutation.updateClient": _update_client,
    "ApiKey.displayable_key": lambda key, *_: f"{key.secret[:4]}…{key.secret[-2:]}",
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
