"""Mutations that create, change and merge patients."""

from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request, World

# What a client's record takes as it is given.
PLAIN_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "gender",
    "legal_name",
    "record_identifier",
    "metadata",
    "timezone",
)


def _create_client(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Add a patient. One account per email, first name and last name; two people may share an email.

    Whether two without an email may have the same names is not documented, so it is a switch.
    """
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
    """Refuse invalid values: a taken account, an unknown clinician or time zone, an invalid birth date."""
    same = (
        each
        for each in world.users
        if each.is_patient
        and each.id != besides
        and (values.get("email") or world.switches.names_without_email_unique)
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
    if given.get("appointment_type_credits_attributes") and not request.me.is_patient:
        visit_credits.edit(request, found.id, given["appointment_type_credits_attributes"])
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


def _merge_clients(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Merge patients: the target gets the records of the others, which are deleted."""
    world, target = request.world, patient(request, given.get("target_user_id"))
    found = (patient(request, each) for each in given.get("ids") or ())
    others = [one.id for one in found if one and (target is None or one.id != target.id)]
    if request.me.is_patient:
        raise not_allowed()
    if target is None or not others:
        return refused("Client not found", field="ids")
    for other in others:
        _hand_over(world, other, target.id)
        world.users.remove(other)
    merged = world.users.change(target.id)
    world.emit("patient.merged", "User", merged.id)
    return {"user": merged}


def _hand_over(world: World, old: str, new: str) -> None:
    for visit in world.appointments:
        if visit.user_id == old:
            world.appointments.change(visit.id, user_id=new)
    for card in world.cards:
        if card.user_id == old:
            world.cards.change(card.id, user_id=new)
    for item in world.billing_items:
        if item.sender_id == old:
            world.billing_items.change(item.id, sender_id=new)


RESOLVERS = {
    "Mutation.mergeClients": _merge_clients,
    "Mutation.createClient": _create_client,
    "Mutation.updateClient": _update_client,
}
