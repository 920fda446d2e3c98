"""Changes to users besides `updateClient`: patients change themselves, staff change many patients at once."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.insurance import policies
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.profiles import accounts, addresses
from integrations.healthie_emulator.profiles.details import ALIKE
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request

# What `updateUser` takes as it is; `name` is not among them, since it does nothing.
PLAIN = (
    *(
        "first_name",
        "last_name",
        "email",
        "phone_number",
        "gender",
        "legal_name",
        "timezone",
        "qualifications",
    ),
    *("consented_to_labs", "default_onboarding_flow_id"),
    *ALIKE,
)

Given = dict[str, Any]


def _target(request: Request, given: Given) -> User | None:
    """Return whom a call means: by id, else by the present email, else the key's owner."""
    me = request.me.user
    if given.get("id"):
        return me if given["id"] == me.id else patient(request, given["id"])
    if given.get("current_email"):
        email = given["current_email"].strip().casefold()
        same = (user for user in request.world.users if user.email and user.email.casefold() == email)
        return next((user for user in same if user.id == me.id or patient(request, user.id)), None)
    return me


def _update_user(request: Request, given: Given) -> Given:
    """Change the key's owner or a patient it sees; `patient.updated` is documented for other mutations only."""
    world, user = request.world, _target(request, given)
    if user is None:
        return refused("User not found", field="id")
    values = {name: given[name] for name in PLAIN if given.get(name) is not None}
    listed = [each for each in given.get("policies") or () if each]
    refusal = _what_is_wrong(request, user, given, values) or policies.check(world, user.id, listed)
    if refusal:
        return refusal
    if given.get("dob"):
        values["dob"] = dates.read_day(given["dob"], "UTC")
    if given.get("password"):
        values["has_created_password"] = True
    user = world.users.change(user.id, **values)
    policies.write(world, user.id, listed)
    addresses.write_all(world, user.id, given.get("locations") or ())
    return {"user": user}


def _what_is_wrong(request: Request, user: User, given: Given, values: Given) -> Given | None:
    for name, words in (("first_name", "First name"), ("last_name", "Last name")):
        if given.get(name) is not None and not given[name].strip():
            return refused(f"{words} can't be blank", field=name)
    account = {name: getattr(user, name) for name in ("email", "first_name", "last_name")} | values
    is_taken = accounts.taken(request.world, account, besides=user.id) if user.is_patient else None
    return accounts.what_is_wrong(request.world, given) or is_taken


def _bulk_update(request: Request, given: Given) -> Given:
    """Change one thing of many patients: their group, else whether they are active."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    found = [patient(request, i) for i in given.get("ids") or () if i]
    users = [user for user in found if user]
    if not users or len(users) < len(found):
        return refused("Client not found", field="ids")
    changes: Given = {}
    if given.get("user_group_id"):
        if world.items["UserGroup"].get(given["user_group_id"]) is None:
            return refused("User group must exist", field="user_group_id")
        changes["user_group_id"] = given["user_group_id"]
    elif given.get("active_status") is not None:
        changes["active"] = given["active_status"]
        changes["archived_at"] = None if given["active_status"] else world.clock.now()
    added = {i for i in given.get("other_provider_ids") or () if i and world.users.get(i)}
    removed = {i for i in given.get("provider_ids_to_remove") or () if i}
    if not changes and not added and not removed:
        return refused("Active status can't be blank", field="active_status")
    changed = []
    for user in users:
        team = tuple(sorted({*user.other_provider_ids, *added} - removed, key=int))
        changed.append(world.users.change(user.id, **changes, other_provider_ids=team))
        if not given.get("suppress_patient_updated_webhooks"):
            world.emit("patient.updated", "User", user.id, tuple(changes) or ("other_provider_ids",))
    return {"users": changed}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.updateUser": _update_user,
    "Mutation.bulkUpdateClients": _bulk_update,
}
