"""Mutations that create, change and merge patients."""

from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.chat.conversations import begin_with_clinician
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.insurance import policies
from integrations.healthie_emulator.people import patient, provider
from integrations.healthie_emulator.profiles import accounts, addresses
from integrations.healthie_emulator.profiles.details import given_details
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.state import Request, Table, World

# What goes over to the remaining patient when two are merged, with the field that names the patient.
USERS_OWN = (
    *(("Document", "rel_user_id"), ("Document", "owner_id"), ("Policy", "user_id")),
    *(("RequestedFormCompletion", "recipient_id"), ("CompletedOnboardingItem", "user_id")),
    *(("ConversationMembership", "user_id"), ("Note", "user_id"), ("NotificationContact", "user_id")),
    *(("NotificationSetting", "user_id"), ("AppliedTag", "user_id"), ("InsuranceAuthorization", "user_id")),
)
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
    values |= given_details(given)
    values["user_group_id"] = given.get("user_group_id") or None
    values["other_provider_ids"] = tuple(i for i in given.get("other_provider_ids") or () if i)
    values.setdefault("email", None)
    values["dob"] = dates.read_day(given["dob"], "UTC") if given.get("dob") else None
    made = world.users.add(is_patient=True, **values)
    begin_with_clinician(world, made)
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
    if is_taken := accounts.taken(world, values, besides=besides):
        return is_taken
    if values.get("dietitian_id") and provider(world, values["dietitian_id"]) is None:
        return refused("Provider not found", field="dietitian_id")
    return accounts.what_is_wrong(world, {**given, "timezone": values["timezone"]})


def _update_client(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Change a patient, for staff and for the patient. A call that sends mail ignores every other change in it."""
    world = request.world
    found = patient(request, given["id"])
    if found is None:
        return refused("Client not found", field="id")
    if given.get("resend_welcome"):
        return {"user": found}
    if given.get("send_form_request_reminder"):
        return _remind(world, found, given)
    changes = {
        name: given[name]
        for name in (*PLAIN_FIELDS, "dietitian_id", "active")
        if given.get(name) is not None and given[name] != getattr(found, name)
    }
    listed = [each for each in given.get("policies") or () if each]
    values = {name: getattr(found, name) for name in (*PLAIN_FIELDS, "dietitian_id")} | changes
    problem = _check(world, values, given, besides=found.id) or policies.check(world, found.id, listed)
    if problem:
        return problem
    changes |= _other_changes(world, found, given)
    policies.write(world, found.id, listed)
    addresses.write_all(world, found.id, given.get("locations") or ())
    if given.get("appointment_type_credits_attributes") and not request.me.is_patient:
        visit_credits.edit(request, found.id, given["appointment_type_credits_attributes"])
    if given.get("location"):
        _move(world, found.id, given["location"])
    if changes:
        found = world.users.change(found.id, **changes)
        world.emit("patient.updated", "User", found.id, tuple(changes))
    if changes.get("dietitian_id"):
        begin_with_clinician(world, found)
    return {"user": found}


def _remind(world: World, found: User, given: dict[str, Any]) -> dict[str, Any]:
    """Send the mail that reminds of the intake or of one request; one of the two must be named."""
    asked = world.items["RequestedFormCompletion"].get(given.get("requested_form_completion_id"))
    if not given.get("is_intake_item") and (asked is None or asked.recipient_id != found.id):
        return refused("Requested form completion can't be blank", field="requested_form_completion_id")
    return {"user": found}


def _other_changes(world: World, found: User, given: dict[str, Any]) -> dict[str, Any]:
    """Return what changes besides names and contact: group, care team, details, archive, password."""
    wanted = given_details(given)
    if given.get("dob"):
        wanted["dob"] = dates.read_day(given["dob"], "UTC")
    if given.get("user_group_id") is not None:
        wanted["user_group_id"] = given["user_group_id"] or None  # an empty text leaves the group
    elif given.get("for_changing_groups"):
        wanted["user_group_id"] = None
    if given.get("other_provider_ids") is not None:
        wanted["other_provider_ids"] = tuple(i for i in given["other_provider_ids"] if i)
    if given.get("active") is not None and given["active"] != found.active:
        wanted["archived_at"] = None if given["active"] else world.clock.now()
    if given.get("password"):
        wanted["has_created_password"] = True
    return {name: value for name, value in wanted.items() if value != getattr(found, name)}


def _move(world: World, user_id: str, given: dict[str, Any]) -> None:
    """Change the first address of a patient, or add it."""
    existing = next((each for each in world.locations if each.user_id == user_id), None)
    named = {**given, "id": existing.id} if existing else {**given, "id": None}
    addresses.write_all(world, user_id, [named])


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
    merged = world.users.change(target.id, email=given.get("target_email") or target.email)
    for other in others:
        world.emit("patient.merged", "User", merged.id, destination_user_id=merged.id, source_user_id=other)
    return {"user": merged}


def _hand_over(world: World, old: str, new: str) -> None:
    held: tuple[tuple[Table[Any], str], ...] = (
        (world.appointments, "user_id"),
        (world.cards, "user_id"),
        (world.billing_items, "sender_id"),
        (world.forms, "user_id"),
        (world.locations, "user_id"),
    )
    for table, name in held:
        for record in table:
            if getattr(record, name) == old:
                table.change(record.id, **{name: new})
    for kind, name in USERS_OWN:
        for each in items.every(world, kind, **{name: old}):
            items.change(world, kind, each.id, **{name: new})


RESOLVERS = {
    "Mutation.mergeClients": _merge_clients,
    "Mutation.createClient": _create_client,
    "Mutation.updateClient": _update_client,
}
